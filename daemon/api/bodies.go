package api

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/heliosctl/heliosctl/model"
)

// readBody decodes the JSON body of r. Beyond limit bytes, inflated or not, it fails with CodeTooLarge.
func readBody[T any](w http.ResponseWriter, r *http.Request, limit int64) (T, error) {
	var v T
	data, err := inflatedBody(w, r, limit)
	if err != nil {
		return v, err
	}
	err = decode(data, &v)
	return v, err
}

// decode decodes one JSON value. Nothing at all, and null, is the original's 422. Half a character in it is refused and not replaced
// by another: it may be of a token.
func decode(data []byte, v any) error {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some write a byte order mark
	switch trimmed := bytes.TrimSpace(data); {
	case len(trimmed) == 0, string(trimmed) == "null":
		return errNoBody()
	case !utf8.Valid(data):
		return model.Errorf(model.CodeInvalid, "bad JSON at %s: this is not UTF-8", position(data, firstInvalid(data)))
	}
	if err := json.Unmarshal(data, v); err != nil {
		return badBody(data, err)
	}
	return nil
}

// firstInvalid is where data that is not UTF-8 stops being so.
func firstInvalid(data []byte) int64 {
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		at += size
	}
	return int64(at + 1)
}

// errNullElement refuses a null in a list of names.
func errNullElement(i int) error {
	return model.Errorf(model.CodeInvalid, "bad request body: [%d] is null", i)
}

// badBody words what is wrong with a body, and where.
func badBody(data []byte, err error) error {
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	var coded *model.Error
	switch {
	case errors.As(err, &syntax):
		return model.Errorf(model.CodeInvalid, "bad JSON at %s: %s", position(data, syntax.Offset), syntax)
	case errors.As(err, &shape):
		where := "at " + position(data, shape.Offset)
		if shape.Field != "" {
			where = "in field " + shape.Field
		}
		return badBodyf("the %s %s does not belong there", shape.Value, where)
	case errors.As(err, &coded):
		// Whatever the fault is, it is one of the body's form: codes of the original's answers do not apply.
		return badBodyf("%s", coded.Message)
	}
	return badBodyf("%s", err)
}

func badBodyf(format string, args ...any) error {
	return model.Errorf(model.CodeInvalid, "%s", brief("bad request body: "+fmt.Sprintf(format, args...)))
}

// brief leaves out the middle of a text that repeats much of a body: where the fault is comes first, and what it is last.
func brief(text string) string {
	const kept = 400 // bytes at either end
	if len(text) <= 3*kept {
		return text
	}
	return strings.ToValidUTF8(text[:kept], "") + " … " + strings.ToValidUTF8(text[len(text)-kept:], "")
}

func position(data []byte, offset int64) string {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return fmt.Sprintf("line %d, column %d", line, max(column, 1))
}

// inflatedBody reads the body of r and undoes its content encoding.
func inflatedBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	var body io.Reader = http.MaxBytesReader(w, r.Body, limit)
	var err error
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = newInflater(body)
	default:
		return nil, &answered{
			status: http.StatusUnsupportedMediaType,
			body:   model.Errorf(model.CodeInvalid, "cannot read a body with the content encoding %q: send gzip, deflate or none", encoding),
		}
	}
	if err == nil {
		var data []byte
		data, err = io.ReadAll(io.LimitReader(body, limit+1))
		if err == nil && int64(len(data)) <= limit {
			return data, nil
		}
	}
	var large *http.MaxBytesError
	switch {
	case err == nil, errors.As(err, &large):
		return nil, errTooLarge(r, limit)
	case errors.Is(err, io.EOF) && r.ContentLength == 0:
		return nil, errNoBody()
	}
	return nil, errUnreadBody(err)
}

// errUnreadBody words why a body cannot be read to its end.
func errUnreadBody(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &answered{
			status: http.StatusRequestTimeout,
			body:   model.Errorf(model.CodeTimeout, "the request body did not come in time, so nothing was done"),
		}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return model.Errorf(model.CodeInvalid, "cannot read the request body: it ends too early")
	}
	return model.Errorf(model.CodeInvalid, "cannot read the request body: %s", err)
}

func errTooLarge(r *http.Request, limit int64) error {
	return model.Errorf(model.CodeTooLarge, "the request body is larger than %d bytes, the most that %s takes", limit, r.URL.Path)
}

// newInflater reads deflate in both of its meanings: with the zlib wrapping of the standard, and without it, as Java's servlet
// filters write it.
func newInflater(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(b)
	}
	return flate.NewReader(b), nil
}

// ok answers with JSON and status 200.
func (s *Server) ok(w http.ResponseWriter, r *http.Request, body any) error {
	data, err := encode(body)
	if err != nil {
		return fmt.Errorf("encoding an answer: %w", err)
	}
	s.write(w, r, http.StatusOK, "application/json", data)
	return nil
}

// write answers with data; none is sent without a content type. That a client is gone is only logged.
func (s *Server) write(w http.ResponseWriter, r *http.Request, status int, contentType string, data []byte) {
	if len(data) == 0 {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	if _, err := w.Write(data); err != nil {
		s.log.Debug("the client did not take the answer", "method", r.Method, "path", r.URL.Path, "error", err)
	}
}

// encode writes JSON without escaping <, > and &, as the original did.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
