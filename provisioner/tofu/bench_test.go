package tofu_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/provisioner/hetzner"
	"github.com/openova-io/sandbox/provisioner/tofu"
)

// BenchmarkPlan plans a whole Sovereign and, turn by turn, does the same with a
// bare tofu plan and show in a folder that is prepared just as well. The ratio is
// what encryption, redaction, digest and files add.
func BenchmarkPlan(b *testing.B) {
	binary, mirror := tools(b)
	holder := filepath.Join(b.TempDir(), "sandbox-holder")
	if out, err := exec.Command("go", "build", "-o", holder, "../../cmd/sandbox-holder").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	w := newWorldWith(b, hetzner.Files(), holder)
	vars := map[string]any{
		"sovereign_fqdn": "acme.omani.works", "deployment_id": id, "org_name": "Acme", "org_email": "sara@acme.example",
		"hcloud_project_id": "bench", "region": "fsn1", "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7f9s0mJr3Qm1mVb8cB0r2v1m0oF3iXk1QJ0m1n2b3c bench",
		"object_storage_region": "fsn1", "object_storage_bucket_name": "catalyst-acme-omani-works",
	}
	secrets := map[string]string{
		"kubeconfig_bearer_token": strings.Repeat("b", 64), "object_storage_access_key": strings.Repeat("k", 20), "object_storage_secret_key": strings.Repeat("s", 40),
	}
	token := map[string]string{"hcloud_token": strings.Repeat("t", 64)}
	request := tofu.Request{ID: id, Endpoint: "http://127.0.0.1:9/v1", Tfvars: vars, Secrets: secrets, Ephemeral: token}

	dir := b.TempDir()
	err := fs.WalkDir(hetzner.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err != nil || d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		raw, err := fs.ReadFile(hetzner.Files(), name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, raw, 0o600)
	})
	if err != nil {
		b.Fatal(err)
	}
	all := map[string]any{}
	for k, v := range vars {
		all[k] = v
	}
	for _, m := range []map[string]string{secrets, token} {
		for k, v := range m {
			all[k] = v
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		b.Fatal(err)
	}
	rc := filepath.Join(dir, "tofu.rc")
	for path, content := range map[string][]byte{
		filepath.Join(dir, "tofu.auto.tfvars.json"): raw,
		rc: fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror {\n    path = %q\n    include = [\"registry.opentofu.org/*/*\"]\n  }\n}\n", mirror),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	bare := func(args ...string) {
		cmd := exec.Command(binary, args...)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TF_CLI_CONFIG_FILE=" + rc, "CHECKPOINT_DISABLE=1", "HCLOUD_ENDPOINT=" + request.Endpoint}
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("tofu %v: %v\n%s", args, err, out)
		}
	}
	bare("init", "-input=false")
	plan := func() {
		if _, err := w.engine.Plan(b.Context(), request); err != nil {
			b.Fatal(err)
		}
	}
	plan() // prepares the folder, as init did for the bare one
	var ours, theirs []time.Duration
	for b.Loop() {
		start := time.Now()
		plan()
		ours = append(ours, time.Since(start))
		start = time.Now()
		bare("plan", "-input=false", "-out=plan.bin")
		bare("show", "-json", "plan.bin")
		theirs = append(theirs, time.Since(start))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	b.ReportMetric(ours[len(ours)/2].Seconds()*1000, "plan-ms")
	b.ReportMetric(theirs[len(theirs)/2].Seconds()*1000, "bare-ms")
	b.ReportMetric(float64(ours[len(ours)/2])/float64(theirs[len(theirs)/2]), "ratio")
}
