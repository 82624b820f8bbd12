package hetzner_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/provisioner/bootstrap"
	"github.com/openova-io/sandbox/provisioner/hetzner"
	"github.com/openova-io/sandbox/provisioner/simulator"
	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
)

const (
	token  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	bearer = "feedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedface"
)

// TestSovereignComesUpOnTheSimulatedCloud is the module's whole story with the
// real tofu and the real provider: apply, a clean second plan, cloud-init that
// the real schema accepts, the kubeconfig's way back, every release installed,
// and a destroy that leaves nothing.
func TestSovereignComesUpOnTheSimulatedCloud(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: -short")
	}
	clusters, err := cluster.New(cluster.Options{Dir: t.TempDir(), Speed: 400})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = clusters.Close() })
	boots := recorder{clusters, make(chan cluster.Boot, 16)}
	sim, err := simulator.New(simulator.Options{Dir: t.TempDir(), Speed: 200, RateLimit: -1, Boot: boots})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })

	posted := make(chan []byte, 1)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || r.URL.Path != "/api/v1/deployments/98395b3d9bd9c1aa/kubeconfig" || r.Header.Get("Authorization") != "Bearer "+bearer {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		body, _ := io.ReadAll(r.Body)
		posted <- body
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(service.Close)

	w := newWorkdir(t, hetzner.Files(), "HCLOUD_ENDPOINT="+sim.URL(), "HCLOUD_POLL_INTERVAL=100ms")
	tfvars(t, w, map[string]any{
		"sovereign_fqdn": "acme.omani.works", "deployment_id": "98395b3d9bd9c1aa", "org_name": "Söhne & \"L'Orient\"", "org_email": "sara@acme.example",
		"hcloud_token": token, "hcloud_project_id": "4711", "region": "hel1", "worker_count": 1, "ha_enabled": true, "apps": []string{"nextcloud", "vaultwarden"},
		"ssh_public_key":        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdd7mnYxNFKmRUl0gyrtY1kFjFpcPYBs1jDkCQYbYnd catalyst@acme",
		"object_storage_region": "hel1", "object_storage_access_key": "AAAABBBBCCCCDDDD", "object_storage_secret_key": "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3t00",
		"object_storage_bucket_name": "catalyst-acme-omani-works", "kubeconfig_bearer_token": bearer, "handover_jwt_public_key": `{"kty":"RSA","n":"AQAB","e":"AQAB"}`,
		"catalyst_api_url": service.URL, "ghcr_pull_token": "ghp_canary", "ssh_allowed_cidrs": []string{"203.0.113.0/24"},
	})
	w.run("plan", "-out=saved")
	w.run("apply", "saved")
	if out, err := w.try("plan", "-detailed-exitcode"); err != nil {
		t.Errorf("the second plan is not clean: %v\n%s", err, out)
	}
	state, err := os.ReadFile(filepath.Join(w.dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	plan := w.run("show", "-json", "saved")
	for _, secret := range []string{token, bearer, "s3cr3ts3cr3t", "ghp_canary"} {
		if strings.Contains(string(state), secret) {
			t.Errorf("the state holds a secret: %.8s…", secret)
		}
	}
	if strings.Contains(plan, token) {
		t.Error("the plan holds the cloud token")
	}

	first := ""
	for range 4 {
		b := receive(t, boots.data, "the boot of four servers")
		if n := len(b.UserData); n > cluster.MaxUserData/2 {
			t.Errorf("the user_data of %s has %d bytes, more than half of what is allowed", b.Name, n)
		}
		hasBearer := strings.Contains(b.UserData, bearer)
		if strings.HasSuffix(b.Name, "-cp1") {
			first = b.UserData
		}
		if hasBearer != strings.HasSuffix(b.Name, "-cp1") {
			t.Errorf("%s has the bearer: %v", b.Name, hasBearer)
		}
	}
	files, err := cluster.ReadUserData(first)
	if err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]string{
		cluster.EnvFile: "0600", cluster.HeaderFile: "0600", cluster.JWKFile: "0644", cluster.ManifestsFile: "0644",
		"/var/lib/catalyst/secrets.yaml": "0600", "/var/lib/catalyst/cilium-values.yaml": "0644", "/usr/local/sbin/catalyst-bootstrap": "0755",
	} {
		if f, ok := files[path]; !ok || f.Permissions != mode || len(f.Content) == 0 {
			t.Errorf("%s is missing, empty or not of mode %s", path, mode)
		}
	}

	var outputs map[string]struct{ Value any }
	if err := json.Unmarshal([]byte(w.run("output", "-json")), &outputs); err != nil {
		t.Fatal(err)
	}
	ip, _ := outputs["control_plane_ip"].Value.(string)
	kc, err := bootstrap.ParseKubeconfig(receive(t, posted, "the post of the kubeconfig"), []string{ip})
	if err != nil {
		t.Fatal(err)
	}
	done := errors.New("all installed")
	installed := map[string]bool{}
	watching, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	err = bootstrap.Watch(watching, kc, func(r bootstrap.ReleaseState) error {
		if r.State == bootstrap.Installed {
			installed[r.Name] = true
		}
		if len(installed) == 37 {
			return done
		}
		return nil
	})
	if !errors.Is(err, done) || !installed["app-nextcloud"] || !installed["bp-catalyst-platform"] {
		t.Errorf("%d of 37 releases were installed: %v", len(installed), err)
	}
	if s := clusters.Sovereigns(); len(s) != 1 || s[0].FQDN != "acme.omani.works" {
		t.Errorf("sovereigns are %+v", s)
	}
	w.run("destroy", "-auto-approve")
	if s := clusters.Sovereigns(); len(s) != 0 {
		t.Errorf("a destroy left %+v", s)
	}
	t.Run("cloud-init schema", func(t *testing.T) { cloudInit(t, first) })
}

func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(time.Minute):
		t.Fatalf("%s did not happen", what)
		panic("unreachable")
	}
}
