package client_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/heliosctl/heliosctl/client"
	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

// TestTokens holds that a token must be the job's to the letter, whatever is in it, and that a job without one takes none.
func TestTokens(t *testing.T) {
	for name, test := range map[string]struct {
		token string
		wrong []string
	}{
		"none": {"", []string{"x", " ", "a;b", "%", oddToken}},
		"odd": {oddToken, []string{
			"", "a", "a b&c=d/e%f#g?h ü;i", "a+b", "a+b&c=d/e%f#g?h u\u0308;i", url.QueryEscape(oddToken), oddToken + " ", "A+b&c=d/e%f#g?h ü;i",
		}},
		"semicolon": {"a;b", []string{"", "a", "a%3Bb"}},
		"escape":    {"%41", []string{"", "A", "%", "%2541"}},
		"blanks":    {" ", []string{"", "+", "  "}},
		"emoji":     {"🔑/naïve", []string{"", "🔑", "🔑/naive"}},
	} {
		t.Run(name, func(t *testing.T) {
			backend, master := newMaster(t, api.Config{})
			c := newClient(t, client.Config{Endpoints: []string{master.URL}})
			ctx := context.Background()
			if _, err := backend.RegisterAgent(ctx, model.Registration{Host: "h1", AgentID: "a1"}); err != nil {
				t.Fatal(err)
			}
			id, err := c.CreateJob(ctx, model.Job{ID: model.JobID{Name: "web", Version: "1"}, Image: "nginx:1", Token: test.token})
			if err != nil {
				t.Fatal(err)
			}
			d := model.Deployment{JobID: id, Goal: model.GoalStart}
			for _, step := range []struct {
				what string
				do   func(token string) error
			}{
				{"deploy", func(token string) error { return c.Deploy(ctx, "h1", d, token) }},
				{"set goal", func(token string) error { return c.SetGoal(ctx, "h1", d, token) }},
				{"undeploy", func(token string) error { return c.Undeploy(ctx, "h1", id, token) }},
				{"remove", func(token string) error { return c.RemoveJob(ctx, id, token) }},
			} {
				for _, wrong := range test.wrong {
					if err := step.do(wrong); model.CodeOf(err) != model.CodeForbidden {
						t.Errorf("%s with %q: %v; want %s", step.what, wrong, err, model.CodeForbidden)
					}
				}
				if err := step.do(test.token); err != nil {
					t.Errorf("%s with its token: %v", step.what, err)
				}
			}
		})
	}
}
