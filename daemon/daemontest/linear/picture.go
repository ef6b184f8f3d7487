package linear

import (
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/anishathalye/porcupine"
)

// draw writes a picture of the operations of a register, to be opened in a browser.
func draw(info porcupine.LinearizationInfo, folder, host string) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	picture := filepath.Join(folder, "history-"+host+".html")
	return picture, porcupine.VisualizePath(registers, info, picture)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
