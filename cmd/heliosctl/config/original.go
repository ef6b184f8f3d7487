package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Original is what the original Helios's command line kept in ~/.helios/config.
type Original struct {
	Masters []string // masterEndpoints: URLs, each of a cluster of its own
	Domains []string
	SRVName string
}

// OriginalPath is where the original's file is, empty without a home folder.
func OriginalPath(getenv func(string) string) string {
	home := getenv("HOME")
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".helios", "config")
}

// LoadOriginal reads the original's file. A path that is empty or names no file gives nothing. Errors name the file and the line.
func LoadOriginal(path string) (Original, error) {
	if path == "" {
		return Original{}, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Original{}, nil
	}
	if err != nil {
		return Original{}, err
	}
	o, err := ParseOriginal(string(text))
	if err != nil {
		return Original{}, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

// ParseOriginal reads the text of the original's file: HOCON, of which JSON is a part. Keys that the original did not know are left
// alone, as it did. Of HOCON it does not take substitutions, includes, += and values put together of several; it says so.
func ParseOriginal(text string) (Original, error) {
	keys, err := parseHOCON(text)
	if err != nil {
		return Original{}, err
	}
	var o Original
	if o.Masters, err = words(keys, "masterEndpoints"); err != nil {
		return Original{}, err
	}
	if o.Domains, err = words(keys, "domains"); err != nil {
		return Original{}, err
	}
	switch name := keys["srvName"].(type) {
	case nil:
	case string:
		o.SRVName = name
	default:
		return Original{}, errors.New("srvName is not a text")
	}
	return o, nil
}

// words returns a list of texts.
func words(keys map[string]any, key string) ([]string, error) {
	if keys[key] == nil {
		return nil, nil
	}
	list, ok := keys[key].([]any)
	if !ok {
		return nil, fmt.Errorf("%s is not a list: write it as %s = [\"…\"]", key, key)
	}
	var found []string
	for _, value := range list {
		word, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("%s holds something that is not a text", key)
		}
		found = append(found, word)
	}
	return found, nil
}
