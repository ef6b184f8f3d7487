package gossip

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/heliosctl/heliosctl/model"
)

// mastersFile has the gossip address of each master that was alive when the last of them came or went, one a line. Serf keeps a snapshot
// too, but writes what it learns only at a later change: a daemon that is killed before that would not find the pool again.
const mastersFile = "masters"

// readMasters returns the addresses that remember wrote in dir.
func readMasters(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, mastersFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, model.Errorf(model.CodeUnavailable, "gossip cannot read its masters: %v", err)
	}
	return strings.Fields(string(text)), nil
}

// remember keeps the addresses of the other live masters on disk until ctx ends. Those of a pool that has none are kept: whoever was
// there last may come back.
func (g *Gossip) remember(ctx context.Context) {
	var written []string
	for ctx.Err() == nil {
		changed := g.Changed()
		if masters := g.liveMasters(); len(masters) > 0 && !slices.Equal(masters, written) {
			if err := writeMasters(g.cfg.StateDir, masters); err != nil {
				g.log.Warn("the masters are not remembered across a restart", "err", err)
			}
			written = masters
		}
		select {
		case <-changed:
		case <-ctx.Done():
		case <-g.serf.ShutdownCh():
			return
		}
	}
}

// liveMasters are the gossip addresses of the masters of this cluster that are alive, other than this daemon, sorted.
func (g *Gossip) liveMasters() []string {
	g.members.mu.RLock()
	defer g.members.mu.RUnlock()
	var addrs []string
	for node, addr := range g.members.masters {
		if m := g.members.byNode[node]; node != g.node && m.Alive && !g.stranger(m) {
			addrs = append(addrs, addr)
		}
	}
	slices.Sort(addrs)
	return addrs
}

// writeMasters replaces the file as a whole: a torn one would be worse than none.
func writeMasters(dir string, masters []string) error {
	return renameio.WriteFile(filepath.Join(dir, mastersFile), []byte(strings.Join(masters, "\n")+"\n"), 0o600)
}
