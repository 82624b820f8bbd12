package tofu_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/provisioner/run"
	"github.com/openova-io/sandbox/provisioner/tofu"
)

// The test binary is its own holder, as in package run.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "run" {
		os.Exit(run.Command(os.Args[2:], os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == "key" {
		flags := flag.NewFlagSet("key", flag.ExitOnError)
		wrapped, master := flags.String("wrapped", "", ""), flags.String("master-key-file", "", "")
		_ = flags.Parse(os.Args[2:])
		err := run.Key(*wrapped, func(raw []byte) ([]byte, error) { return vault.UnwrapKey(*master, raw) }, os.Stdin, os.Stdout)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// tools gives the tofu binary and the provider mirror, or skips with the way to
// get them.
func tools(t testing.TB) (binary, mirror string) {
	t.Helper()
	binary, mirror = os.Getenv("SANDBOX_TOFU"), os.Getenv("SANDBOX_PROVIDER_MIRROR")
	if binary == "" {
		binary = cached(t, "tofu")
	}
	if mirror == "" {
		mirror = cached(t, "hcloud")
		if i := strings.Index(mirror, "/registry.opentofu.org/"); i >= 0 {
			mirror = mirror[:i]
		}
	}
	for _, path := range []string{binary, mirror} {
		if _, err := os.Stat(path); err != nil {
			t.Skipf("%s is not there: run `.tools/build tofu` and `.tools/build hcloud`, or set SANDBOX_TOFU and SANDBOX_PROVIDER_MIRROR", path)
		}
	}
	return binary, mirror
}

func cached(t testing.TB, tool string) string {
	t.Helper()
	out, err := exec.Command("../../.tools/build", "--path", tool).Output()
	if err != nil {
		t.Skipf("the tool cache cannot be asked for %s: %v", tool, err)
	}
	return strings.TrimSpace(string(out))
}

// world is an engine on a folder, with a vault.
type world struct {
	engine *tofu.Engine
	dir    string
	vault  *vault.Vault
}

// newWorld is a world whose holder is this test binary.
func newWorld(t testing.TB, module fs.FS) world {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return newWorldWith(t, module, self)
}

func newWorldWith(t testing.TB, module fs.FS, holder string) world {
	t.Helper()
	binary, mirror := tools(t)
	v, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := world{dir: t.TempDir(), vault: v}
	memory, err := os.MkdirTemp(t.TempDir(), "memory")
	if err != nil {
		t.Fatal(err)
	}
	w.engine, err = tofu.New(tofu.Options{
		TofuPath:  func(context.Context) (string, error) { return binary, nil },
		MirrorDir: mirror, HolderPath: holder, Dir: w.dir, Module: module, Keys: v, MemoryDir: memory,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

const id = "0123456789abcdef"

func (w world) folder(name ...string) string {
	return filepath.Join(append([]string{w.dir, id}, name...)...)
}

// follow waits for the end of a run and gives its messages.
func (w world) follow(t *testing.T, name string) ([]tofu.Message, run.Status) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var messages []tofu.Message
	status, err := w.engine.Follow(ctx, id, name, 0, func(records []run.Record) error {
		for _, r := range records {
			if m, ok := tofu.Decode(r.Line); ok {
				messages = append(messages, m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return messages, status
}

// until waits for a condition of a run's stream.
func (w world) until(t *testing.T, name string, enough func([]tofu.Message) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var messages []tofu.Message
	there := errors.New("there")
	_, err := run.Follow(ctx, w.folder("runs", name), 0, func(records []run.Record) error {
		for _, r := range records {
			if m, ok := tofu.Decode(r.Line); ok {
				messages = append(messages, m)
			}
		}
		if enough(messages) {
			return there
		}
		return nil
	})
	if !errors.Is(err, there) {
		t.Fatalf("the run never got there: %v", err)
	}
}

// kill ends runner and tofu of a run at once, as a machine's out-of-memory
// killer would, and waits until the run counts as lost.
func (w world) kill(t *testing.T, name string) {
	t.Helper()
	for _, file := range []string{"intent.json", "process.json"} {
		pid := pidIn(t, w.folder("runs", name, file))
		group := pid
		if file == "process.json" {
			group = -pid // tofu's providers die with it
		}
		if err := syscall.Kill(group, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if _, status := w.follow(t, name); status.State != run.Lost {
		t.Fatalf("the run is %s", status.State)
	}
}

// pidIn waits for a file that holds a process and gives its pid. The detached
// runner writes it when it gets there and tells nobody, so it is looked for.
func pidIn(t *testing.T, path string) int {
	t.Helper()
	for range 500 {
		var p run.Process
		if raw, err := os.ReadFile(path); err == nil && unmarshal(raw, &p) == nil {
			return p.PID
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s never appeared", filepath.Base(path))
	return 0
}

// completed counts the resources that a stream reports as complete.
func completed(messages []tofu.Message) int {
	n := 0
	for _, m := range messages {
		if m.Type == "apply_complete" {
			n++
		}
	}
	return n
}

// small is a module without any provider: three steps in a row, each of which
// writes its name into a file once it is done, and a gate before the last.
func small() fs.FS {
	return fstest.MapFS{"main.tf": {Data: []byte(`
variable "token" {
  type      = string
  ephemeral = true
  sensitive = true
}
variable "bearer" {
  type      = string
  sensitive = true
}
variable "name" { type = string }
variable "log" { type = string }
resource "terraform_data" "first" {
  input = "${var.name}-${var.bearer}"
  provisioner "local-exec" { command = "echo first >> ${var.log}" }
}
resource "terraform_data" "second" {
  input      = var.name
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "echo second >> ${var.log}" }
}
resource "terraform_data" "third" {
  input      = var.name
  depends_on = [terraform_data.second]
  provisioner "local-exec" {
    command = "until [ -e ${var.log}.go ]; do sleep 0.05; done; echo third >> ${var.log}"
  }
}
output "name" { value = terraform_data.third.output }
output "hidden" {
  value     = terraform_data.first.output
  sensitive = true
}
check "advice" {
  assert {
    condition     = var.name != "warn"
    error_message = "That name is a warning."
  }
}
`)}}
}

const (
	canaryToken  = "canary-token-3f9d2c71a8e64b05"
	canaryBearer = "canary-bearer-77b1e0c4d2f9486a"
)

func (w world) request(t *testing.T) (tofu.Request, string) {
	log := filepath.Join(t.TempDir(), "log")
	return tofu.Request{
		ID: id, Endpoint: "http://127.0.0.1:9/v1",
		Tfvars:    map[string]any{"name": "clinic", "log": log, "upstream_only": "dropped"},
		Secrets:   map[string]string{"bearer": canaryBearer},
		Ephemeral: map[string]string{"token": canaryToken},
	}, log
}
