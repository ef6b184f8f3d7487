package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/heliosctl/heliosctl/model"
)

// TestPackedKeepsEverything unpacks what was packed, with the difference between no map and an empty one.
func TestPackedKeepsEverything(t *testing.T) {
	port := rapid.Custom(func(t *rapid.T) model.PortMapping {
		return model.PortMapping{
			IP: rapid.String().Draw(t, "ip"), Protocol: rapid.String().Draw(t, "protocol"), InternalPort: rapid.Int().Draw(t, "internal"),
			ExternalPort: rapid.Ptr(rapid.Int(), true).Draw(t, "external"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		ports := rapid.OneOf(rapid.Just(map[string]model.PortMapping(nil)), rapid.MapOf(rapid.String(), port)).Draw(t, "ports")
		env := rapid.OneOf(rapid.Just(map[string]string(nil)), rapid.MapOf(rapid.String(), rapid.String())).Draw(t, "env")
		gotPorts, gotEnv := pack(ports, env).maps()
		if diff := cmp.Diff(ports, gotPorts); diff != "" {
			t.Errorf("ports (-packed +got):\n%s", diff)
		}
		if diff := cmp.Diff(env, gotEnv); diff != "" {
			t.Errorf("environment (-packed +got):\n%s", diff)
		}
	})
}
