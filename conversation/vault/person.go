package vault

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// sealFormat is the first byte of what Seal gives.
	sealFormat = 1
	// sealContext is bound into every sealed text, before the person's id.
	sealContext = "openova sandbox person data 1\x00"

	erasedSuffix = ".erased"
)

// personKey is a person's key in memory, with the file it came from: when that
// file is another one or gone, the key is not used any more, even if it was
// another process that destroyed it.
type personKey struct {
	aead cipher.AEAD
	file os.FileInfo
}

// Seal encrypts plain under the person's key, making the key on first use.
// Faults: [fault.NotFound] when the person was forgotten, [fault.Invalid] for an
// empty person, [fault.Unavailable] when the key cannot be read or written.
func (v *Vault) Seal(ctx context.Context, person string, plain []byte) ([]byte, error) {
	aead, err := v.personAEAD(ctx, person, true)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 1+chacha20poly1305.NonceSizeX, 1+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	out[0] = sealFormat
	if _, err := rand.Read(out[1:]); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "no random numbers to seal with")
	}
	return aead.Seal(out, out[1:], plain, []byte(sealContext+person)), nil
}

// Unseal opens what Seal gave for the same person. Faults: [fault.NotFound] when
// the person was forgotten, [fault.Internal] when sealed was altered or is
// another person's, [fault.Unavailable] when the key is missing without the
// person having been forgotten.
func (v *Vault) Unseal(ctx context.Context, person string, sealed []byte) ([]byte, error) {
	aead, err := v.personAEAD(ctx, person, false)
	if err != nil {
		return nil, err
	}
	const head = 1 + chacha20poly1305.NonceSizeX
	if len(sealed) < head+chacha20poly1305.Overhead || sealed[0] != sealFormat {
		return nil, fault.New(fault.Internal, "sealed data has a format that is not known")
	}
	plain, err := aead.Open(nil, sealed[1:head], sealed[head:], []byte(sealContext+person))
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "sealed data was altered or belongs to another person")
	}
	return plain, nil
}

// ForgetPerson destroys a person's key. Nothing that was sealed with it can be
// opened again, and nothing more can be sealed for this person id. Forgetting
// twice, or somebody who never had a key, is no fault. When it returns nil the
// disk has it; after [fault.Unavailable], call it again.
func (v *Vault) ForgetPerson(ctx context.Context, person string) error {
	if err := checkPerson(ctx, person); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.erase(v.fileName("person", person))
}

// Erasures lists the marks of everybody who was forgotten. A mark names nobody.
func (v *Vault) Erasures() ([]string, error) { return Marks(v.dir) }

// Marks lists the marks of everybody who was forgotten in the vault of a folder,
// without opening it: for a backup that was made before, to lay over what it
// holds. Faults: [fault.Unavailable] when it cannot be read.
func Marks(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, personsDir))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the vault cannot be read")
	}
	var marks []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), erasedSuffix); ok && isMark(name) {
			marks = append(marks, name)
		}
	}
	return marks, nil
}

// ApplyErasures forgets again who was forgotten since this vault was backed up.
// A malformed mark is [fault.Invalid], and nothing is done then.
func (v *Vault) ApplyErasures(marks []string) error {
	for _, mark := range marks {
		if !isMark(mark) {
			return fault.New(fault.Invalid, "a mark of an erasure is malformed").At("marks")
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, mark := range marks {
		if err := v.erase(mark); err != nil {
			return err
		}
	}
	return nil
}

// finishErasures destroys keys whose erasure a crash cut short.
func (v *Vault) finishErasures() error {
	marks, err := v.Erasures()
	if err != nil {
		return err
	}
	return v.ApplyErasures(marks)
}

// erase marks a person as forgotten, then destroys the key. The mark comes first:
// from then on the key counts as gone, whatever happens. mu is held.
func (v *Vault) erase(name string) error {
	delete(v.persons, name)
	mark := v.path(personsDir, name+erasedSuffix)
	err := createFile(mark, nil)
	if err == nil || errors.Is(err, fs.ErrExist) {
		err = destroyFile(v.path(personsDir, name+ageSuffix))
	}
	return fault.Wrap(err, fault.Unavailable, "a person's key cannot be destroyed yet")
}

// personAEAD gives a person's cipher, and makes the key where there is none and
// create is set.
func (v *Vault) personAEAD(ctx context.Context, person string, create bool) (cipher.AEAD, error) {
	if err := checkPerson(ctx, person); err != nil {
		return nil, err
	}
	name := v.fileName("person", person)
	v.mu.RLock()
	cached, ok := v.persons[name]
	v.mu.RUnlock()
	if ok {
		if now, err := os.Stat(v.path(personsDir, name+ageSuffix)); err == nil && os.SameFile(now, cached.file) && now.ModTime().Equal(cached.file.ModTime()) {
			return cached.aead, nil
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.persons, name)
	if _, err := os.Stat(v.path(personsDir, name+erasedSuffix)); err == nil {
		return nil, fault.New(fault.NotFound, "this person's data was erased")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Unavailable, "the vault cannot be read")
	}
	key, err := v.loadPersonKey(name, person)
	if errors.Is(err, fs.ErrNotExist) && create {
		if err := v.makePersonKey(name, person); err != nil {
			return nil, err
		}
		key, err = v.loadPersonKey(name, person)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "a person's key is missing or damaged").(*fault.Error).
			Do("restore the vault from its backup")
	}
	v.persons[name] = key
	return key.aead, nil
}

// loadPersonKey reads a key's file.
func (v *Vault) loadPersonKey(name, person string) (personKey, error) {
	path := v.path(personsDir, name+ageSuffix)
	info, err := os.Stat(path)
	if err != nil {
		return personKey{}, err
	}
	sealed, err := os.ReadFile(path)
	if err != nil {
		return personKey{}, err
	}
	raw, err := v.master.decrypt(sealed, envelope{Kind: kindPerson, Owner: person})
	if err != nil {
		return personKey{}, err
	}
	aead, err := chacha20poly1305.NewX(raw)
	if err != nil {
		return personKey{}, err
	}
	return personKey{aead: aead, file: info}, nil
}

// makePersonKey writes a new key. Where one has appeared meanwhile, that one is
// kept.
func (v *Vault) makePersonKey(name, person string) error {
	raw := make([]byte, chacha20poly1305.KeySize)
	if _, err := rand.Read(raw); err != nil {
		return fault.Wrap(err, fault.Internal, "no random numbers for a key")
	}
	sealed, err := v.master.encrypt(envelope{Kind: kindPerson, Owner: person, Value: raw})
	if err != nil {
		return err
	}
	err = createFile(v.path(personsDir, name+ageSuffix), sealed)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return fault.Wrap(err, fault.Unavailable, "the vault cannot store a person's key")
}

func checkPerson(ctx context.Context, person string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if person == "" || len(person) > 512 {
		return fault.New(fault.Invalid, "sealing needs the id of a person").At("person")
	}
	return nil
}

// isMark tells whether s is the name that [Vault.fileName] gives to a person.
func isMark(s string) bool {
	if len(s) != 40 {
		return false
	}
	return strings.Trim(s, "0123456789abcdef") == ""
}
