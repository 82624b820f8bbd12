package vault_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
)

// The vault is what the journal seals with.
var (
	_ journal.Sealer  = (*vault.Vault)(nil)
	_ journal.Blinder = (*vault.Vault)(nil)
)

const childEnv = "VAULT_UNWRAP_TEST"

// TestMain unwraps a key when this binary is started as the other program of
// [TestAnotherProgramUnwraps].
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		wrapped, err := os.ReadFile(os.Args[2])
		if err == nil {
			var dek []byte
			if dek, err = vault.UnwrapKey(os.Args[1], wrapped); err == nil {
				_, err = os.Stdout.Write(dek)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func open(t testing.TB, dir string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(dir, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wantCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("got code %q (%v), want %q", fault.CodeOf(err), err, code)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	ctx := t.Context()
	_, err := v.Reveal(ctx, "d1", "hetzner-token")
	wantCode(t, err, fault.NotFound)
	ok(t, v.Put(ctx, "d1", "hetzner-token", []byte("one")))
	ok(t, v.Put(ctx, "d1", "hetzner-token", []byte("two")))
	ok(t, v.Put(ctx, "d1", "a-key", []byte{0, 255}))
	ok(t, v.Put(ctx, "../../d2", "hetzner-token", []byte("other")))

	v = open(t, dir) // what was put survives
	value, err := v.Reveal(ctx, "d1", "hetzner-token")
	ok(t, err)
	if string(value) != "two" {
		t.Fatalf("got %q", value)
	}
	purposes, err := v.Purposes(ctx, "d1")
	ok(t, err)
	if !slices.Equal(purposes, []string{"a-key", "hetzner-token"}) {
		t.Fatalf("got %v", purposes)
	}
	for range 2 {
		ok(t, v.Delete(ctx, "d1", "hetzner-token"))
	}
	_, err = v.Reveal(ctx, "d1", "hetzner-token")
	wantCode(t, err, fault.NotFound)
	value, err = v.Reveal(ctx, "../../d2", "hetzner-token")
	ok(t, err)
	if string(value) != "other" {
		t.Fatalf("got %q", value)
	}
	if purposes, err := v.Purposes(ctx, "nobody"); err != nil || len(purposes) != 0 {
		t.Fatalf("got %v, %v", purposes, err)
	}
}

func TestSecretsRefuse(t *testing.T) {
	v := open(t, t.TempDir())
	ctx := t.Context()
	for _, purpose := range []string{"", "../x", "a/b", "A", "a.b", "-a", strings.Repeat("a", 65)} {
		wantCode(t, v.Put(ctx, "d", purpose, []byte("x")), fault.Invalid)
		_, err := v.Reveal(ctx, "d", purpose)
		wantCode(t, err, fault.Invalid)
	}
	wantCode(t, v.Put(ctx, "", "a", []byte("x")), fault.Invalid)
	wantCode(t, v.Put(ctx, "d", "a", nil), fault.Invalid)
	wantCode(t, v.Put(ctx, "d", "a", make([]byte, 64<<10+1)), fault.Limited)
	ok(t, v.Put(ctx, "d", "a", make([]byte, 64<<10)))
	_, err := v.Reveal(ctx, "d", "a")
	ok(t, err)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := v.Put(gone, "d", "a", []byte("x")); err == nil {
		t.Fatal("a value was put for nobody")
	}
}

// A file that is put in another's place does not open there.
func TestFilesKeepTheirPlace(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	ok(t, v.Put(t.Context(), "d", "mine", []byte("x")))
	ok(t, v.Put(t.Context(), "d", "yours", []byte("y")))
	mine, err := filepath.Glob(filepath.Join(dir, "secrets", "*", "mine.age"))
	if err != nil || len(mine) != 1 {
		t.Fatalf("%v, %v", mine, err)
	}
	yours := filepath.Join(filepath.Dir(mine[0]), "yours.age")
	content, err := os.ReadFile(mine[0])
	ok(t, err)
	ok(t, os.WriteFile(yours, content, 0o600))
	_, err = v.Reveal(t.Context(), "d", "yours")
	wantCode(t, err, fault.Internal)
	content[len(content)-1] ^= 1
	ok(t, os.WriteFile(mine[0], content, 0o600))
	_, err = v.Reveal(t.Context(), "d", "mine")
	wantCode(t, err, fault.Internal)
}

func TestNothingLiesOpen(t *testing.T) {
	const canary, owner, person = "the-canary-value-123456", "the-canary-owner", "canary@example.org"
	dir := t.TempDir()
	v := open(t, dir)
	ok(t, v.Put(t.Context(), owner, "token", []byte(canary)))
	sealed, err := v.Seal(t.Context(), person, []byte(canary))
	ok(t, err)
	wrapped, err := v.WrapKey([]byte(canary))
	ok(t, err)
	if bytes.Contains(sealed, []byte(canary)) || bytes.Contains(wrapped, []byte(canary)) {
		t.Fatal("what was sealed can be read")
	}
	files := 0
	ok(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o", d.Name(), info.Mode().Perm())
		}
		if d.IsDir() {
			return nil
		}
		files++
		content, err := os.ReadFile(path)
		for _, word := range []string{canary, owner, person, "dGhlLWNhbmFyeS"} {
			if bytes.Contains(content, []byte(word)) || strings.Contains(path, word) {
				t.Errorf("%q lies open in %s", word, d.Name())
			}
		}
		return err
	}))
	if files != 4 { // master key, check, secret, person key; nothing left over
		t.Errorf("%d files", files)
	}
}

