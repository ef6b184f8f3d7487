package conformance_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
)

func zipped(text string) string {
	var b bytes.Buffer
	return packed(&b, gzip.NewWriter(&b), text)
}

func deflated(text string) string {
	var b bytes.Buffer
	return packed(&b, zlib.NewWriter(&b), text)
}

// packed writes to memory, which does not fail.
func packed(b *bytes.Buffer, w io.WriteCloser, text string) string {
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}
