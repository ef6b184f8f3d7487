// Package conformance_test asks real masters what clients of the original ask, in bytes written by hand, and compares what comes back
// with the contract of the original's HTTP API. docs/compatibility.md names the tests that prove each part of it.
package conformance_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/heliosctl/heliosctl/model"
)

// row is one line of the contract.
type row struct {
	name    string
	method  string
	target  string
	headers []string // beside the client's own, which they replace; one without a value is left out
	body    string

	status int
	want   string   // JSON, see differences; empty: no body; after "text:" the bare text, of which … stands for any rest
	shows  []string // headers that the answer has, as they are on the wire
	lacks  []string // headers that it does not have
	then   []step   // what is so afterwards
}

// step is a request with its answer.
type step struct {
	method, target, body string
	status               int
	want                 string
}

// contract is every row by its route.
func contract() map[string][]row {
	all := map[string][]row{}
	for _, rows := range []map[string][]row{jobRows(), hostRows(), deploymentRows(), groupRows(), otherRows()} {
		for route, rows := range rows {
			all[route] = append(all[route], rows...)
		}
	}
	return all
}

// TestContract holds the contract at a master that is alone.
func TestContract(t *testing.T) {
	t.Parallel()
	holdsContract(t, 1)
}

// TestContractAtAFollower holds the same contract, to the letter, at one of three masters that does not lead.
func TestContractAtAFollower(t *testing.T) {
	holdsContract(t, 3)
}

func holdsContract(t *testing.T, masters int) {
	w := newWorld(t, masters)
	fresh := false
	rows := contract()
	for _, route := range sortedRoutes(rows) {
		t.Run(route, func(t *testing.T) {
			for _, row := range rows[route] {
				t.Run(row.name, func(t *testing.T) {
					w.t = t
					if !fresh {
						w.restore()
					}
					fresh = w.holds(row)
				})
			}
		})
	}
	w.t = t
}

func sortedRoutes(rows map[string][]row) []string {
	var routes []string
	for route := range rows {
		routes = append(routes, route)
	}
	slices.SortFunc(routes, func(a, b string) int {
		aMethod, aPath, _ := strings.Cut(a, " ")
		bMethod, bPath, _ := strings.Cut(b, " ")
		return strings.Compare(aPath+" "+aMethod, bPath+" "+bMethod)
	})
	return routes
}

// holds checks one row, and tells whether the world is as it was before. A request that is refused changes nothing.
func (w *world) holds(r row) (unchanged bool) {
	w.t.Helper()
	reads := slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, r.method) || strings.HasSuffix(r.target, "/statuses")
	refused := !reads && r.status >= 400
	before := ""
	if refused {
		before = w.picture()
	}
	got := w.ask(r.method, w.names.Replace(r.target), w.names.Replace(r.body), r.headers...)
	w.expectAnswer(r, got)
	for _, s := range r.then {
		w.expect(s.method, w.names.Replace(s.target), w.names.Replace(s.body), s.status, w.names.Replace(s.want))
	}
	if refused {
		if changes := changedLines(before, w.picture()); len(changes) > 0 {
			w.t.Errorf("the request was refused and changed something:\n%s", strings.Join(changes, "\n"))
			return false
		}
	}
	return reads || refused
}

// changedLines compares JSON line by line.
func changedLines(before, after string) []string {
	then, now := strings.Split(before, "\n"), strings.Split(after, "\n")
	if len(then) != len(now) {
		return []string{fmt.Sprintf("%d lines became %d", len(then), len(now))}
	}
	var all []string
	for i := range then {
		all = append(all, differences(then[i], now[i])...)
	}
	return all
}

func (w *world) expectAnswer(r row, got answer) {
	w.t.Helper()
	if got.status != r.status {
		w.t.Errorf("status %d, want %d: %s", got.status, r.status, got.body)
	}
	if got.proto != "HTTP/1.1" {
		w.t.Errorf("protocol %s", got.proto)
	}
	w.expectBody(r, got)
	w.expectHeaders(r, got)
}

func (w *world) expectBody(r row, got answer) {
	w.t.Helper()
	want := w.names.Replace(r.want)
	text, bare := strings.CutPrefix(want, "text:")
	start, cut := strings.CutSuffix(text, "…")
	switch {
	case want == "" && got.body != "", bare && !cut && got.body != text, bare && !strings.HasPrefix(got.body, start):
		w.t.Errorf("body %q, want %q", got.body, want)
	case want != "" && !bare:
		if diff := differences(want, got.body); len(diff) > 0 {
			w.t.Errorf("body:\n%s", strings.Join(diff, "\n"))
		}
	}
}

// expectHeaders looks at the bytes: the original's client looks some names up with their case.
func (w *world) expectHeaders(r row, got answer) {
	w.t.Helper()
	want := append([]string{"Helios-Server-Version: " + model.ServerVersion, "Access-Control-Allow-Origin: *"}, r.shows...)
	if !slices.ContainsFunc(want, func(line string) bool { return strings.HasPrefix(line, "Helios-Version-Status: ") }) {
		want = append(want, "Helios-Version-Status: COMPATIBLE")
	}
	if got.body != "" && !slices.ContainsFunc(want, func(line string) bool { return strings.HasPrefix(line, "Content-Type: ") }) {
		want = append(want, "Content-Type: application/json")
	}
	for _, line := range want {
		if !slices.Contains(got.headers, line) {
			w.t.Errorf("header %q is missing in %q", line, got.headers)
		}
	}
	for _, name := range append([]string{"Location"}, r.lacks...) {
		if value, ok := got.header(name); ok {
			w.t.Errorf("header %s: %s must not be there", name, value)
		}
	}
}
