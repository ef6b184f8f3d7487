package api

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// paced lifts the server's time limits off a request and its answer, which may be of any size, and bounds the time for each piece.
func (s *Server) paced(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := &pacedWriter{ResponseWriter: w, control: http.NewResponseController(w), limit: s.config.WriteTimeout}
		p.pace(p.control.SetReadDeadline, 0)
		p.pace(p.control.SetWriteDeadline, 0)
		paced := *r
		paced.Body = &pacedBody{ReadCloser: r.Body, writer: p}
		handle(p, &paced)
		p.pace(p.control.SetWriteDeadline, p.limit) // for what is still to be flushed
	}
}

// pacedWriter bounds the time that a client may take to take a piece of an answer.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	limit   time.Duration
}

// pace sets a deadline, or with zero removes it. A connection without deadlines is one that cannot stall: a test's.
func (p *pacedWriter) pace(set func(time.Time) error, limit time.Duration) {
	var deadline time.Time
	if limit > 0 {
		deadline = time.Now().Add(limit)
	}
	_ = set(deadline)
}

func (p *pacedWriter) Write(data []byte) (int, error) {
	p.pace(p.control.SetWriteDeadline, p.limit)
	defer p.pace(p.control.SetWriteDeadline, 0)
	return p.ResponseWriter.Write(data)
}

// Unwrap gives http.ResponseController the writer below.
func (p *pacedWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// pacedBody bounds the time that a client may take to send a piece of a request.
type pacedBody struct {
	io.ReadCloser
	writer *pacedWriter
}

func (b *pacedBody) Read(data []byte) (int, error) {
	b.writer.pace(b.writer.control.SetReadDeadline, b.writer.limit)
	// The server goes on reading after the body, to hear of a client that leaves; a deadline would look like that.
	defer b.writer.pace(b.writer.control.SetReadDeadline, 0)
	n, err := b.ReadCloser.Read(data)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("reading the request: %w", err)
	}
	return n, err
}
