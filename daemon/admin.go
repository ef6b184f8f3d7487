package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// health answers the checks of a daemon by name; a nil error is healthy.
type health func() map[string]error

// checkResult is the original's JSON of one check.
type checkResult struct {
	Healthy bool   `json:"healthy"`
	Message string `json:"message,omitempty"`
}

// adminHandler serves /healthcheck (200 when every check is healthy, else 500), /ping and /metrics.
func adminHandler(checks health, version string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("pong\n"))
	})
	mux.HandleFunc("GET /healthcheck", func(w http.ResponseWriter, _ *http.Request) {
		writeHealth(w, checks())
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics(checks, version), promhttp.HandlerOpts{}))
	return mux
}

func writeHealth(w http.ResponseWriter, checks map[string]error) {
	results := make(map[string]checkResult, len(checks))
	status := http.StatusOK
	for name, err := range checks {
		result := checkResult{Healthy: err == nil}
		if err != nil {
			result.Message = err.Error()
			status = http.StatusInternalServerError
		}
		results[name] = result
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(results)
}

func metrics(checks health, version string) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "heliosctl_build_info", Help: "Always 1; the version is in the label.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry.MustRegister(build, checkCollector{checks},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// checkCollector shows every health check as a gauge.
type checkCollector struct{ checks health }

var checkDesc = prometheus.NewDesc("heliosctl_healthy", "1 when the health check passes, else 0.", []string{"check"}, nil)

func (c checkCollector) Describe(ch chan<- *prometheus.Desc) { ch <- checkDesc }

func (c checkCollector) Collect(ch chan<- prometheus.Metric) {
	for name, err := range c.checks() {
		value := 1.0
		if err != nil {
			value = 0
		}
		ch <- prometheus.MustNewConstMetric(checkDesc, prometheus.GaugeValue, value, name)
	}
}

// serveHTTP serves until ctx ends and then lets the requests under way finish, for five seconds at most.
func serveHTTP(ctx context.Context, l net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
