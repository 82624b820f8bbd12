package tofu

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/run"
)

// Keys wraps data keys; the vault does. MasterKeyFile is empty where the master
// key is in the environment.
type Keys interface {
	WrapKey(dek []byte) ([]byte, error)
	MasterKeyFile() string
}

// Options are what an Engine needs.
type Options struct {
	// TofuPath gives the tofu binary; it may block while the binary is made.
	TofuPath func(ctx context.Context) (string, error)
	// MirrorDir is an unpacked provider mirror: the folder that holds
	// registry.opentofu.org. No provider comes from anywhere else.
	MirrorDir string
	// Mirror, if set, gives the mirror when it is needed, for one that is still
	// being made when the engine is.
	Mirror func() string
	// HolderPath is the sandbox-holder binary: runner and key helper.
	HolderPath string
	// Dir holds the folders of all deployments.
	Dir string
	// Module is the OpenTofu module.
	Module fs.FS
	Keys   Keys
	// Launcher starts runners; nil means detached processes on this machine.
	Launcher run.Launcher
	// MemoryDir is where secret files lie while a command needs them; empty means
	// /dev/shm where there is one, else the deployment's folder.
	MemoryDir string
	// Parallel is how many plans run at once; 0 means 2.
	Parallel int
	Logger   *slog.Logger
}

// Engine drives tofu. Its methods may be used by many goroutines; those on one
// deployment wait for each other.
type Engine struct {
	opts   Options
	digest string // of the module
	slots  chan struct{}

	mu      sync.Mutex
	locks   map[string]*idLock
	clients map[string]*tfexec.Terraform // by folder
}

type idLock struct {
	slot  chan struct{}
	users int
}

// New checks the options and makes the folder. It starts nothing.
func New(opts Options) (*Engine, error) {
	if opts.TofuPath == nil || opts.Module == nil || opts.Keys == nil || opts.Dir == "" || opts.HolderPath == "" || opts.MirrorDir == "" && opts.Mirror == nil {
		return nil, fault.New(fault.Internal, "the tofu engine lacks one of tofu, module, keys, folder, holder and mirror")
	}
	if opts.Mirror == nil {
		mirror, err := filepath.Abs(opts.MirrorDir)
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "the provider mirror cannot be found")
		}
		opts.Mirror = func() string { return mirror }
	}
	for _, p := range []*string{&opts.Dir, &opts.HolderPath} {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "a path of the tofu engine cannot be resolved")
		}
		*p = abs
	}
	if opts.Launcher == nil {
		detached := run.Detached{Holder: opts.HolderPath}
		if opts.Keys.MasterKeyFile() == "" {
			detached.Inherit = []string{masterKeyVariable}
		}
		opts.Launcher = detached
	}
	if opts.Parallel <= 0 {
		opts.Parallel = 2
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.MemoryDir == "" {
		if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
			opts.MemoryDir = "/dev/shm"
		}
	}
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the folder of the deployments cannot be made")
	}
	digest, err := moduleDigest(opts.Module)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the OpenTofu module cannot be read")
	}
	return &Engine{opts: opts, digest: digest, slots: make(chan struct{}, opts.Parallel), locks: map[string]*idLock{}, clients: map[string]*tfexec.Terraform{}}, nil
}

// ModuleDigest is the SHA-256 of the module's files, in hex.
func (e *Engine) ModuleDigest() string { return e.digest }

var deploymentID = regexp.MustCompile(`^[0-9a-f]{16}$`)

// folder is the files of one deployment.
type folder struct{ dir string }

func (e *Engine) folder(id string) (folder, error) {
	if !deploymentID.MatchString(id) {
		return folder{}, fault.New(fault.Invalid, "a deployment id is 16 lower-case hex characters").At("id")
	}
	return folder{filepath.Join(e.opts.Dir, id)}, nil
}

func (f folder) module() string         { return filepath.Join(f.dir, "module") }
func (f folder) plan() string           { return filepath.Join(f.dir, "plan.bin") }
func (f folder) planJSON() string       { return filepath.Join(f.dir, "plan.json") }
func (f folder) key() string            { return filepath.Join(f.dir, "key.wrapped") }
func (f folder) config() string         { return filepath.Join(f.dir, "tofu.rc") }
func (f folder) tfvars() string         { return filepath.Join(f.module(), "tofu.auto.tfvars.json") }
func (f folder) imports() string        { return filepath.Join(f.module(), "zz_imports.tf") }
func (f folder) state() string          { return filepath.Join(f.module(), "terraform.tfstate") }
func (f folder) lock() string           { return filepath.Join(f.module(), ".terraform.lock.hcl") }
func (f folder) run(name string) string { return filepath.Join(f.dir, "runs", name) }

// hold waits until nobody else works on the deployment. The returned function
// lets it go.
func (e *Engine) hold(ctx context.Context, id string) (func(), error) {
	e.mu.Lock()
	l := e.locks[id]
	if l == nil {
		l = &idLock{slot: make(chan struct{}, 1)}
		e.locks[id] = l
	}
	l.users++
	e.mu.Unlock()
	leave := func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(e.locks, id)
		}
	}
	select {
	case l.slot <- struct{}{}:
		return func() { <-l.slot; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// Discard removes what a deployment no longer needs once its plan was applied
// or given up: the saved plan, its variables, and secret files that a runner
// could not remove. State, key, stream and the redacted plan stay.
func (e *Engine) Discard(ctx context.Context, id string) error {
	f, err := e.folder(id)
	if err != nil {
		return err
	}
	release, err := e.hold(ctx, id)
	if err != nil {
		return err
	}
	defer release()
	e.mu.Lock()
	delete(e.clients, f.dir)
	e.mu.Unlock()
	var failed error
	for _, path := range []string{f.plan(), f.tfvars(), f.imports()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = err
		}
	}
	if err := e.removeRunSecrets(f); err != nil {
		failed = err
	}
	return fault.Wrap(failed, fault.Unavailable, "the files of deployment %s cannot be cleaned up", id)
}

// PlanJSON gives the redacted plan of a deployment, in tofu's plan format.
func (e *Engine) PlanJSON(id string) ([]byte, error) {
	f, err := e.folder(id)
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(f.planJSON())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "deployment %s has no plan", id).Do("make a plan first")
	}
	return raw, fault.Wrap(err, fault.Unavailable, "the plan of deployment %s cannot be read", id)
}
