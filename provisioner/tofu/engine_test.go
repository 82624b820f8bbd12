package tofu_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/run"
	"github.com/openova-io/sandbox/provisioner/tofu"
)

func unmarshal(raw []byte, v any) error { return json.Unmarshal(raw, v) }

func TestPlanApplyOutputs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small())
	r, log := w.request(t)
	plan, err := w.engine.Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Digest) != 64 || len(plan.Parsed.ResourceChanges) != 3 || len(plan.Advisories) != 0 {
		t.Errorf("digest %q, %d changes, advisories %q", plan.Digest, len(plan.Parsed.ResourceChanges), plan.Advisories)
	}
	w.findNoCanary(t, plan)

	if err := os.WriteFile(log+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	apply := tofu.Apply{ID: id, Run: "r1", Digest: plan.Digest, Endpoint: r.Endpoint, Ephemeral: r.Ephemeral}
	for range 2 { // the second is the same run
		if err := w.engine.Apply(t.Context(), apply); err != nil {
			t.Fatal(err)
		}
	}
	messages, status := w.follow(t, "r1")
	if status.State != run.Finished || status.Exit.Code != 0 || completed(messages) != 3 {
		t.Fatalf("%+v, %d completed", status, completed(messages))
	}
	if raw, err := os.ReadFile(log); err != nil || string(raw) != "first\nsecond\nthird\n" {
		t.Errorf("effects %q, %v", raw, err)
	}
	outputs, err := w.engine.Outputs(t.Context(), id, r.Endpoint)
	if err != nil || len(outputs) != 1 || outputs["name"] != "clinic" {
		t.Errorf("outputs %v, %v", outputs, err)
	}
	if err := w.engine.Discard(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"plan.bin", "module/tofu.auto.tfvars.json"} {
		if _, err := os.Stat(w.folder(gone)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", gone, err)
		}
	}
	w.findNoCanary(t, plan)
}

