package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/heliosctl/heliosctl/daemon/api"
	"github.com/heliosctl/heliosctl/model"
)

const (
	keyA = "AAAAAAAAAAAAAAAAAAAAAA=="
	keyB = "BBBBBBBBBBBBBBBBBBBBBA=="
)

func TestTheKeyringIsChangedOverTheAPI(t *testing.T) {
	pool := newPool()
	pool.Encrypt(keyA)
	w := newWorld(t, api.Config{Pool: pool})
	ring := func(primary string, keys ...string) model.Keyring {
		want := model.Keyring{Members: 3, Answers: 3, Primary: map[string]int{model.KeyFingerprint(primary): 3}, Keys: map[string]int{}}
		for _, key := range keys {
			want.Keys[model.KeyFingerprint(key)] = 3
		}
		return want
	}
	for _, step := range []struct {
		method, body string
		want         model.Keyring
	}{
		{"GET", "", ring(keyA, keyA)},
		{"POST", `{"action":"install","key":"` + keyB + `"}`, ring(keyA, keyA, keyB)},
		{"POST", `{"action":"use","key":"` + keyB + `"}`, ring(keyB, keyA, keyB)},
		{"POST", `{"action":"remove","key":"` + keyA + `"}`, ring(keyB, keyB)},
		{"POST", `{"action":"install","key":"` + keyA + `"}`, ring(keyB, keyA, keyB)},
		{"POST", `{"action":"use","key":"` + model.KeyFingerprint(keyA) + `"}`, ring(keyA, keyA, keyB)},
		{"POST", `{"action":"use","key":"` + model.KeyFingerprint(keyB)[:6] + `"}`, ring(keyB, keyA, keyB)},
		{"POST", `{"action":"remove","key":"` + model.KeyFingerprint(keyA) + `"}`, ring(keyB, keyB)},
	} {
		resp, body := w.send(step.method, "/v1/keyring", step.body)
		if resp.StatusCode != 200 {
			t.Fatalf("%s %s: status %d: %s", step.method, step.body, resp.StatusCode, body)
		}
		if strings.Contains(body, keyA) || strings.Contains(body, keyB) {
			t.Errorf("%s %s: the answer tells a key: %s", step.method, step.body, body)
		}
		if diff := cmp.Diff(step.want, decoded[model.Keyring](t, body)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", step.method, step.body, diff)
		}
	}
	resp, body := w.send("POST", "/v1/keyring", `{"action":"remove","key":"`+keyB+`"}`)
	if resp.StatusCode != 400 || decoded[model.Error](t, body).Code != model.CodeInvalid {
		t.Errorf("removing the key in use: %d %s", resp.StatusCode, body)
	}
}

// Who failed is in the answer: another master would be told the same.
func TestAKeyringChangeThatIsNotCompleteIsAnAnswer(t *testing.T) {
	pool := newPool()
	pool.Encrypt(keyA)
	pool.Fail("web-1", "disk is full")
	pool.Fail("monitor", "")
	w := newWorld(t, api.Config{Pool: pool})
	resp, body := w.send("POST", "/v1/keyring", `{"action":"install","key":"`+keyB+`"}`)
	if resp.StatusCode != 200 {
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	want := model.Keyring{
		Members: 3, Answers: 2, Primary: map[string]int{model.KeyFingerprint(keyA): 1},
		Keys:   map[string]int{model.KeyFingerprint(keyA): 1, model.KeyFingerprint(keyB): 1},
		Errors: map[string]string{"web-1": "disk is full"},
	}
	if diff := cmp.Diff(want, decoded[model.Keyring](t, body)); diff != "" {
		t.Errorf("keyring (-want +got):\n%s", diff)
	}
}
