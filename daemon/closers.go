package daemon

import (
	"errors"
	"net"
)

// closers release what a daemon took, the last first.
type closers struct{ list []func() error }

func (c *closers) add(closer func() error) { c.list = append(c.list, closer) }

// listen opens an address and closes it with the rest; an empty one is nil. Servers close their listener themselves, so that
// closing it a second time is no failure.
func (c *closers) listen(addr, flag string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := listen(addr, flag)
	if err != nil {
		return nil, err
	}
	c.add(unlessClosed(l.Close))
	return l, nil
}

// unlessClosed makes a closer of one that fails when what it closes was closed before.
func unlessClosed(closer func() error) func() error {
	return func() error {
		if err := closer(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

func (c *closers) close() error {
	var errs []error
	for i := len(c.list) - 1; i >= 0; i-- {
		errs = append(errs, c.list[i]())
	}
	c.list = nil
	return errors.Join(errs...)
}
