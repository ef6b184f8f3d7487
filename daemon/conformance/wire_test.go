package conformance_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"
)

// patience is how long a master may take to answer on a busy machine.
const patience = time.Minute

// answer is what came over the wire.
type answer struct {
	proto   string
	status  int
	headers []string // "Name: value" in the case and the order in which they came
	body    string   // without transfer and content encoding
}

// header returns the value of a header whose name is written exactly so, as the original's client looks it up.
func (a answer) header(name string) (string, bool) {
	for _, line := range a.headers {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return value, true
		}
	}
	return "", false
}

// wire is one connection to a master on which requests are written as bytes.
type wire struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func dial(t testing.TB, address string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	if err != nil {
		t.Fatal(err)
	}
	return &wire{t: t, conn: conn, r: bufio.NewReader(conn)}
}

func (w *wire) close() { _ = w.conn.Close() }

// write sends bytes as they are.
func (w *wire) write(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, text); err != nil {
		w.t.Fatal(err)
	}
}

// read reads the answer to a request of a method.
func (w *wire) read(method string) answer {
	w.t.Helper()
	var head bytes.Buffer
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			w.t.Fatalf("the answer ends after %q: %v", head.String(), err)
		}
		head.WriteString(line)
		if line == "\r\n" {
			break
		}
	}
	lines := strings.Split(strings.TrimSuffix(head.String(), "\r\n\r\n"), "\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(&head), &http.Request{Method: method})
	if err != nil {
		w.t.Fatal(err)
	}
	got := answer{proto: resp.Proto, status: resp.StatusCode, headers: lines[1:]}
	if method == http.MethodHead || resp.StatusCode/100 == 1 || resp.StatusCode == http.StatusNoContent {
		return got
	}
	if got.body, err = w.body(resp); err != nil {
		w.t.Fatalf("the body of %q: %v", lines, err)
	}
	return got
}

// body reads no byte more than the body has.
func (w *wire) body(resp *http.Response) (string, error) {
	var data []byte
	var err error
	switch {
	case len(resp.TransferEncoding) > 0:
		if data, err = io.ReadAll(httputil.NewChunkedReader(w.r)); err == nil {
			_, err = w.r.Discard(len("\r\n"))
		}
	case resp.ContentLength >= 0:
		data = make([]byte, resp.ContentLength)
		_, err = io.ReadFull(w.r, data)
	default:
		data, err = io.ReadAll(w.r)
	}
	if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
		return string(data), err
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	data, err = io.ReadAll(z)
	return string(data), err
}

// Headers that every request of the original's client has, and those of one with a body. It leaves Accept to Java's library.
const (
	clientHeaders = "Helios-Version: 0.9.283\r\nAccept-Encoding: gzip\r\nUser-Agent: Java/1.8.0_292\r\nHost: 127.0.0.1:5801\r\n" +
		"Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n"
	bodyHeaders = "Content-Type: application/json\r\nCharset: utf-8\r\n"
)

// requestText is a request of the original's client. Headers given replace those of the same name; one without a value is left out.
func requestText(method, target, body string, headers ...string) string {
	lines := strings.Split(strings.TrimSuffix(clientHeaders, "\r\n"), "\r\n")
	if body != "" {
		lines = append(lines, strings.Split(strings.TrimSuffix(bodyHeaders, "\r\n"), "\r\n")...)
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	} else if method == http.MethodPost || method == http.MethodPut || method == "PATCH" {
		lines = append(lines, "Content-Length: 0")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		lines = withoutHeader(lines, name)
		if value != "" {
			lines = append(lines, header)
		}
	}
	return method + " " + target + " HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

func withoutHeader(lines []string, name string) []string {
	var rest []string
	for _, line := range lines {
		if other, _, _ := strings.Cut(line, ":"); !strings.EqualFold(other, name) {
			rest = append(rest, line)
		}
	}
	return rest
}

// ask sends one request on a connection of its own.
func ask(t testing.TB, address, method, target, body string, headers ...string) answer {
	t.Helper()
	w := dial(t, address)
	defer w.close()
	w.write(requestText(method, target, body, append([]string{"Connection: close"}, headers...)...))
	return w.read(method)
}
