package tofu

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Request is what to plan.
type Request struct {
	// ID is the deployment, 16 lower-case hex characters.
	ID string
	// Endpoint is the address of the cloud's API, e.g.
	// "https://api.hetzner.cloud/v1". Always explicit.
	Endpoint string
	// Tfvars are the variables without secrets, as they go into
	// tofu.auto.tfvars.json.
	Tfvars map[string]any
	// Secrets are sensitive variables that become part of the (encrypted) plan.
	Secrets map[string]string
	// Ephemeral are secret variables that tofu keeps out of plan and state; the
	// apply needs them again.
	Ephemeral map[string]string
}

// secretValues are all secrets of the request, to be searched for in output.
func (r Request) secretValues() []string {
	return slices.Concat(slices.Collect(maps.Values(r.Secrets)), slices.Collect(maps.Values(r.Ephemeral)))
}

// Plan is a saved plan, redacted.
type Plan struct {
	// Digest is the SHA-256 over the saved plan file and its canonical tfvars, in
	// hex.
	Digest string
	// JSON is the redacted plan in tofu's format; Parsed is the same.
	JSON   []byte
	Parsed *tfjson.Plan
	// Advisories are the warnings of checks and providers.
	Advisories []string
	// Imported is how many existing resources the plan takes over.
	Imported int
}

// Plan prepares the deployment's folder, plans, and keeps the plan for
// [Engine.Apply]. A later plan replaces it. Nothing in the cloud is changed.
// Faults: [fault.Unavailable] with tofu's own diagnosis.
func (e *Engine) Plan(ctx context.Context, r Request) (*Plan, error) {
	f, err := e.folder(r.ID)
	if err != nil {
		return nil, err
	}
	release, err := e.hold(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := e.stage(ctx, f, r.Endpoint); err != nil {
		return nil, err
	}
	return e.plan(ctx, f, r)
}

// validate checks the module, which finds a broken one with a better message
// than a plan does.
func (e *Engine) validate(ctx context.Context, f folder, endpoint string) error {
	tf, err := e.client(ctx, f, endpoint)
	if err != nil {
		return failed(ctx, err, nil, "OpenTofu cannot be started")
	}
	result, err := tf.Validate(ctx)
	if err != nil {
		return failed(ctx, err, nil, "the OpenTofu module cannot be checked")
	}
	for _, d := range result.Diagnostics {
		if d.Severity == tfjson.DiagnosticSeverityError {
			return fault.New(fault.Internal, "the OpenTofu module is broken: %s", Diagnostic{Summary: d.Summary, Detail: d.Detail}.sentence())
		}
	}
	return nil
}

// plan makes the plan in a staged folder. The caller holds the deployment.
func (e *Engine) plan(ctx context.Context, f folder, r Request) (*Plan, error) {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	tfvars, err := canonical(r.Tfvars)
	if err == nil {
		err = writeFile(f.tfvars(), tfvars)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the plan's variables cannot be written")
	}
	all := maps.Clone(r.Secrets)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, r.Ephemeral)
	secrets, err := e.secretFile(f, "plan", all)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the plan's secrets cannot be handed over")
	}
	defer os.Remove(secrets)

	tf, err := e.client(ctx, f, r.Endpoint)
	if err != nil {
		return nil, failed(ctx, err, nil, "OpenTofu cannot be started")
	}
	var ui bytes.Buffer
	_, err = tf.PlanJSON(ctx, &ui, tfexec.Out(f.plan()), tfexec.VarFile(secrets), tfexec.LockTimeout("30s"))
	f.protect()
	diagnostics := diagnosticsOf(scrubText(ui.Bytes(), r.secretValues()))
	if err != nil {
		return nil, failed(ctx, err, diagnostics, "OpenTofu could not make the plan")
	}
	return e.inspect(ctx, f, r, diagnostics)
}

// inspect reads the saved plan, redacts it and computes its digest.
func (e *Engine) inspect(ctx context.Context, f folder, r Request, diagnostics []Diagnostic) (*Plan, error) {
	raw, err := e.tofu(ctx, f, f.module(), r.Endpoint, "show", "-json", "-no-color", f.plan())
	if err != nil {
		return nil, failed(ctx, err, nil, "the plan cannot be read")
	}
	redacted, parsed, err := readPlan(raw, r.secretValues())
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the plan cannot be understood")
	}
	if err := writeFile(f.planJSON(), redacted); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the plan cannot be kept")
	}
	digest, err := f.digest()
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the plan's digest cannot be computed")
	}
	p := &Plan{Digest: digest, JSON: redacted, Parsed: parsed}
	for _, d := range diagnostics {
		// Upstream's variables are a superset of the module's, so this warning says
		// nothing.
		if d.Severity == "warning" && d.Summary != "Value for undeclared variable" && d.Summary != "Values for undeclared variables" {
			p.Advisories = append(p.Advisories, d.sentence())
		}
	}
	for _, c := range parsed.ResourceChanges {
		if c.Change != nil && c.Change.Importing != nil {
			p.Imported++
		}
	}
	return p, nil
}

// protect takes from others the right to read what tofu wrote as a child of the
// service, under the service's umask. The folder is closed to them anyway.
func (f folder) protect() {
	for _, path := range []string{f.plan(), f.state(), f.state() + ".backup"} {
		_ = os.Chmod(path, 0o600)
	}
}

// Verify checks that the saved plan and its variables are still the ones with
// this digest. Fault: [fault.Conflict] when they are not.
func (e *Engine) Verify(ctx context.Context, id, digest string) error {
	f, err := e.folder(id)
	if err != nil {
		return err
	}
	release, err := e.hold(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	return f.verify(digest)
}

func (f folder) verify(digest string) error {
	now, err := f.digest()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Unavailable, "the saved plan cannot be read")
	}
	if err != nil || subtle.ConstantTimeCompare([]byte(now), []byte(digest)) != 1 {
		return fault.New(fault.Conflict, "the saved plan is not the one that was shown").Do("make a new plan and look at it")
	}
	return nil
}

// digest is the SHA-256 over the hashes of the saved plan file and of the
// canonical tfvars, in hex. Both files are read, not remembered.
func (f folder) digest() (string, error) {
	plan, err := os.ReadFile(f.plan())
	if err != nil {
		return "", err
	}
	tfvars, err := os.ReadFile(f.tfvars())
	if err != nil {
		return "", err
	}
	var values map[string]any
	if err := decode(tfvars, &values); err != nil {
		return "", err
	}
	if tfvars, err = canonical(values); err != nil {
		return "", err
	}
	p, v := sha256.Sum256(plan), sha256.Sum256(tfvars)
	sum := sha256.Sum256(slices.Concat(p[:], v[:]))
	return hex.EncodeToString(sum[:]), nil
}

// canonical is JSON with sorted keys and indentation.
func canonical(values map[string]any) ([]byte, error) {
	raw, err := json.MarshalIndent(values, "", "  ")
	return append(raw, '\n'), err
}

// decode reads JSON and keeps numbers as they are written.
func decode(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(v)
}

// scrubText removes secrets from tofu's own words.
func scrubText(text []byte, secrets []string) []byte {
	for _, s := range longEnough(secrets) {
		text = bytes.ReplaceAll(text, []byte(s), []byte(masked))
	}
	return text
}
