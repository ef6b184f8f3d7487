package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/heliosctl/heliosctl/store"
)

// purgeStopTimeout is how long a container may take to end by itself.
const purgeStopTimeout = 5 * time.Second

// Purge stops and removes every container of the configuration's agents, which must not be running. It is for clusters that are
// thrown away: nothing is reported, and records are left as they are.
func Purge(ctx context.Context, c Config) error {
	unlock, err := lockStateDir(c.StateDir)
	if err != nil {
		return err
	}
	var errs []error
	for _, config := range c.Agents {
		if err := purgeAgent(ctx, config, c.agentDir(config), c.Logger); err != nil {
			errs = append(errs, fmt.Errorf("removing what runs on %s: %w", config.Name, err))
		}
	}
	return errors.Join(append(errs, unlock())...)
}

func purgeAgent(ctx context.Context, config Agent, dir string, log *slog.Logger) error {
	records, err := store.OpenAgentRecords(filepath.Join(dir, "records"), store.AgentOptions{ID: config.ID, Logger: log})
	if err != nil {
		return err
	}
	id := records.ID()
	if err := records.Close(); err != nil {
		return err
	}
	runtime, closeRuntime, err := config.runtime(dir, log)
	if err != nil {
		return err
	}
	containers, err := runtime.List(ctx, id)
	errs := []error{err}
	for _, container := range containers {
		errs = append(errs, runtime.Stop(ctx, container.ID, purgeStopTimeout), runtime.Remove(ctx, container.ID))
	}
	return errors.Join(append(errs, closeRuntime())...)
}