// findNoCanary looks into every file of the deployment, and into the redacted
// plan, for the secrets that went in.
func (w world) findNoCanary(t *testing.T, plan *tofu.Plan) {
	t.Helper()
	err := filepath.WalkDir(filepath.Dir(w.dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if strings.HasPrefix(path, w.folder()) && info.Mode().Type() != fs.ModeSymlink && info.Mode().Perm()&0o077 != 0 && !strings.Contains(path, ".terraform") {
			t.Errorf("%s has mode %v", filepath.Base(path), info.Mode())
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		raw, err := os.ReadFile(path)
		for _, canary := range []string{canaryToken, canaryBearer} {
			if bytes.Contains(raw, []byte(canary)) {
				t.Errorf("%s holds %s", filepath.Base(path), canary)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(plan.JSON, []byte("canary")) || bytes.Contains(plan.JSON, []byte(`"variables":{"`)) && bytes.Contains(plan.JSON, []byte(`"value":"clinic"`)) {
		t.Error("the redacted plan says too much")
	}
	for _, file := range []string{"plan.bin", "module/terraform.tfstate"} {
		if raw, err := os.ReadFile(w.folder(file)); err == nil && bytes.Contains(raw, []byte("terraform_data")) {
			t.Errorf("%s is not encrypted", file)
		}
	}
}

func TestApplyTakesOnlyTheApprovedPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small())
	r, _ := w.request(t)
	plan, err := w.engine.Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Verify(t.Context(), id, plan.Digest); err != nil {
		t.Errorf("the plan as it is: %v", err)
	}
	again, err := w.engine.Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	apply := tofu.Apply{ID: id, Run: "r1", Digest: plan.Digest, Endpoint: r.Endpoint, Ephemeral: r.Ephemeral}
	if err := w.engine.Apply(t.Context(), apply); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a plan that was replaced: %v", err)
	}
	vars := w.folder("module", "tofu.auto.tfvars.json")
	if err := os.WriteFile(vars, []byte(`{"name":"another"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Verify(t.Context(), id, again.Digest); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("changed variables: %v", err)
	}
	if _, err := os.Stat(w.folder("runs", "r1")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was started: %v", err)
	}
}

func TestPlanSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small())
	r, _ := w.request(t)
	r.Tfvars["name"] = "warn"
	plan, err := w.engine.Plan(t.Context(), r)
	if err != nil || len(plan.Advisories) != 1 || !strings.Contains(plan.Advisories[0], "That name is a warning.") {
		t.Fatalf("advisories %v, %v", plan, err)
	}
	delete(r.Tfvars, "name")
	_, err = w.engine.Plan(t.Context(), r)
	if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(fault.From(err).Message, "name") {
		t.Errorf("a missing variable: %v", err)
	}
	if _, err := w.engine.Plan(t.Context(), tofu.Request{ID: "../../etc"}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("an id that leaves the folder: %v", err)
	}
	w.findNoCanary(t, plan)
}

// TestKilledApplyIsContinued: runner and tofu are killed in the middle; what was
// done is taken over from the stream, and nothing is done twice.
func TestKilledApplyIsContinued(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small())
	r, log := w.request(t)
	plan, err := w.engine.Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Apply(t.Context(), tofu.Apply{ID: id, Run: "r1", Digest: plan.Digest, Endpoint: r.Endpoint, Ephemeral: r.Ephemeral}); err != nil {
		t.Fatal(err)
	}
	w.until(t, "r1", func(m []tofu.Message) bool { return completed(m) == 2 })
	recovery := tofu.Recovery{Request: r}
	for _, c := range plan.Parsed.ResourceChanges {
		recovery.Approved = append(recovery.Approved, c.Address)
	}
	if _, err := w.engine.Recover(t.Context(), recovery); fault.CodeOf(err) != fault.Conflict {
		t.Fatalf("recovery of a living run: %v", err)
	}
	w.kill(t, "r1")
	if err := os.WriteFile(log+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	recovered, err := w.engine.Recover(t.Context(), recovery)
	if err != nil {
		t.Fatal(err)
	}
	if recovered.Imported != 2 || len(recovered.Beyond) != 0 {
		t.Fatalf("imported %d, beyond %q", recovered.Imported, recovered.Beyond)
	}
	if err := w.engine.Apply(t.Context(), tofu.Apply{ID: id, Run: "r2", Digest: recovered.Digest, Endpoint: r.Endpoint, Ephemeral: r.Ephemeral}); err != nil {
		t.Fatal(err)
	}
	if _, status := w.follow(t, "r2"); status.State != run.Finished || status.Exit.Code != 0 {
		t.Fatalf("%+v", status)
	}
	if raw, err := os.ReadFile(log); err != nil || string(raw) != "first\nsecond\nthird\n" {
		t.Errorf("effects %q, %v", raw, err)
	}
	recovery.Approved = recovery.Approved[:1]
	after, err := w.engine.Recover(t.Context(), recovery)
	if err != nil || len(after.Beyond) != 0 {
		t.Errorf("a converged deployment wants %v, %v", after, err)
	}
}

func TestRecoveryKeepsToTheApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small())
	r, _ := w.request(t)
	recovered, err := w.engine.Recover(t.Context(), tofu.Recovery{Request: r, Approved: []string{"terraform_data.first", "terraform_data.second"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(recovered.Beyond, []string{"change terraform_data.third"}) {
		t.Errorf("beyond %q", recovered.Beyond)
	}
}

func TestEnvironmentIsAllowed(t *testing.T) {
	for _, stray := range []string{"HCLOUD_ENDPOINT", "HCLOUD_TOKEN", "TF_LOG", "TF_CLI_ARGS", "TF_VAR_name", "TF_WORKSPACE", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(stray, "http://stray.example")
	}
	module := fstestWith(small(), "env.tf", `
resource "terraform_data" "env" {
  provisioner "local-exec" { command = "env | cut -d= -f1 | sort > ${var.log}.env; echo $HCLOUD_ENDPOINT > ${var.log}.endpoint" }
}`)
	w := newWorld(t, module)
	r, log := w.request(t)
	plan, err := w.engine.Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log+".go", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Apply(t.Context(), tofu.Apply{ID: id, Run: "r1", Digest: plan.Digest, Endpoint: r.Endpoint, Ephemeral: r.Ephemeral}); err != nil {
		t.Fatal(err)
	}
	w.follow(t, "r1")
	raw, err := os.ReadFile(log + ".env")
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"CHECKPOINT_DISABLE", "HCLOUD_ENDPOINT", "HOME", "LANG", "PATH", "TF_CLI_CONFIG_FILE", "TF_ENCRYPTION",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "NO_PROXY", "PWD", "OLDPWD", "SHLVL", "_"}
	for _, name := range strings.Fields(string(raw)) {
		if !slices.Contains(allowed, name) {
			t.Errorf("tofu sees %s", name)
		}
	}
	if raw, _ := os.ReadFile(log + ".endpoint"); strings.TrimSpace(string(raw)) != r.Endpoint {
		t.Errorf("endpoint %q", raw)
	}
}

func TestCancelSavesState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small())
	r, _ := w.request(t)
	plan, err := w.engine.Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.engine.Apply(t.Context(), tofu.Apply{ID: id, Run: "r1", Digest: plan.Digest, Endpoint: r.Endpoint, Ephemeral: r.Ephemeral}); err != nil {
		t.Fatal(err)
	}
	w.until(t, "r1", func(m []tofu.Message) bool { return completed(m) == 2 })
	if err := w.engine.Cancel(t.Context(), id, "r1"); err != nil {
		t.Fatal(err)
	}
	if _, status := w.follow(t, "r1"); status.State != run.Finished || !status.Exit.Interrupted || status.Exit.Code == 0 {
		t.Fatalf("%+v", status)
	}
	if info, err := os.Stat(w.folder("module", "terraform.tfstate")); err != nil || info.Size() == 0 {
		t.Errorf("the state was not saved: %v", err)
	}
}

func TestParsedPlanIsWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, small())
	r, _ := w.request(t)
	plan, err := w.engine.Plan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := w.engine.PlanJSON(id)
	if err != nil || !bytes.Equal(kept, plan.JSON) {
		t.Errorf("the kept plan differs: %v", err)
	}
	var parsed tfjson.Plan
	if err := json.Unmarshal(kept, &parsed); err != nil || len(parsed.Variables) != 0 || parsed.Validate() != nil {
		t.Errorf("%v, variables %v", err, parsed.Variables)
	}
	for _, c := range parsed.ResourceChanges {
		if c.Address == "terraform_data.first" && c.Change.After.(map[string]any)["input"] != "(sensitive)" {
			t.Errorf("first.input is %v", c.Change.After)
		}
	}
}
