package cluster_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openova-io/sandbox/provisioner/bootstrap"
	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
)

const (
	bearer  = "feedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedfacefeedface"
	fast    = 500 // four minutes in half a second
	patient = 30 * time.Second
)

var lastIP atomic.Uint32

// freeIP gives a loopback address that no other test of this process, and
// hardly one of another, uses.
func freeIP() string {
	n := lastIP.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()/200%60, 1+os.Getpid()%200, n%250+1)
}

// userData is a cloud-config as the module renders it, with the releases given
// as name -> dependencies.
func userData(t *testing.T, url string, releases map[string][]string, order ...string) string {
	t.Helper()
	docs := []any{map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "sovereign"},
		"data": map[string]any{"ORG_NAME": "Söhne & \"Co\"", "ORG_EMAIL": "sara@acme.example", "APPS": "nextcloud"}}}
	for _, name := range order {
		deps := []any{}
		for _, d := range releases[name] {
			deps = append(deps, map[string]any{"name": d})
		}
		docs = append(docs, map[string]any{"kind": "HelmRelease", "metadata": map[string]any{"name": name},
			"spec": map[string]any{"dependsOn": deps, "chart": map[string]any{"spec": map[string]any{"chart": name, "version": "1.x"}}}})
	}
	var parts []string
	for _, d := range docs {
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, string(b))
	}
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	_, _ = z.Write([]byte(strings.Join(parts, "\n---\n")))
	_ = z.Close()
	return "#cloud-config\nwrite_files:\n" +
		"  - path: /etc/catalyst/bootstrap.env\n    permissions: \"0600\"\n    content: |\n      ROLE='server'\n      NODE_TOKEN='join-me'\n      SOVEREIGN_FQDN='acme.omani.works'\n      DEPLOYMENT_ID='98395b3d9bd9c1aa'\n      CATALYST_API_URL='http://127.0.0.1'\n      KUBECONFIG_URL='" + url + "'\n" +
		"  - path: /etc/catalyst/kubeconfig.header\n    content: \"Authorization: Bearer " + bearer + "\\n\"\n" +
		"  - path: /var/lib/catalyst/handover-jwt-public.jwk\n    content: '{\"kty\":\"RSA\"}'\n" +
		"  - path: /var/lib/catalyst/flux-bootstrap.yaml\n    encoding: gz+b64\n    content: " + base64.StdEncoding.EncodeToString(gz.Bytes()) + "\n"
}

// inbox receives the kubeconfig as the service does; it refuses the first
// `refuse` attempts.
type inbox struct {
	*httptest.Server
	mu       sync.Mutex
	attempts int
	got      chan []byte
}

func newInbox(t *testing.T, refuse int) *inbox {
	b := &inbox{got: make(chan []byte, 8)}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.attempts++
		n := b.attempts
		b.mu.Unlock()
		switch {
		case r.Method != http.MethodPut || r.Header.Get("Authorization") != "Bearer "+bearer:
			w.WriteHeader(http.StatusForbidden)
		case n <= refuse:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusNoContent)
			b.got <- body
		}
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *inbox) url() string {
	return b.URL + "/api/v1/deployments/98395b3d9bd9c1aa/kubeconfig"
}

func open(t *testing.T, o cluster.Options) *cluster.Clusters {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Speed == 0 {
		o.Speed = fast
	}
	c, err := cluster.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func boot(t *testing.T, c *cluster.Clusters, id int64, ip, data string) {
	t.Helper()
	if err := c.Boot(t.Context(), cluster.Boot{ServerID: id, Name: "cp", PublicIPv4: ip, UserData: data}); err != nil {
		t.Fatal(err)
	}
}

func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patient):
		t.Fatalf("%s did not happen within %s", what, patient)
		panic("unreachable")
	}
}

// access waits for the kubeconfig and parses it as the service does.
func access(t *testing.T, in *inbox, ip string) *bootstrap.Kubeconfig {
	t.Helper()
	kc, err := bootstrap.ParseKubeconfig(receive(t, in.got, "the post of the kubeconfig"), []string{ip})
	if err != nil {
		t.Fatal(err)
	}
	return kc
}
