package tofu

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/run"
)

// Apply says which saved plan to apply.
type Apply struct {
	// ID is the deployment; Run names this apply, e.g. "r1". The same Run is
	// executed once, however often it is asked for.
	ID, Run string
	// Digest is what was approved.
	Digest   string
	Endpoint string
	// Ephemeral are the secret variables that are not in the plan.
	Ephemeral map[string]string
	// Grace is how long a cancelled apply may take to save its state; Timeout
	// after how long an apply is cancelled. 0 means 60 s and never.
	Grace, Timeout time.Duration
}

// runName keeps a run's folder inside the deployment's.
var runName = regexp.MustCompile(`^r[0-9]{1,4}$`)

// Apply starts the detached apply of the saved plan, or finds it started. It
// returns once the runner has written down its intent. Faults: [fault.Conflict]
// when the saved plan is not the approved one, [fault.Unavailable] when the
// runner could not be started.
func (e *Engine) Apply(ctx context.Context, a Apply) error {
	f, dir, err := e.runFolder(a.ID, a.Run)
	if err != nil {
		return err
	}
	release, err := e.hold(ctx, a.ID)
	if err != nil {
		return err
	}
	defer release()
	status, err := run.Inspect(dir)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the state of the apply cannot be read")
	}
	if status.State != run.Absent {
		return nil
	}
	if err := f.verify(a.Digest); err != nil {
		return err
	}
	binary, err := e.opts.TofuPath(ctx)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "OpenTofu is not there")
	}
	env, err := e.environment(f, a.Endpoint)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the apply cannot be prepared")
	}
	secrets, err := e.secretFile(f, a.Run, a.Ephemeral)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the apply's secrets cannot be handed over")
	}
	order := run.Order{
		ID:  a.Run,
		Dir: f.module(),
		Argv: []string{binary, "apply", "-json", "-input=false", "-no-color", "-lock-timeout=60s",
			"-var-file=" + secrets, f.plan()},
		Inherit:        e.inherited(),
		Remove:         []string{secrets},
		GraceSeconds:   int(a.Grace / time.Second),
		TimeoutSeconds: int(a.Timeout / time.Second),
	}
	for k, v := range env {
		order.Env = append(order.Env, k+"="+v)
	}
	slices.Sort(order.Env)
	if err := run.Prepare(dir, order); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the apply cannot be prepared")
	}
	if err := e.opts.Launcher.Launch(ctx, dir); err != nil {
		// Another attempt may have been first; then the run is on its way.
		if status, inspectErr := run.Inspect(dir); inspectErr == nil && status.State != run.Absent {
			return nil
		}
		return fault.Wrap(err, fault.Unavailable, "the apply could not be started")
	}
	return nil
}

// Follow passes the records of an apply from offset on to fn until it is over.
// See [run.Follow].
func (e *Engine) Follow(ctx context.Context, id, name string, offset int64, fn func([]run.Record) error) (run.Status, error) {
	_, dir, err := e.runFolder(id, name)
	if err != nil {
		return run.Status{}, err
	}
	return run.Follow(ctx, dir, offset, fn)
}

// Cancel asks an apply to stop after the step that it is at; it returns at once.
func (e *Engine) Cancel(ctx context.Context, id, name string) error {
	_, dir, err := e.runFolder(id, name)
	if err != nil {
		return err
	}
	return fault.Wrap(run.Interrupt(dir), fault.Unavailable, "the apply cannot be reached")
}

// Outputs gives the module's outputs that are not sensitive, as text; what is
// not a string is JSON.
func (e *Engine) Outputs(ctx context.Context, id, endpoint string) (map[string]string, error) {
	f, err := e.folder(id)
	if err != nil {
		return nil, err
	}
	release, err := e.hold(ctx, id)
	if err != nil {
		return nil, err
	}
	defer release()
	tf, err := e.client(ctx, f, endpoint)
	if err != nil {
		return nil, failed(ctx, err, nil, "OpenTofu cannot be started")
	}
	metas, err := tf.Output(ctx)
	if err != nil {
		return nil, failed(ctx, err, nil, "the outputs of the apply cannot be read")
	}
	out := map[string]string{}
	for name, meta := range metas {
		if meta.Sensitive {
			continue
		}
		var text string
		if json.Unmarshal(meta.Value, &text) != nil {
			text = string(meta.Value)
		}
		out[name] = text
	}
	return out, nil
}

func (e *Engine) runFolder(id, name string) (folder, string, error) {
	f, err := e.folder(id)
	if err != nil {
		return f, "", err
	}
	if !runName.MatchString(name) {
		return f, "", fault.New(fault.Invalid, "%q is not the name of a run", name).At("run")
	}
	return f, f.run(name), nil
}

// runNames lists the runs of a deployment, the oldest first.
func (f folder) runNames() ([]string, error) {
	entries, err := os.ReadDir(f.run(""))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		if runName.MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	return names, err
}

// removeRunSecrets removes the secret files of runs that are over.
func (e *Engine) removeRunSecrets(f folder) error {
	names, err := f.runNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		if status, err := run.Inspect(f.run(name)); err != nil || status.State == run.Running {
			continue
		}
		files, err := run.Secrets(f.run(name))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
