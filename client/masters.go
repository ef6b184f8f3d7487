package client

import (
	"context"
	"net/http"
	"strconv"

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

// Self returns what the master that answers says of itself.
func (c *Client) Self(ctx context.Context) (model.MasterStatus, error) {
	var status model.MasterStatus
	err := c.call(ctx, request{method: http.MethodGet, path: path("v1", "self")}, &status)
	return status, err
}

// ConfirmedIndex returns the index that reads must reflect to be current. The master has to be the leader; others fail it with
// CodeUnavailable.
func (c *Client) ConfirmedIndex(ctx context.Context) (uint64, error) {
	var confirmed struct {
		Index uint64 `json:"index"`
	}
	err := c.call(ctx, request{method: http.MethodGet, path: path("v1", "raft", "index")}, &confirmed)
	return confirmed.Index, err
}

// GaugesSince returns the readings that came after a version of the master that answers, all of them for version 0.
func (c *Client) GaugesSince(ctx context.Context, version uint64) (model.GaugeUpdate, error) {
	var update model.GaugeUpdate
	q := query("since", strconv.FormatUint(version, 10))
	err := c.call(ctx, request{method: http.MethodGet, path: path("v1", "gauges"), query: q}, &update)
	return update, err
}
