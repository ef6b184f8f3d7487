package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"github.com/heliosctl/heliosctl/model"
)

// Config is what a Server is made of. Backend is required; the zero value of everything else means its default.
type Config struct {
	Backend        Backend
	Logger         *slog.Logger // default: nothing is logged
	ProductVersion string       // told by /v1/version
	Pool           Pool         // default: this master is alone

	// URL is where agents reach this master, "" for as they already do. Peers are the URLs of all masters; nil: there is no other.
	URL   string
	Peers func() []string

	MaxJobBytes   int64 // of the body of a job; default 200 KiB
	MaxBatchBytes int64 // of status batches and lists of ids; default 4 MiB
	MaxBodyBytes  int64 // of all other bodies; default 256 KiB

	RequestTimeout  time.Duration // for a request other than a stream; default 30 s
	IndexTimeout    time.Duration // how long a stream waits for the index it was asked for; default 1 s
	Heartbeat       time.Duration // between the lines of a stream on which nothing happens; default 10 s
	WriteTimeout    time.Duration // for a piece of a stream to be taken by its reader, who is cut off otherwise; default 10 s
	ShutdownTimeout time.Duration // for requests under way to finish when Serve ends; default 10 s

	MaxSessions    int           // of logs and commands, one for each host, at the same time; default 1000
	SessionTimeout time.Duration // for an agent to call and say that it is ready; default 4 s
	StallTimeout   time.Duration // for a reader of logs to take some, who is cut off otherwise; default 10 min
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.MaxJobBytes = positive(c.MaxJobBytes, 200<<10)
	c.MaxBatchBytes = positive(c.MaxBatchBytes, 4<<20)
	c.MaxBodyBytes = positive(c.MaxBodyBytes, 256<<10)
	c.RequestTimeout = positive(c.RequestTimeout, 30*time.Second)
	c.IndexTimeout = positive(c.IndexTimeout, time.Second)
	c.Heartbeat = positive(c.Heartbeat, 10*time.Second)
	c.WriteTimeout = positive(c.WriteTimeout, 10*time.Second)
	c.ShutdownTimeout = positive(c.ShutdownTimeout, 10*time.Second)
	c.MaxSessions = positive(c.MaxSessions, 1000)
	c.SessionTimeout = positive(c.SessionTimeout, 4*time.Second)
	c.StallTimeout = positive(c.StallTimeout, 10*time.Minute)
	return c
}

func positive[T int | int64 | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Server serves the API of one master.
type Server struct {
	config  Config
	backend Backend
	log     *slog.Logger
	version model.Version // of the API, as announced to clients
	mux     *http.ServeMux
	gzip    func(http.Handler) http.HandlerFunc
	streams *streams

	sessions *sessions
	peers    *http.Client // speaks to other masters
}

// New makes a server. It starts nothing.
func New(config Config) *Server {
	config = config.withDefaults()
	version, err := model.ParseVersion(model.ServerVersion)
	if err != nil {
		panic(fmt.Sprintf("api: %v", err)) // a constant of our own
	}
	// Clients of the original know gzip only, and expect small answers as they are.
	zip, err := gzhttp.NewWrapper(gzhttp.MinSize(256), gzhttp.EnableZstd(false))
	if err != nil {
		panic(fmt.Sprintf("api: %v", err)) // the options are constant too
	}
	s := &Server{
		config:  config,
		backend: config.Backend,
		log:     config.Logger,
		version: version,
		mux:     http.NewServeMux(),
		gzip:    zip,
		streams: newStreams(),

		sessions: newSessions(config.MaxSessions),
		peers: &http.Client{
			Transport:     newPeerTransport(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	for _, r := range s.routes() {
		s.mux.Handle(r.method+" "+r.pattern, s.serve(r))
	}
	return s
}

// Serve serves until ctx ends or the listener fails, and closes the listener. When ctx ends it stops accepting, ends the streams,
// lets requests under way finish, and returns nil once no goroutine of it is left.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute, // streams set their own
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return context.WithValue(base, servingKey{}, base) },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	var err error
	select {
	case err = <-failed:
		failed <- err
	case <-ctx.Done():
	}
	s.shutdown(server)
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = served
	}
	if err != nil {
		return fmt.Errorf("serving the API on %s: %w", listener.Addr(), err)
	}
	return nil
}

// shutdown ends the streams first, because the HTTP server waits for those that are requests to it.
func (s *Server) shutdown(server *http.Server) {
	s.streams.close()
	ctx, cancel := context.WithTimeout(context.Background(), s.config.ShutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		s.log.Warn("requests were cut off by the shutdown", "error", err)
		server.Close()
	}
	s.streams.wait()
	s.peers.CloseIdleConnections()
}

// Close ends all streams and waits for them. Serve does it by itself; it is for those who serve Handler in another way.
func (s *Server) Close() error {
	s.streams.close()
	s.streams.wait()
	s.peers.CloseIdleConnections()
	return nil
}
