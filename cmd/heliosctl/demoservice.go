package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// demoServiceCommand is the hidden command that the demo's containers run.
const demoServiceCommand = "demo-service"

// demoGreeting is what the demo's service answers.
type demoGreeting struct {
	Service string            `json:"service"`
	Host    string            `json:"host"`  // of the container
	Ports   map[string]string `json:"ports"` // where it is published, by port name
}

func newDemoServiceCommand(env *environment) *cobra.Command {
	var listenAddr string
	command := &cobra.Command{
		Use:    demoServiceCommand,
		Short:  "Serve the demo's small HTTP service with a health endpoint",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(command *cobra.Command, _ []string) error {
			// An ordinary process has no port mapping and is told where to listen.
			if addr := env.getenv("HELIOS_LISTEN_http"); addr != "" {
				listenAddr = addr
			}
			return serveDemo(command.Context(), listenAddr)
		},
	}
	command.Flags().StringVar(&listenAddr, "listen", ":8080", "`ADDRESS` to listen on")
	return command
}

// serveDemo answers until it is told to stop.
func serveDemo(ctx context.Context, addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("the demo service cannot listen on %s: %w", addr, err)
	}
	server := &http.Server{Handler: demoHandler(os.Environ()), ReadHeaderTimeout: 5 * time.Second}
	unregister := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer unregister()
	fmt.Println("listening on", l.Addr())
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	fmt.Println("told to stop")
	return nil
}

func demoHandler(environ []string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		host, _ := os.Hostname()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(demoGreeting{Service: "hello from heliosctl", Host: host, Ports: publishedPorts(environ)})
	})
	return mux
}

// publishedPorts reads HELIOS_PORT_<name>=<host>:<port>, which every container gets for each of its ports.
func publishedPorts(environ []string) map[string]string {
	ports := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if port, ok := strings.CutPrefix(name, "HELIOS_PORT_"); ok {
			ports[port] = value
		}
	}
	return ports
}
