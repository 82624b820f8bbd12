package vault_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/vault"
)

// Whatever lies where a secret's file should be, revealing it gives the secret
// or a fault.
func FuzzSecretFile(f *testing.F) {
	dir := f.TempDir()
	v := open(f, dir)
	ok(f, v.Put(f.Context(), "d", "token", []byte("value")))
	files, err := filepath.Glob(filepath.Join(dir, "secrets", "*", "token.age"))
	if err != nil || len(files) != 1 {
		f.Fatalf("%v, %v", files, err)
	}
	good, err := os.ReadFile(files[0])
	ok(f, err)
	f.Add(good)
	f.Add(good[:100])
	f.Add([]byte("age-encryption.org/v1\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		ok(t, os.WriteFile(files[0], content, 0o600))
		value, err := v.Reveal(t.Context(), "d", "token")
		if err == nil && string(value) != "value" {
			t.Fatalf("another value came out: %q", value)
		}
		if err != nil && fault.CodeOf(err) != fault.Internal {
			t.Fatalf("got %v", err)
		}
		if _, err := vault.UnwrapKey(v.MasterKeyFile(), content); err == nil {
			t.Fatal("a secret's file was taken for a key")
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	f.Add([]byte(`{"format":1,"kind":"secret","owner":"d","name":"a","value":"eA=="}`))
	f.Add([]byte(`{"format":2,"kind":"secret"}`))
	f.Add([]byte(`{"format":1}{"format":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, value, err := vault.DecodeEnvelope(text)
		if err != nil && value != nil {
			t.Fatal("a value came with an error")
		}
	})
}
