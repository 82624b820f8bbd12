package main_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
	"github.com/openova-io/sandbox/provisioner/simulator/proc"
)

// userData reads what the simulated cloud was given for the first control plane.
func userData(t *testing.T, cloud *proc.Client) map[string]cluster.File {
	t.Helper()
	client := hcloud.NewClient(hcloud.WithEndpoint(cloud.URL), hcloud.WithToken(cloud.Token))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		servers, err := client.Server.All(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range servers {
			if !strings.HasSuffix(s.Name, "-cp1") {
				continue
			}
			req, err := http.NewRequestWithContext(ctx, http.MethodGet,
				fmt.Sprintf("%s/_simulator/metadata/%d/hetzner/v1/userdata", strings.TrimSuffix(cloud.URL, "/v1"), s.ID), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+cloud.Token)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("the user data: %d, %v", res.StatusCode, err)
			}
			files, err := cluster.ReadUserData(string(raw))
			if err != nil {
				t.Fatal(err)
			}
			return files
		}
		select { // the cloud's own API has no other news than its answers
		case <-ctx.Done():
			t.Fatal("the control plane was not ordered")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// authority is a certificate authority in PEM and base64.
func authority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// A new cluster is not trusted: what it posts to the service's own address is
// taken once, with its bearer, and only if it is nothing but the way to itself.
func TestHostileKubeconfigsAreRefused(t *testing.T) {
	needTofu(t)
	dir := home(t)
	k := startTalk(t, dir)
	approval := toApproval(k)
	cloud, ok := proc.Find(filepath.Join(dir, "cloud"))
	if !ok {
		t.Fatal("the simulated cloud does not run")
	}
	// The servers do not come up, so that nobody posts before the test does.
	if err := cloud.SetFaults(t.Context(), proc.Faults{StallAction: []string{"create_server"}}); err != nil {
		t.Fatal(err)
	}
	k.press(approval.ID, "approve")
	files := userData(t, cloud)
	bearer := strings.TrimSpace(strings.TrimPrefix(string(files[cluster.HeaderFile].Content), "Authorization: Bearer "))
	if len(bearer) != 64 {
		t.Fatalf("the bearer has %d characters", len(bearer))
	}
	var about card.ApprovalData
	if err := approval.Decode(&about); err != nil {
		t.Fatal(err)
	}
	service, ok := serviceInfo(t.Context(), dir)
	if !ok {
		t.Fatal("the service does not run")
	}
	put := func(id, bearer, body string) (status int, said string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, service.URL+"/api/v1/deployments/"+id+"/kubeconfig", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if bearer != "" {
			req.Header.Set("Authorization", "Bearer "+bearer)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, _ := io.ReadAll(res.Body)
		if bytes.Contains(raw, []byte(bearer)) && bearer != "" {
			t.Error("the answer repeats the bearer")
		}
		return res.StatusCode, string(raw)
	}
	document := func(host, inCluster, inUser string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: a\n  cluster:\n    server: https://%s:6443\n    certificate-authority-data: %s\n%scontexts:\n- name: a\n  context: {cluster: a, user: a}\nusers:\n- name: a\n  user:\n    token: x\n%s",
			host, authority(t), inCluster, inUser)
	}
	id := about.DeploymentID
	const exec = "    exec: {command: /bin/sh, apiVersion: client.authentication.k8s.io/v1}\n"
	for _, x := range []struct {
		name, id, bearer, body, says string
		status                       int
	}{
		{"no bearer", id, "", "x", "missing-bearer", 401},
		{"a wrong bearer", id, strings.Repeat("0", 64), "x", "invalid-bearer", 403},
		{"half a bearer", id, bearer[:32], "x", "invalid-bearer", 403},
		{"another deployment", "ffffffffffffffff", bearer, "x", "there is no deployment", 404},
		{"nothing", id, bearer, "", "empty-body", 422},
		{"1 MiB and a byte", id, bearer, strings.Repeat("#", 1<<20+1), "body-too-large", 422},
		{"2 MiB", id, bearer, strings.Repeat("#", 2<<20), "body-too-large", 422},
		// Nobody knows the new addresses yet: it is looked at with the next phase.
		{"one with exec", id, bearer, document("127.64.0.1", "", exec), "", 204},
		{"a second one", id, bearer, document("127.64.0.1", "", ""), "already-set", 403},
	} {
		if status, said := put(x.id, x.bearer, x.body); status != x.status || !strings.Contains(said, x.says) {
			t.Errorf("%s: %d %.200s, want %d %s", x.name, status, said, x.status, x.says)
		}
	}
	if err := cloud.SetFaults(t.Context(), proc.Faults{}); err != nil {
		t.Fatal(err)
	}
	k.status("failed")
	ended := k.card("the card about the end", func(c card.Card) bool { return strings.HasPrefix(c.ID, "ended-") })
	if !strings.Contains(ended.Text, "kubeconfig was refused") || !strings.Contains(ended.Text, "exec") {
		t.Errorf("the card says %q", ended.Text)
	}

	// Now the addresses are known, and every one is looked at when it comes.
	address := ""
	for _, e := range k.seen {
		var d struct{ Outputs map[string]string }
		if e.Type == "deployment.status.changed" && e.Decode(&d) == nil && d.Outputs["control_plane_ip"] != "" {
			address = d.Outputs["control_plane_ip"]
		}
	}
	if address == "" {
		t.Fatalf("no address is known:\n%s", k.story())
	}
	for name, body := range map[string]string{
		"exec":               document(address, "", exec),
		"an authority file":  document(address, "    certificate-authority: /etc/passwd\n", ""),
		"a token file":       document(address, "", "    tokenFile: /etc/passwd\n"),
		"a proxy":            document(address, "    proxy-url: http://203.0.113.1:3128\n", ""),
		"a foreign host":     document("203.0.113.1", "", ""),
		"the metadata":       document("169.254.169.254", "", ""),
		"no check of TLS":    document(address, "    insecure-skip-tls-verify: true\n", ""),
		"binary":             "\x00\x01\x02\x7fELF",
		"not a kubeconfig":   "hello: world\n",
		"two documents":      document(address, "", "") + "---\n" + document(address, "", ""),
		"impersonation":      document(address, "", "    as: system:admin\n"),
		"a list of nothings": strings.Repeat("- ", 2000),
	} {
		status, said := put(id, bearer, body)
		var p struct{ Title string }
		if err := json.Unmarshal([]byte(said), &p); err != nil || status != http.StatusUnprocessableEntity || p.Title == "" {
			t.Errorf("%s: %d %.200s", name, status, said)
		}
		if strings.Contains(said, "/etc/passwd") || strings.Contains(said, "203.0.113.1") {
			t.Errorf("%s: the answer repeats the document: %s", name, said)
		}
	}
	k.finish()
}

// The cloud's process is killed in mid-apply. Whatever becomes of that apply, it
// is brought to its end, and nothing is there twice.
func TestSimulatorKilledInMidApply(t *testing.T) {
	needTofu(t)
	dir := home(t)
	k := startTalk(t, dir, "--speed", "8")
	approval := toApproval(k)
	k.press(approval.ID, "approve")
	made := 0
	k.until("three resources", func(e journal.Event) bool {
		var d struct{ Resource struct{ State string } }
		if e.Type == "deployment.resource.changed" && e.Decode(&d) == nil && d.Resource.State == "succeeded" {
			made++
		}
		return made == 3
	})
	cloud, ok := proc.Find(filepath.Join(dir, "cloud"))
	if !ok {
		t.Fatal("the simulated cloud does not run")
	}
	kill9(t, cloud.PID())
	for range 4 { // each end that is not the good one is tried again
		status := ""
		k.until("an end", func(e journal.Event) bool {
			var d struct{ Status string }
			if e.Type == "deployment.status.changed" && e.Decode(&d) == nil {
				status = d.Status
			}
			return status == "ready" || status == "failed"
		})
		if status == "ready" {
			break
		}
		ended := card.Card{}
		k.until("the card about the end", func(e journal.Event) bool {
			var d struct{ Card card.Card }
			if e.Type == "conversation.card.shown" && e.Decode(&d) == nil && strings.HasPrefix(d.Card.ID, "ended-") {
				ended = d.Card
			}
			return ended.ID != ""
		})
		k.press(ended.ID, "retry")
		k.answered()
		if next, ok := k.shown(card.KindApproval); ok && next.ID != approval.ID {
			approval = next
			var asked card.ApprovalData
			if err := next.Decode(&asked); err != nil {
				t.Fatal(err)
			}
			value := "approve"
			if asked.Destructive {
				value += ":" + asked.SovereignFQDN
			}
			k.press(next.ID, value)
		}
	}
	k.finish()
	if !k.happened("deployment.ready") {
		t.Errorf("it never became ready:\n%s", k.story())
	}
	again, ok := proc.Find(filepath.Join(dir, "cloud"))
	if !ok || again.PID() == cloud.PID() {
		t.Error("the simulated cloud was not started again")
	}
	replacedOnce(t, dir)
}

func kill9(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