func TestSealAndForget(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	ctx := t.Context()
	sealed, err := v.Seal(ctx, "u1", []byte("words"))
	ok(t, err)
	others, err := v.Seal(ctx, "u2", []byte("words"))
	ok(t, err)
	again, err := v.Seal(ctx, "u1", []byte("words"))
	ok(t, err)
	if bytes.Equal(sealed, again) {
		t.Fatal("equal words give equal bytes")
	}
	_, err = v.Unseal(ctx, "u2", sealed)
	wantCode(t, err, fault.Internal)
	_, err = v.Unseal(ctx, "u3", sealed) // no key, yet not forgotten
	wantCode(t, err, fault.Unavailable)

	other := open(t, dir) // another process, which has the key in memory
	plain, err := other.Unseal(ctx, "u1", sealed)
	ok(t, err)
	if string(plain) != "words" {
		t.Fatalf("got %q", plain)
	}
	keys, err := filepath.Glob(filepath.Join(dir, "persons", "*.age"))
	ok(t, err)
	for range 2 {
		ok(t, v.ForgetPerson(ctx, "u1"))
	}
	left, err := filepath.Glob(filepath.Join(dir, "persons", "*.age"))
	ok(t, err)
	if len(keys) != 2 || len(left) != 1 {
		t.Fatalf("%d keys before, %d after", len(keys), len(left))
	}
	for _, w := range []*vault.Vault{v, other, open(t, dir)} {
		_, err = w.Unseal(ctx, "u1", sealed)
		wantCode(t, err, fault.NotFound)
		_, err = w.Seal(ctx, "u1", []byte("more"))
		wantCode(t, err, fault.NotFound)
		plain, err = w.Unseal(ctx, "u2", others)
		ok(t, err)
		if string(plain) != "words" {
			t.Fatalf("got %q", plain)
		}
	}
	ok(t, v.ForgetPerson(ctx, "never-there"))
	wantCode(t, v.ForgetPerson(ctx, ""), fault.Invalid)
}

// A vault that is restored from a backup forgets again, and an erasure that was
// cut short after its mark is finished when the vault is opened.
func TestErasuresOutliveARestore(t *testing.T) {
	dir, backup := t.TempDir(), t.TempDir()
	v := open(t, dir)
	sealed, err := v.Seal(t.Context(), "u1", []byte("words"))
	ok(t, err)
	ok(t, os.CopyFS(filepath.Join(backup, "v"), os.DirFS(dir)))
	ok(t, v.ForgetPerson(t.Context(), "u1"))
	marks, err := v.Erasures()
	ok(t, err)
	if len(marks) != 1 || strings.Contains(marks[0], "u1") {
		t.Fatalf("marks %v", marks)
	}

	restored := filepath.Join(backup, "v")
	// CopyFS does not keep modes; a restore has to.
	ok(t, filepath.WalkDir(restored, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	}))
	w := open(t, restored)
	_, err = w.Unseal(t.Context(), "u1", sealed)
	ok(t, err)
	wantCode(t, w.ApplyErasures([]string{"../x"}), fault.Invalid)
	// The mark alone, as a crash leaves it.
	ok(t, os.WriteFile(filepath.Join(restored, "persons", marks[0]+".erased"), nil, 0o600))
	w = open(t, restored)
	_, err = w.Unseal(t.Context(), "u1", sealed)
	wantCode(t, err, fault.NotFound)
	if keys, _ := filepath.Glob(filepath.Join(restored, "persons", "*.age")); len(keys) != 0 {
		t.Fatalf("the key is still there: %d files", len(keys))
	}
	ok(t, w.ApplyErasures(marks))
}

