package tofu

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
)

// stage prepares a deployment's folder: module, key, configuration, providers.
// Doing it again changes nothing, so that a deployment keeps the module that it
// was planned with when the service is upgraded.
func (e *Engine) stage(ctx context.Context, f folder, endpoint string) error {
	if err := os.MkdirAll(filepath.Join(f.dir, "runs"), 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the deployment's folder cannot be made")
	}
	if err := e.ensureKey(f); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the deployment's key cannot be made")
	}
	if err := writeFile(f.config(), e.config()); err != nil {
		return fault.Wrap(err, fault.Unavailable, "tofu's configuration cannot be written")
	}
	fresh := false
	if _, err := os.Stat(f.module()); errors.Is(err, fs.ErrNotExist) {
		if err := e.copyModule(ctx, f); err != nil {
			return err
		}
		fresh = true
	} else if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the deployment's module cannot be read")
	}
	return e.prepare(ctx, f, endpoint, fresh)
}

// prepare runs init, which links the providers of the mirror into the folder, and
// validate. Both are left out where they were done with the same tofu and the same
// mirror: the folder's module never changes. A fresh copy of a module that was
// found good with them in another folder is not checked again, since a person
// waits for the first plan.
func (e *Engine) prepare(ctx context.Context, f folder, endpoint string, fresh bool) error {
	binary, err := e.opts.TofuPath(ctx)
	if err != nil {
		return err
	}
	mark, done := filepath.Join(f.dir, "prepared"), binary+"\n"+e.opts.Mirror()+"\n"
	if raw, err := os.ReadFile(mark); err == nil && string(raw) == done {
		return nil
	}
	if _, err := e.tofu(ctx, f, f.module(), endpoint, "init", "-input=false", "-no-color", "-lockfile=readonly"); err != nil {
		return fault.Wrap(err, fault.Unavailable, "OpenTofu could not be prepared; its provider may be missing")
	}
	good := filepath.Join(e.opts.Dir, ".validated-"+e.digest[:16])
	if raw, err := os.ReadFile(good); err != nil || !fresh || string(raw) != done {
		if err := e.validate(ctx, f, endpoint); err != nil {
			return err
		}
		if fresh {
			if err := writeFile(good, []byte(done)); err != nil {
				return fault.Wrap(err, fault.Unavailable, "the folder of the deployments cannot be written")
			}
		}
	}
	return fault.Wrap(writeFile(mark, []byte(done)), fault.Unavailable, "the deployment's folder cannot be written")
}

// copyModule brings the module into the folder in one step: a half-copied one
// never has the name "module".
func (e *Engine) copyModule(ctx context.Context, f folder) error {
	lock, err := e.providerLock(ctx)
	if err != nil {
		return err
	}
	part := f.module() + ".part"
	err = os.RemoveAll(part)
	if err == nil {
		err = copyTree(part, e.opts.Module)
	}
	if err == nil && len(lock) > 0 {
		err = writeFile(filepath.Join(part, ".terraform.lock.hcl"), lock)
	}
	if err == nil {
		err = os.Rename(part, f.module())
	}
	return fault.Wrap(err, fault.Unavailable, "the module cannot be copied into the deployment's folder")
}

// providerLock gives the lock file that pins the providers' checksums. It is
// made once per module and kept; every deployment must then find the very same
// providers (-lockfile=readonly).
func (e *Engine) providerLock(ctx context.Context) ([]byte, error) {
	const scratchID = "lock"
	release, err := e.hold(ctx, scratchID)
	if err != nil {
		return nil, err
	}
	defer release()
	kept := filepath.Join(e.opts.Dir, ".providers-"+e.digest[:16]+".lock.hcl")
	if raw, err := os.ReadFile(kept); err == nil {
		return raw, nil
	}
	scratch, err := os.MkdirTemp(e.opts.Dir, ".lock-*")
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the provider lock cannot be made")
	}
	defer os.RemoveAll(scratch)
	f := folder{scratch}
	err = writeFile(f.config(), e.config())
	if err == nil {
		err = copyTree(f.module(), e.opts.Module)
	}
	if err == nil {
		err = e.ensureKey(f)
	}
	if err == nil {
		_, err = e.tofu(ctx, f, f.module(), "", "init", "-input=false", "-no-color")
	}
	var raw []byte
	if err == nil {
		if raw, err = os.ReadFile(f.lock()); errors.Is(err, fs.ErrNotExist) {
			raw, err = []byte("# The module needs no provider.\n"), nil
		}
	}
	if err == nil {
		err = writeFile(kept, raw)
	}
	return raw, fault.Wrap(err, fault.Unavailable, "OpenTofu could not be prepared; its provider may be missing")
}

// config is tofu's own configuration: providers from the mirror and from
// nowhere else, no question to any update service.
func (e *Engine) config() []byte {
	return fmt.Appendf(nil, `provider_installation {
  filesystem_mirror {
    path    = %s
    include = ["registry.opentofu.org/*/*"]
  }
}
disable_checkpoint = true
`, quote(e.opts.Mirror()))
}

// ensureKey makes the deployment's data key where there is none.
func (e *Engine) ensureKey(f folder) error {
	if _, err := os.Stat(f.key()); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dek := make([]byte, 32)
	rand.Read(dek)
	wrapped, err := e.opts.Keys.WrapKey(dek)
	clear(dek)
	if err != nil {
		return err
	}
	return writeFile(f.key(), wrapped)
}

// encryption is the value of TF_ENCRYPTION: state and plan are encrypted with
// the deployment's key, and tofu refuses to read or write anything else.
func (e *Engine) encryption(f folder) (string, error) {
	command := []string{e.opts.HolderPath, "key", "--wrapped", f.key()}
	if file := e.opts.Keys.MasterKeyFile(); file != "" {
		command = append(command, "--master-key-file", file)
	}
	enforced := map[string]any{"method": "method.aes_gcm.deployment", "enforced": true}
	raw, err := json.Marshal(map[string]any{
		"key_provider": map[string]any{"external": map[string]any{"vault": map[string]any{"command": command}}},
		"method":       map[string]any{"aes_gcm": map[string]any{"deployment": map[string]any{"keys": "key_provider.external.vault"}}},
		"state":        enforced,
		"plan":         enforced,
	})
	return string(raw), err
}

// moduleDigest is the SHA-256 over the names and contents of a module's files.
func moduleDigest(module fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(module, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(module, name)
		fmt.Fprintf(h, "%d %s %d ", len(name), name, len(raw))
		h.Write(raw)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// copyTree copies files with mode 0600 into dir, which is made.
func copyTree(dir string, src fs.FS) error {
	return fs.WalkDir(src, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		raw, err := fs.ReadFile(src, name)
		if err != nil {
			return err
		}
		return writeFile(target, raw)
	})
}

// writeFile replaces a file in one step, mode 0600.
func writeFile(path string, raw []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, raw) {
		return nil
	}
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(raw)
	if err == nil {
		err = part.Sync()
	}
	if closeErr := part.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(part.Name(), path)
	}
	return err
}

// quote writes an HCL string. JSON's escapes are HCL's, but for the templates.
func quote(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return strings.NewReplacer("${", "$${", "%{", "%%{", `\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(raw))
}
