package main

import (
	"context"
	"time"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/model"
)

// following is followEvents in the background, until stop is called.
func following(ctx context.Context, api *client.Client, concerns func(model.Event) bool) (kicks <-chan struct{}, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	channel, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		followEvents(ctx, api, concerns, channel)
	}()
	return channel, func() { cancel(); <-done }
}

// followEvents kicks for every event that concerns somebody, and whenever events may have been missed: when the stream begins, and when
// it is lost. It ends with ctx.
func followEvents(ctx context.Context, api *client.Client, concerns func(model.Event) bool, kicks chan<- struct{}) {
	kick := func() {
		select {
		case kicks <- struct{}{}:
		default:
		}
	}
	pause := firstReconnect
	for ctx.Err() == nil {
		connected := false // by the stream's first event, which is a heartbeat or a reset
		for event, err := range api.Events(ctx, 0) {
			if err != nil {
				break
			}
			pause = firstReconnect
			if !connected || event.Type == model.EventReset || concerns(event) {
				kick()
			}
			connected = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
			pause = min(2*pause, lastReconnect)
			kick()
		}
	}
}
