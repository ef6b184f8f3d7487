package client

import (
	"context"
	"net/http"

	"github.com/heliosctl/heliosctl/model"
)

// Masters returns the names of the masters that are alive.
func (c *Client) Masters(ctx context.Context) ([]string, error) {
	masters := []string{}
	err := c.call(ctx, request{method: http.MethodGet, path: path("masters")}, &masters)
	return masters, err
}

// Version returns the version of the API that the masters speak, such as 0.10.0.
func (c *Client) Version(ctx context.Context) (string, error) {
	var version string
	err := c.call(ctx, request{method: http.MethodGet, path: path("version")}, &version)
	return version, err
}

// About is what a master says of itself.
type About struct {
	Version   string `json:"version"` // of the product
	API       string `json:"api"`
	ClusterID string `json:"clusterId"`
	Master    string `json:"master"` // its name; "" from masters that do not tell it
}

// About returns what the master that answers says of itself. The original's masters fail it with CodeNotFound.
func (c *Client) About(ctx context.Context) (About, error) {
	var about About
	err := c.call(ctx, request{
		method: http.MethodGet, path: path("v1", "version"),
		absent: model.Errorf(model.CodeNotFound, "the master does not tell its product version"),
	}, &about)
	return about, err
}
