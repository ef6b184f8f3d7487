package apitest

import (
	"context"

	"github.com/heliosctl/heliosctl/model"
)

// Drain implements api.Backend.
func (b *Backend) Drain(_ context.Context, req model.Request, name string, _ bool) (model.Drain, error) {
	drain := model.Drain{Since: 1500000000000, User: req.User}
	err := b.change(req.ID, func() ([]model.Event, error) {
		h, err := b.host(name)
		if err != nil {
			return nil, err
		}
		h.drain = &drain
		return []model.Event{{Type: model.EventHostDrained, Host: name, User: req.User}}, nil
	})
	return drain, err
}

// Undrain implements api.Backend.
func (b *Backend) Undrain(_ context.Context, req model.Request, name string) error {
	return b.change(req.ID, func() ([]model.Event, error) {
		h, err := b.host(name)
		if err != nil || h.drain == nil {
			return nil, err
		}
		h.drain = nil
		return []model.Event{{Type: model.EventHostUndrained, Host: name, User: req.User}}, nil
	})
}
