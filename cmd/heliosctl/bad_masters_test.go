package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// listen serves connections, and returns the address, until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			serving.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return listener.Addr().String()
}

// says answers the beginning of a request with a text, and closes the connection.
func says(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 64<<10))
		_, _ = io.WriteString(conn, text)
		conn.Close()
	}
}

func httpAnswer(status, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(body), body)
}

// silent takes what it is sent and says nothing.
func silent(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

const proxyPage = "<!DOCTYPE html>\n<html><body>Sign in to the network</body></html>"

// Whatever answers at the address of a master, there is one line that names the address and says what to do.
func TestWhatIsNoMaster(t *testing.T) {
	noMaster := "so it is no master: check the address, and whether there is a proxy before it"
	noHTTP := "what answers there speaks no HTTP; is that the right port, and https where it should be?"
	tests := map[string]struct {
		serve  func(net.Conn)
		scheme string
		says   string
		code   int
	}{
		"accepts and says nothing": {silent, "http", "no answer in time", exitUnavailable},
		"closes at once":           {func(conn net.Conn) { conn.Close() }, "http", "no master answers (", exitUnavailable},
		"answers in part": {says("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"web:1"), "http",
			"the connection was closed before the answer was complete", exitUnavailable},
		"stops in the middle": {func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 64<<10))
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"web:1")
			silent(conn)
		}, "http", "no answer in time", exitUnavailable},
		"has no leader":           {says(httpAnswer("502 Bad Gateway", `{"message":"no leader"}`)), "http", "no leader); try again in a moment", exitUnavailable},
		"a proxy without masters": {says(httpAnswer("502 Bad Gateway", proxyPage)), "http", "with a web page (status 502)", exitUnavailable},
		"a proxy's page":          {says(httpAnswer("200 OK", proxyPage)), "http", "with a web page (status 200), " + noMaster, exitUnavailable},
		"a proxy that refuses":    {says(httpAnswer("403 Forbidden", proxyPage)), "http", "with a web page (status 403), " + noMaster, exitUnavailable},
		"a redirection": {says("HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"), "http",
			"with a redirection (status 302), " + noMaster, exitUnavailable},
		"another API":           {says(httpAnswer("200 OK", `"hello"`)), "http", "with other JSON than was asked for (status 200), " + noMaster, exitUnavailable},
		"garbage":               {says("\x00\x01\x02 garbage\r\n\r\n"), "http", noHTTP, exitUnavailable},
		"an SSH server":         {says("SSH-2.0-OpenSSH_9.2p1\r\n"), "http", noHTTP, exitUnavailable},
		"TLS":                   {says("\x15\x03\x01\x00\x02\x02\x46"), "http", noHTTP, exitUnavailable},
		"TLS that says so":      {says(httpAnswer("400 Bad Request", "Client sent an HTTP request to an HTTPS server.\n")), "http", "speaks https; give its address as https://", exitUnavailable},
		"HTTP instead of HTTPS": {says(httpAnswer("400 Bad Request", "")), "https", "it speaks http; give its address as http://", exitUnavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := test.scheme + "://" + listen(t, test.serve)
			args := []string{"--http-timeout", "300ms", "--retry-timeout", "1ms", "jobs"}
			stdout, stderr, code := inProcess(t, address, false, args...)
			if code != test.code || stdout != "" {
				t.Errorf("it ends with %d, want %d, and prints %q", code, test.code, stdout)
			}
			if !strings.HasPrefix(stderr, "heliosctl: ") || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, address) ||
				!strings.Contains(stderr, test.says) {
				t.Errorf("it says %q, want one line with %q and %q", stderr, address, test.says)
			}
			if strings.Contains(stderr, "<") || strings.Contains(stderr, "net/http") {
				t.Errorf("it says %q, which is not for people", stderr)
			}
			stdout, _, code = inProcess(t, address, false, append(args, "--json")...)
			if err := checkDocuments(contract{json: jsonDocument}, stdout, true); err != nil || code != test.code {
				t.Errorf("with --json it ends with %d and prints %q: %v", code, stdout, err)
			}
		})
	}
}

// An interrupt ends a command that waits for a master which says nothing, at once.
func TestInterruptedBeforeAMasterAnswers(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		asked := make(chan struct{}, 1)
		address := listen(t, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 1))
			asked <- struct{}{}
			silent(conn)
		})
		var stdout, stderr strings.Builder
		cmd := exec.CommandContext(t.Context(), "heliosctl", "-z", "http://"+address, "--http-timeout", "1h", "jobs")
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-asked
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
			t.Errorf("after %s it ends with %v, want exit code %d", signal, err, exitInterrupted)
		}
		if stdout.Len() > 0 || stderr.String() != "heliosctl: interrupted\n" {
			t.Errorf("after %s it prints %q and %q", signal, stdout.String(), stderr.String())
		}
	}
}

// A change whose answer never came may have been made, and a command that cannot know says so.
func TestChangeWithoutAnAnswer(t *testing.T) {
	address := "http://" + listen(t, says("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"))
	_, stderr, code := inProcess(t, address, false, "--http-timeout", "300ms", "--retry-timeout", "1ms", "register", "web-1", "id1")
	if code != exitTimeout || !strings.Contains(stderr, "may or may not have been made; look before trying again ("+address) {
		t.Errorf("it ends with %d and says %q", code, stderr)
	}
	stdout, _, _ := inProcess(t, address, false, "--http-timeout", "300ms", "--retry-timeout", "1ms", "register", "web-1", "id1", "--json")
	if !strings.Contains(stdout, string(model.CodeOutcomeUnknown)) {
		t.Errorf("with --json it prints %q", stdout)
	}
}
