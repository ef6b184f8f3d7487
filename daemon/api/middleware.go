package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/heliosctl/heliosctl/model"
)

const (
	headerVersion       = "Helios-Version"
	headerServerVersion = "Helios-Server-Version"
	headerVersionStatus = "Helios-Version-Status"
	headerRequestID     = "Helios-Request-Id"

	maxRequestID = 128

	// maxChangeTarget bounds the path and the query of a change, in bytes: names, ids and users go into the log of changes. The original
	// took as much for all headers together. Reads may be longer: one may name hundreds of hosts.
	maxChangeTarget = 8 << 10
)

// Handler returns the whole API as one handler. Its streams end with Close, or with Serve.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, r *http.Request) {
		w := &recorder{ResponseWriter: writer}
		started := time.Now()
		defer func() {
			if p := recover(); p != nil {
				s.recovered(w, r, p)
			}
			s.log.Debug("request", "method", r.Method, "path", r.URL.Path, "status", w.status,
				"took", time.Since(started), "remote", r.RemoteAddr, "request_id", w.Header().Get(headerRequestID))
		}()
		s.dispatch(w, r)
	})
}

// dispatch does what applies to every request, known path or not, and finds the route.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	allowOrigins(w.Header())
	if err := s.negotiate(w.Header(), r.Header.Get(headerVersion)); err != nil {
		s.fail(w, r, err)
		return
	}
	id, err := requestID(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set(headerRequestID, id)

	r = withoutTrailingSlash(r)
	if escaped := r.URL.EscapedPath(); escaped != path.Clean(escaped) {
		// An empty or a dot segment names nothing; the mux would answer with a redirect.
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if _, pattern := s.mux.Handler(r); pattern == "" {
		s.mux.ServeHTTP(&unrouted{ResponseWriter: w, options: r.Method == http.MethodOptions}, r)
		return
	}
	if r, err = withReadableQuery(r); err != nil {
		s.fail(w, r, err)
		return
	}
	s.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
}

type requestIDKey struct{}

// request names the change that r asks for and who asks.
func request(r *http.Request) model.Request {
	id, _ := r.Context().Value(requestIDKey{}).(string)
	return model.Request{ID: id, User: r.URL.Query().Get("user")}
}

// requestID returns the id that the client gave the request, or a new one.
func requestID(r *http.Request) (string, error) {
	id := r.Header.Get(headerRequestID)
	if id == "" {
		return rand.Text(), nil
	}
	legal := len(id) <= maxRequestID
	for i := 0; legal && i < len(id); i++ {
		c := id[i]
		legal = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.:", c) >= 0
	}
	if !legal {
		return "", model.Errorf(model.CodeInvalid, "bad header %s: up to %d letters, digits and -_.: are allowed", headerRequestID, maxRequestID)
	}
	return id, nil
}

// negotiate tells the client our version and refuses one that would misunderstand us.
func (s *Server) negotiate(h http.Header, client string) error {
	status := model.CheckClientVersion(client, s.version)
	h.Set(headerServerVersion, model.ServerVersion)
	h.Set(headerVersionStatus, string(status))
	switch status {
	case model.VersionInvalid:
		return model.Errorf(model.CodeVersionHeaderUnreadable,
			"bad header %s %q: want three numbers such as %s", headerVersion, client, model.ServerVersion)
	case model.VersionIncompatible:
		return model.Errorf(model.CodeVersionIncompatible,
			"client version %s does not work with this master, which speaks %s: use a client of the same major version", client, model.ServerVersion)
	}
	return nil
}

// allowOrigins lets web pages of any origin call the API, as the original did; PATCH is ours, it had been forgotten.
func allowOrigins(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Headers", "X-Requested-With, Content-Type, Accept, Origin, Helios-Version, Helios-Request-Id")
	h.Set("Access-Control-Allow-Methods", "OPTIONS, GET, PUT, POST, DELETE, HEAD, PATCH")
	h.Set("Access-Control-Expose-Headers", "Helios-Server-Version, Helios-Version-Status, Helios-Request-Id")
}

// withoutTrailingSlash returns r with one slash less at the end of its path: both forms name the same thing.
func withoutTrailingSlash(r *http.Request) *http.Request {
	escaped := r.URL.EscapedPath()
	if len(escaped) < 2 || !strings.HasSuffix(escaped, "/") {
		return r
	}
	u := *r.URL
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(escaped, "/")
	stripped := *r
	stripped.URL = &u
	return &stripped
}

// withReadableQuery returns r with a query that the standard library reads as the original did, to which a semicolon is a character
// like any other. The library leaves out a parameter with a semicolon or with a bad escape: a filter that is left out lets everything
// through, and a token passes for none. A bad escape is refused, and half a character, which would become another one.
func withReadableQuery(r *http.Request) (*http.Request, error) {
	if !strings.ContainsAny(r.URL.RawQuery, ";%") {
		return r, nil
	}
	u := *r.URL
	u.RawQuery = strings.ReplaceAll(u.RawQuery, ";", "%3B")
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return r, model.Errorf(model.CodeInvalid, "bad query: %v", err)
	}
	for name, values := range query {
		if slices.ContainsFunc(append(values, name), func(s string) bool { return !utf8.ValidString(s) }) {
			return r, model.Errorf(model.CodeInvalid, "bad query: the parameter %q is not UTF-8", name)
		}
	}
	readable := *r
	readable.URL = &u
	return &readable, nil
}

