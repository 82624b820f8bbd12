package vault

import (
	"errors"
	"io/fs"
	"os"

	"github.com/openova-io/sandbox/conversation/fault"
)

// WrapKey encrypts a data encryption key under the master key. What it gives may
// lie in the open, beside what the key protects.
func (v *Vault) WrapKey(dek []byte) ([]byte, error) {
	if len(dek) == 0 || len(dek) > maxValue {
		return nil, fault.New(fault.Invalid, "a key to wrap has 1 to %d bytes", maxValue)
	}
	return v.master.encrypt(envelope{Kind: kindKey, Value: dek})
}

// UnwrapKey gives the key that WrapKey wrapped. It needs only the master key's
// file, so that a small program without the vault can use it; an empty path is
// the environment variable SANDBOX_MASTER_KEY. Faults: [fault.Invalid] when the
// master key is missing or malformed, or wrapped is not what WrapKey gave for it.
func UnwrapKey(masterKeyFile string, wrapped []byte) ([]byte, error) {
	var master *masterKey
	var err error
	if masterKeyFile == "" {
		master, err = parseMasterKey([]byte(os.Getenv(EnvMasterKey)))
	} else {
		master, err = readMasterKey(masterKeyFile)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Invalid, "the vault's master key is missing")
	}
	if err != nil {
		return nil, err
	}
	dek, err := master.decrypt(wrapped, envelope{Kind: kindKey})
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the wrapped key does not open with this master key")
	}
	return dek, nil
}
