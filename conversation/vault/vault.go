package vault

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Options say where the master key is. With none set, the environment variable
// SANDBOX_MASTER_KEY is looked at, then master.key in the vault's folder.
type Options struct {
	// MasterKeyFile is a file outside the vault's folder, for example a mounted
	// secret. It must not be readable by everybody.
	MasterKeyFile string
}

// Vault is an open vault. Its methods may be used by many goroutines.
type Vault struct {
	dir           string
	masterKeyFile string
	master        *masterKey

	// mu keeps a key from being made or used while it is being destroyed.
	mu      sync.RWMutex
	persons map[string]personKey // by file name
}

const (
	secretsDir = "secrets"
	personsDir = "persons"
	checkFile  = "check.age"
	ageSuffix  = ".age"
)

// Open opens the vault in dir, and makes it, with a master key, where there is
// none. Faults: [fault.Invalid] when the master key is missing, malformed,
// readable by everybody, or not the one of this vault; [fault.Unavailable] when
// the folder cannot be used.
func Open(dir string, opts Options) (*Vault, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the vault's folder cannot be found")
	}
	v := &Vault{dir: abs, persons: map[string]personKey{}}
	for _, d := range []string{"", secretsDir, personsDir} {
		if err := makeDir(v.path(d)); err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "the vault's folder cannot be made")
		}
	}
	used, err := v.used()
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the vault's folder cannot be read")
	}
	if v.master, v.masterKeyFile, err = findMasterKey(abs, opts, used); err != nil {
		return nil, err
	}
	if err := v.check(used); err != nil {
		return nil, err
	}
	if err := v.finishErasures(); err != nil {
		return nil, err
	}
	return v, nil
}

// MasterKeyFile gives the path of the file that holds the master key, for
// [UnwrapKey] in another process. It is empty when the key came from the
// environment; UnwrapKey then looks there, too.
func (v *Vault) MasterKeyFile() string { return v.masterKeyFile }

// Blind turns a value into 32 bytes that only who has the master key can
// compute: equal values give equal bytes, and guessing does not help a reader.
// It makes the vault a journal.Blinder.
func (v *Vault) Blind(label string, value []byte) []byte {
	mac := hmac.New(sha256.New, v.master.names)
	mac.Write([]byte(label))
	mac.Write([]byte{0})
	mac.Write(value)
	return mac.Sum(nil)
}

// fileName hides a name: a folder's listing shows nobody's id.
func (v *Vault) fileName(label, name string) string {
	return hex.EncodeToString(v.Blind("file/"+label, []byte(name))[:20])
}

// used tells whether something was ever put into the vault.
func (v *Vault) used() (bool, error) {
	if _, err := os.Stat(v.path(checkFile)); err == nil {
		return true, nil
	} else if !os.IsNotExist(err) {
		return false, err
	}
	for _, d := range []string{secretsDir, personsDir} {
		entries, err := os.ReadDir(v.path(d))
		if err != nil || len(entries) > 0 {
			return true, err
		}
	}
	return false, nil
}

// check proves that the master key is this vault's, by a file that says nothing
// else.
func (v *Vault) check(used bool) error {
	want := envelope{Kind: kindCheck}
	if !used {
		sealed, err := v.master.encrypt(want)
		if err != nil {
			return err
		}
		return fault.Wrap(writeFile(v.path(checkFile), sealed), fault.Unavailable, "the vault cannot be written")
	}
	sealed, err := os.ReadFile(v.path(checkFile))
	if err == nil {
		_, err = v.master.decrypt(sealed, want)
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "this master key is not the one of this vault").(*fault.Error).
			Do("give the master key that the vault was made with, or restore both from the same backup")
	}
	return nil
}

func (v *Vault) path(parts ...string) string {
	return filepath.Join(append([]string{v.dir}, parts...)...)
}
