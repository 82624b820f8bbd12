package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

const (
	// maxValue is the largest value of a secret or a wrapped key, in bytes.
	maxValue = 64 << 10
	// maxFile bounds a file of the vault: a value in base64, with its envelope
	// and age's header.
	maxFile = 2*maxValue + 16<<10

	// tempPrefix starts the name of a file that is being written. A crash may
	// leave one; it holds ciphertext, like the file it would have become.
	tempPrefix = ".new-"
)

// The kinds of files.
const (
	kindCheck  = "check"
	kindSecret = "secret"
	kindPerson = "person"
	kindKey    = "key"
)

// envelope is the plaintext of every file: what it is, whose, and the value.
type envelope struct {
	Format int    `json:"format"` // 1
	Kind   string `json:"kind"`
	Owner  string `json:"owner,omitempty"`
	Name   string `json:"name,omitempty"`
	Value  []byte `json:"value,omitempty"`
}

const envelopeFormat = 1

func (e envelope) encode() []byte {
	e.Format = envelopeFormat
	text, err := json.Marshal(e)
	if err != nil {
		panic("vault: an envelope of strings and bytes does not encode: " + err.Error())
	}
	return text
}

// decodeEnvelope reads an envelope strictly: what a newer version might add is
// not overlooked.
func decodeEnvelope(text []byte) (envelope, error) {
	var e envelope
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return envelope{}, errors.New("the envelope is malformed")
	}
	if d.More() {
		return envelope{}, errors.New("something follows the envelope")
	}
	if e.Format != envelopeFormat {
		return envelope{}, errors.New("the envelope has another format")
	}
	if len(e.Value) > maxValue {
		return envelope{}, errors.New("the value is too large")
	}
	return e, nil
}

// writeFile puts data into path, whole or not at all, and returns once the disk
// has it.
func writeFile(path string, data []byte) error {
	return place(path, data, os.Rename)
}

// createFile is writeFile for a path that must be new; it gives fs.ErrExist
// where it is not.
func createFile(path string, data []byte) error {
	return place(path, data, os.Link)
}

// place writes a file beside path and moves it there.
func place(path string, data []byte, move func(from, to string) error) error {
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	temp := filepath.Join(filepath.Dir(path), tempPrefix+hex.EncodeToString(random[:]))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp) }() // after a rename it is not there any more
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = move(temp, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// destroyFile overwrites a file in place and removes it. Overwriting is what a
// program can do; a disk that writes elsewhere may keep the old blocks for a
// while, which hold nothing without the master key.
func destroyFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		noise := make([]byte, info.Size())
		if _, err = rand.Read(noise); err == nil {
			_, err = f.Write(noise)
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// makeDir makes a folder that only its owner can enter, also where it is there.
func makeDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return os.Chmod(path, 0o700)
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}
