package simulator_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/openova-io/sandbox/provisioner/simulator"
)

// tool finds what .tools/build made: the environment variable names it, or the
// script says where it is.
func tool(t *testing.T, variable, name string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		out, err := exec.Command(filepath.Join("..", "..", ".tools", "build"), "--path", name).Output()
		if err != nil {
			t.Skipf("skipped: .tools/build --path %s failed: %v", name, err)
		}
		path = strings.TrimSpace(string(out))
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: %s is not built; run .tools/build %s", name, name)
	}
	return path
}

// tofu is a working directory of the real OpenTofu with the real provider.
type tofu struct {
	t      *testing.T
	binary string
	dir    string
	env    []string
}

// newTofu copies the module into a working directory and initialises it.
func newTofu(t *testing.T, endpoint string) *tofu {
	t.Helper()
	w := &tofu{t: t, binary: tool(t, "SANDBOX_TOFU", "tofu"), dir: t.TempDir()}
	mirror := tool(t, "SANDBOX_PROVIDER_MIRROR", "hcloud")
	if info, err := os.Stat(mirror); err == nil && !info.IsDir() {
		// <mirror>/<host>/<namespace>/<type>/<version>/<platform>/<binary>
		for range 6 {
			mirror = filepath.Dir(mirror)
		}
	}
	module, err := os.ReadFile(filepath.Join("testdata", "sovereign.tf"))
	if err != nil {
		t.Fatal(err)
	}
	rc := "provider_installation {\n  filesystem_mirror {\n    path    = \"" + mirror + "\"\n    include = [\"registry.opentofu.org/*/*\"]\n  }\n}\ndisable_checkpoint = true\n"
	for name, data := range map[string][]byte{"main.tf": module, "tofu.rc": []byte(rc)} {
		if err := os.WriteFile(filepath.Join(w.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "TF_CLI_CONFIG_FILE=" + filepath.Join(w.dir, "tofu.rc"), "CHECKPOINT_DISABLE=1",
		"TF_IN_AUTOMATION=1", "TF_INPUT=0", "HCLOUD_ENDPOINT=" + endpoint, "HCLOUD_TOKEN=" + token,
	}
	w.run("init")
	return w
}

// start begins a tofu command; its output is in the buffer once it has ended.
func (w *tofu) start(args ...string) (*exec.Cmd, *bytes.Buffer) {
	w.t.Helper()
	cmd := exec.Command(w.binary, append(args, "-no-color")...)
	out := &bytes.Buffer{}
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, w.env, out, out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	return cmd, out
}

// run runs a tofu command that has to succeed.
func (w *tofu) run(args ...string) string {
	w.t.Helper()
	cmd, out := w.start(args...)
	if err := cmd.Wait(); err != nil {
		w.t.Fatalf("tofu %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out.String()
}

// clean checks that a new plan finds nothing to do.
func (w *tofu) clean(args ...string) {
	w.t.Helper()
	cmd, out := w.start(append([]string{"plan", "-detailed-exitcode"}, args...)...)
	if err := cmd.Wait(); err != nil {
		w.t.Fatalf("the second plan is not clean: %v\n%s", err, out)
	}
}

// TestRealTofu takes the real tofu and the real provider through the life of a
// Sovereign's infrastructure.
func TestRealTofu(t *testing.T) {
	c := start(t, simulator.Options{Speed: 100})
	w := newTofu(t, c.URL())
	w.run("apply", "-auto-approve")
	w.clean()
	var outputs map[string]struct{ Value string }
	if err := json.Unmarshal([]byte(w.run("output", "-json")), &outputs); err != nil {
		t.Fatal(err)
	}
	if ip := outputs["control_plane_ip"].Value; !strings.HasPrefix(ip, "127.") {
		t.Errorf("the control plane is at %q", ip)
	}
	change := []string{"-var=worker_count=3", "-var=worker_size=cpx42", "-var=open_port=8443", "-var=lb_type=lb21", "-var=volume_size=30"}
	out := w.run(append([]string{"apply", "-auto-approve"}, change...)...)
	if strings.Contains(out, "must be replaced") {
		t.Errorf("a change replaced something:\n%s", out)
	}
	w.clean(change...)
	w.run(append([]string{"destroy", "-auto-approve"}, change...)...)
	if left := c.leftovers(); left != "" {
		t.Errorf("destroy left something:\n%s", left)
	}
	names := map[string]int{}
	for _, r := range c.Requests(0) {
		if r.Name != "" {
			names[r.Path+" "+r.Name]++
		}
	}
	for name, n := range names {
		if n != 1 {
			t.Errorf("%s was created %d times", name, n)
		}
	}
}

// TestRealTofuOutlivesKill kills the cloud in the middle of an apply, while
// the servers are being made and all that tofu asked for was answered. After
// the restart the servers go on to run; a repetition of the apply, which met
// the closed port, ends with everything there once.
func TestRealTofuOutlivesKill(t *testing.T) {
	cloud := &child{t: t, dir: t.TempDir(), speed: "5"}
	url := cloud.run()
	defer func() { cloud.kill() }()
	w := newTofu(t, url)
	apply, out := w.start("apply", "-auto-approve")
	ended := make(chan error, 1)
	go func() { ended <- apply.Wait() }()
	awaitCalm(t, url, ended, out)
	cloud.kill()
	if again := cloud.run(); again != url {
		t.Fatalf("the address changed from %s to %s", url, again)
	}
	client := newClient(url, token)
	for _, name := range []string{"acme-cp1", "acme-w1", "acme-w2"} {
		s, _, err := client.Server.GetByName(t.Context(), name)
		if err != nil || s == nil {
			t.Fatalf("%s is lost: %v", name, err)
		}
		actions, err := client.Server.Action.AllFor(t.Context(), s, hcloud.ActionListOpts{})
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Action.WaitFor(t.Context(), actions...); err != nil {
			t.Errorf("%s does not come up: %v", name, err)
		}
	}
	if err := <-ended; err != nil {
		w.run("apply", "-auto-approve")
	}
	w.clean()
	if servers, err := client.Server.All(t.Context()); err != nil || len(servers) != 3 {
		t.Errorf("%d servers, want 3 (%v)", len(servers), err)
	}
	w.run("destroy", "-auto-approve")
	if servers, err := client.Server.All(t.Context()); err != nil || len(servers) != 0 {
		t.Errorf("%d servers left (%v)", len(servers), err)
	}
}

// awaitCalm waits until an apply has asked for all that does not depend on
// running servers, so that only its polling can be cut short.
func awaitCalm(t *testing.T, url string, ended <-chan error, out *bytes.Buffer) {
	t.Helper()
	control := strings.TrimSuffix(url, "/v1") + "/_simulator/requests?method=POST"
	for {
		answer, err := http.Get(control)
		if err != nil {
			t.Fatal(err)
		}
		var log struct{ Requests []simulator.Request }
		err = json.NewDecoder(answer.Body).Decode(&log)
		answer.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		done := map[string]int{}
		for _, r := range log.Requests {
			if r.Status == http.StatusCreated {
				done[r.Path[strings.LastIndexByte(r.Path, '/')+1:]]++
			}
		}
		if done["servers"] == 3 && done["add_service"] == 2 && done["add_target"] == 1 && done["volumes"] == 1 && done["floating_ips"] == 1 && done["primary_ips"] == 1 {
			return
		}
		select {
		case err := <-ended:
			t.Fatalf("the apply ended too early: %v\n%s", err, out)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
