package vault

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// EnvMasterKey is the environment variable that may hold the master key: an
	// age identity, AGE-SECRET-KEY-PQ-1... or AGE-SECRET-KEY-1...
	EnvMasterKey = "SANDBOX_MASTER_KEY"

	masterKeyName = "master.key"
	// maxMasterKey bounds the file, in bytes; a hybrid identity has under 100.
	maxMasterKey = 16 << 10
)

// masterKey is the key that everything hangs on.
type masterKey struct {
	identity  age.Identity
	recipient age.Recipient
	names     []byte // the name key
}

// findMasterKey reads the master key from where it is, and makes one where the
// vault is new and a file is missing.
func findMasterKey(dir string, opts Options, used bool) (*masterKey, string, error) {
	path := opts.MasterKeyFile
	if path == "" {
		if text := os.Getenv(EnvMasterKey); text != "" {
			key, err := parseMasterKey([]byte(text))
			return key, "", err
		}
		path = filepath.Join(dir, masterKeyName)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, "", fault.Wrap(err, fault.Invalid, "the master key's file cannot be found")
	}
	key, err := readMasterKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, path, err
	}
	if used {
		return nil, "", fault.Wrap(err, fault.Invalid, "the vault's master key is missing").(*fault.Error).
			Do("put the master key's file back; without it nothing in the vault can be read")
	}
	if err := makeMasterKey(path); err != nil {
		return nil, "", err
	}
	key, err = readMasterKey(path)
	return key, path, err
}

// readMasterKey reads a master key's file. A missing file is fs.ErrNotExist.
func readMasterKey(path string) (*masterKey, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return nil, fault.Wrap(err, fault.Unavailable, "the master key's file cannot be read")
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the master key's file cannot be read")
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fault.New(fault.Invalid, "the master key's file is open to everybody on this machine").Do("make it 0600 and change the secrets that it protected")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxMasterKey+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the master key's file cannot be read")
	}
	return parseMasterKey(text)
}

// parseMasterKey reads a master key's text: one age identity, with comments.
func parseMasterKey(text []byte) (*masterKey, error) {
	malformed := func(err error) error {
		// The parser's error is dropped where it could quote the key.
		return fault.Wrap(err, fault.Invalid, "the master key is malformed").(*fault.Error).
			Do("it is a single line that starts with AGE-SECRET-KEY-")
	}
	if len(text) > maxMasterKey {
		return nil, malformed(errors.New("too long"))
	}
	var line string
	for l := range strings.Lines(string(text)) {
		if l = strings.TrimSpace(l); l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		if line != "" {
			return nil, malformed(errors.New("more than one identity"))
		}
		line = l
	}
	key := &masterKey{}
	if hybrid, err := age.ParseHybridIdentity(line); err == nil {
		key.identity, key.recipient, line = hybrid, hybrid.Recipient(), hybrid.String()
	} else if classic, err := age.ParseX25519Identity(line); err == nil {
		key.identity, key.recipient, line = classic, classic.Recipient(), classic.String()
	} else {
		return nil, malformed(errors.New("not an age identity"))
	}
	var err error
	if key.names, err = hkdf.Key(sha256.New, []byte(line), nil, "openova sandbox vault names 1", sha256.Size); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the name key cannot be derived")
	}
	return key, nil
}

// makeMasterKey writes a new master key. Should two processes do so at once, the
// first one's stays.
func makeMasterKey(path string) error {
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "no random numbers for a master key")
	}
	text := fmt.Sprintf("# OpenOva Sandbox: master key of the vault. Without it nothing in the vault can\n# be read; keep a copy of it apart from the backups.\n%s\n", identity)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the master key's folder cannot be made")
	}
	if err := createFile(path, []byte(text)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fault.Wrap(err, fault.Unavailable, "the master key's file cannot be written")
	}
	return nil
}

// encrypt gives an age file with e inside.
func (k *masterKey) encrypt(e envelope) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, k.recipient)
	if err == nil {
		_, err = w.Write(e.encode())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the vault cannot encrypt")
	}
	return out.Bytes(), nil
}

// decrypt opens an age file and gives the value inside, if the file is the kind
// and of the owner and name that want says.
func (k *masterKey) decrypt(sealed []byte, want envelope) ([]byte, error) {
	if len(sealed) > maxFile {
		return nil, errors.New("the file is too large")
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), k.identity)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return nil, err
	}
	got, err := decodeEnvelope(plain)
	if err != nil {
		return nil, err
	}
	if got.Kind != want.Kind || got.Owner != want.Owner || got.Name != want.Name {
		return nil, errors.New("the file is another one's")
	}
	return got.Value, nil
}
