package tofu

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/openova-io/sandbox/conversation/fault"
)

// masterKeyVariable is the environment variable that may hold the vault's
// master key. It is passed on only where there is no key file.
const masterKeyVariable = "SANDBOX_MASTER_KEY"

// environment is everything that tofu and its providers see. Only the trust
// anchors and the proxy of the machine are taken over from the service.
func (e *Engine) environment(f folder, endpoint string) (map[string]string, error) {
	encryption, err := e.encryption(f)
	if err != nil {
		return nil, err
	}
	env := map[string]string{
		"PATH":               "/usr/bin:/bin",
		"HOME":               f.dir,
		"LANG":               "C.UTF-8",
		"TF_CLI_CONFIG_FILE": f.config(),
		"TF_ENCRYPTION":      encryption,
		"CHECKPOINT_DISABLE": "1",
	}
	if endpoint != "" {
		env["HCLOUD_ENDPOINT"] = endpoint
	}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "NO_PROXY"} {
		if v := os.Getenv(name); v != "" {
			env[name] = v
		}
	}
	return env, nil
}

// inherited are the variables that a process takes over by itself, since their
// values must not be written into an order.
func (e *Engine) inherited() []string {
	if e.opts.Keys.MasterKeyFile() != "" {
		return nil
	}
	return []string{masterKeyVariable}
}

// tofu runs one short command as a child that dies with the service, and gives
// its standard output.
func (e *Engine) tofu(ctx context.Context, f folder, dir, endpoint string, args ...string) ([]byte, error) {
	binary, err := e.opts.TofuPath(ctx)
	if err != nil {
		return nil, err
	}
	env, err := e.environment(f, endpoint)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = dir
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	for _, name := range e.inherited() {
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	dieWithParent(cmd)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("tofu %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return out.Bytes(), nil
}

// client gives the terraform-exec client of a deployment's folder, with the
// writers of its last command taken away. It is kept until the deployment's files
// are cleaned up, since a new one asks tofu for its version first, which takes a
// tenth of the time of a plan. The caller holds the deployment.
func (e *Engine) client(ctx context.Context, f folder, endpoint string) (*tfexec.Terraform, error) {
	binary, err := e.opts.TofuPath(ctx)
	if err != nil {
		return nil, err
	}
	env, err := e.environment(f, endpoint)
	if err != nil {
		return nil, err
	}
	for _, name := range e.inherited() {
		env[name] = os.Getenv(name)
	}
	e.mu.Lock()
	tf := e.clients[f.dir]
	e.mu.Unlock()
	if tf == nil || tf.ExecPath() != binary {
		if tf, err = tfexec.NewTerraform(f.module(), binary); err != nil {
			return nil, err
		}
		tf.SetWaitDelay(10 * time.Second)
		e.mu.Lock()
		e.clients[f.dir] = tf
		e.mu.Unlock()
	}
	tf.SetStdout(io.Discard)
	tf.SetStderr(io.Discard)
	return tf, tf.SetEnv(env)
}

// secretFile writes variables into a 0600 file in memory, or in the
// deployment's folder where the system has no memory file system, and gives its
// path. Whoever asks for it removes it.
func (e *Engine) secretFile(f folder, name string, values map[string]string) (string, error) {
	raw, err := json.Marshal(values)
	if err != nil {
		return "", err
	}
	path := e.secretPath(f, name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return "", err
	}
	_, err = file.Write(raw)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return path, err
}

// secretPath is where a deployment's secret file of a name lies. The folder in
// memory is ours alone, or it is not used: another user may have made one of
// the same name.
func (e *Engine) secretPath(f folder, name string) string {
	file := name + ".secret.tfvars.json"
	if e.opts.MemoryDir != "" {
		sum := sha256.Sum256([]byte(e.opts.Dir))
		dir := filepath.Join(e.opts.MemoryDir, "openova-sandbox-"+strconv.Itoa(os.Getuid())+"-"+hex.EncodeToString(sum[:6]))
		if ours(dir) {
			return filepath.Join(dir, filepath.Base(f.dir)+"-"+file)
		}
	}
	return filepath.Join(f.dir, file)
}

// ours makes dir with mode 0700, and is true if it is a real folder of this user
// that nobody else can enter.
func ours(dir string) bool {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return false
	}
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

// failed turns a command's error into a fault. The cause is tofu's own words,
// which are for the log; what a person may read comes from diagnostics.
func failed(ctx context.Context, err error, diagnostics []Diagnostic, what string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, d := range diagnostics {
		if d.Severity == "error" {
			return fault.Wrap(err, fault.Unavailable, "%s: %s", what, d.sentence())
		}
	}
	return fault.Wrap(err, fault.Unavailable, "%s", what)
}