// serve surrounds the handler of a route with what its kind needs.
func (s *Server) serve(rt route) http.Handler {
	answer := func(w http.ResponseWriter, r *http.Request) {
		if err := s.answer(rt, w, r); err != nil {
			s.fail(w, r, err)
		}
	}
	switch rt.kind {
	case kindStream:
		return http.HandlerFunc(answer)
	case kindLeader, kindUpload:
		return s.paced(answer)
	}
	return s.gzip(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := s.whole(r.Context())
		defer cancel()
		answer(w, r.WithContext(ctx))
	}))
}

// servingKey has the context that ends when the server that a request came to does.
type servingKey struct{}

// whole returns a context to carry a request out to its end in. A client may close its side of the connection when it has said
// everything, which looks as if it had gone.
func (s *Server) whole(ctx context.Context) (context.Context, context.CancelFunc) {
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.RequestTimeout)
	serving, ok := ctx.Value(servingKey{}).(context.Context)
	if !ok {
		return whole, cancel
	}
	stop := context.AfterFunc(serving, cancel)
	return whole, func() {
		stop()
		cancel()
	}
}

func (s *Server) answer(rt route, w http.ResponseWriter, r *http.Request) error {
	switch rt.kind {
	case kindWrite:
		if n := len(r.URL.RequestURI()); n > maxChangeTarget {
			return errLongTarget(n)
		}
		return s.toLeader(rt, w, r)
	case kindLeader, kindUpload:
		return s.toLeader(rt, w, r)
	case kindRead:
		if stale(r.URL.Query()) {
			break
		}
		if err := s.backend.ReadIndex(r.Context()); err != nil {
			return err
		}
	}
	return rt.handle(w, r)
}

func errLongTarget(size int) error {
	return &answered{
		status: http.StatusRequestURITooLong,
		body:   model.Errorf(model.CodeTooLarge, "the path and the parameters have %d bytes, more than the %d that a change may have", size, maxChangeTarget),
	}
}

// stale tells whether the client is content with what this master knows.
func stale(q url.Values) bool {
	return q.Get("stale") == "true"
}

// recovered answers a request whose handler panicked.
func (s *Server) recovered(w *recorder, r *http.Request, p any) {
	if p == http.ErrAbortHandler {
		panic(p)
	}
	s.log.Error("handler panicked", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler) // the answer has begun: the client must not take it for whole
	}
	s.fail(w, r, model.Errorf(model.CodeInternal, "internal error; the master's log tells more under request id %s", w.Header().Get(headerRequestID)))
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap gives http.ResponseController the writer below.
func (w *recorder) Unwrap() http.ResponseWriter {
	return w.ResponseWriter
}

// unrouted empties the mux's own answers, 404 and 405, and lets OPTIONS succeed where another method would.
type unrouted struct {
	http.ResponseWriter
	options bool
}

func (w *unrouted) WriteHeader(status int) {
	if allow := w.Header().Get("Allow"); allow != "" {
		methods := append(strings.Split(allow, ", "), http.MethodOptions)
		slices.Sort(methods)
		w.Header().Set("Allow", strings.Join(methods, ", "))
	}
	if w.options && status == http.StatusMethodNotAllowed {
		status = http.StatusOK
	}
	w.Header().Del("Content-Type")
	w.Header().Del("X-Content-Type-Options")
	w.ResponseWriter.WriteHeader(status)
}

func (w *unrouted) Write(p []byte) (int, error) {
	return len(p), nil
}