func TestMasterKey(t *testing.T) {
	t.Run("elsewhere", func(t *testing.T) {
		dir, key := t.TempDir(), filepath.Join(t.TempDir(), "keys", "master")
		v, err := vault.Open(dir, vault.Options{MasterKeyFile: key})
		ok(t, err)
		if v.MasterKeyFile() != key {
			t.Fatalf("got %s", v.MasterKeyFile())
		}
		if _, err := os.Stat(filepath.Join(dir, "master.key")); err == nil {
			t.Fatal("a key lies in the folder, too")
		}
		_, err = vault.Open(dir, vault.Options{}) // would make a new key
		wantCode(t, err, fault.Invalid)
		other := filepath.Join(t.TempDir(), "master")
		_, err = vault.Open(t.TempDir(), vault.Options{MasterKeyFile: other})
		ok(t, err)
		_, err = vault.Open(dir, vault.Options{MasterKeyFile: other})
		wantCode(t, err, fault.Invalid)
		ok(t, os.Chmod(key, 0o644))
		_, err = vault.Open(dir, vault.Options{MasterKeyFile: key})
		wantCode(t, err, fault.Invalid)
	})
	t.Run("environment", func(t *testing.T) {
		identity, err := age.GenerateX25519Identity()
		ok(t, err)
		t.Setenv(vault.EnvMasterKey, identity.String())
		dir := t.TempDir()
		v := open(t, dir)
		ok(t, v.Put(t.Context(), "d", "a", []byte("x")))
		if v.MasterKeyFile() != "" {
			t.Fatalf("got %s", v.MasterKeyFile())
		}
		wrapped, err := v.WrapKey([]byte("dek"))
		ok(t, err)
		dek, err := vault.UnwrapKey("", wrapped)
		ok(t, err)
		if string(dek) != "dek" {
			t.Fatalf("got %q", dek)
		}
		t.Setenv(vault.EnvMasterKey, "")
		_, err = vault.Open(dir, vault.Options{})
		wantCode(t, err, fault.Invalid)
		t.Setenv(vault.EnvMasterKey, identity.String()[:20])
		_, err = vault.Open(dir, vault.Options{})
		wantCode(t, err, fault.Invalid)
		if strings.Contains(err.Error(), identity.String()[:20]) {
			t.Fatal("the fault quotes the key")
		}
	})
}

func TestAnotherProgramUnwraps(t *testing.T) {
	v := open(t, t.TempDir())
	wrapped, err := v.WrapKey([]byte("a key of a tofu state"))
	ok(t, err)
	file := filepath.Join(t.TempDir(), "wrapped")
	ok(t, os.WriteFile(file, wrapped, 0o600))
	child := exec.CommandContext(t.Context(), os.Args[0], v.MasterKeyFile(), file)
	child.Env = []string{childEnv + "=1"}
	dek, err := child.Output()
	ok(t, err)
	if string(dek) != "a key of a tofu state" {
		t.Fatalf("got %q", dek)
	}
	_, err = vault.UnwrapKey(filepath.Join(t.TempDir(), "none"), wrapped)
	wantCode(t, err, fault.Invalid)
	_, err = vault.UnwrapKey(v.MasterKeyFile(), wrapped[:len(wrapped)-1])
	wantCode(t, err, fault.Invalid)
	_, err = vault.UnwrapKey(open(t, t.TempDir()).MasterKeyFile(), wrapped)
	wantCode(t, err, fault.Invalid)
}

func TestManyAtOnce(t *testing.T) {
	v := open(t, t.TempDir())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			sealed, err := v.Seal(t.Context(), "u", []byte("x"))
			if err == nil {
				_, err = v.Unseal(t.Context(), "u", sealed)
			}
			if err == nil {
				err = v.Put(t.Context(), "d", "a", []byte("x"))
			}
			if err == nil {
				_, err = v.Reveal(t.Context(), "d", "a")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestSealedOpensAgainUnlessAltered(t *testing.T) {
	v := open(t, t.TempDir())
	rapid.Check(t, func(rt *rapid.T) {
		person := rapid.StringN(1, 40, 160).Draw(rt, "person")
		plain := rapid.SliceOf(rapid.Byte()).Draw(rt, "plain")
		sealed, err := v.Seal(t.Context(), person, plain)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := v.Unseal(t.Context(), person, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			rt.Fatalf("%q became %q, %v", plain, got, err)
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(rt, "byte")
		sealed[i] ^= byte(rapid.IntRange(1, 255).Draw(rt, "flip"))
		if _, err := v.Unseal(t.Context(), person, sealed); fault.CodeOf(err) != fault.Internal {
			rt.Fatalf("altered data gave %v", err)
		}
	})
}

func TestBlind(t *testing.T) {
	dir := t.TempDir()
	v := open(t, dir)
	a := v.Blind("email", []byte("a@example.org"))
	if !bytes.Equal(a, open(t, dir).Blind("email", []byte("a@example.org"))) {
		t.Fatal("equal values give different bytes")
	}
	for _, b := range [][]byte{v.Blind("domain", []byte("a@example.org")), v.Blind("email", []byte("b@example.org")), open(t, t.TempDir()).Blind("email", []byte("a@example.org"))} {
		if bytes.Equal(a, b) {
			t.Fatal("different values, labels or keys give equal bytes")
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	v := open(b, b.TempDir())
	plain := make([]byte, 400)
	for b.Loop() {
		if _, err := v.Seal(b.Context(), "u1", plain); err != nil {
			b.Fatal(err)
		}
	}
}
