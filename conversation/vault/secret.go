package vault

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Put stores a secret: a value that an owner (a draft's id) needs for a purpose,
// such as "hetzner-token". A later value replaces the former. Faults:
// [fault.Invalid] for an empty owner or value or a purpose that is not a slug,
// [fault.Limited] for a value above 64 KiB, [fault.Unavailable] when the disk
// does not take it.
func (v *Vault) Put(ctx context.Context, owner, purpose string, value []byte) error {
	path, e, err := v.secret(ctx, owner, purpose)
	if err != nil {
		return err
	}
	if len(value) == 0 {
		return fault.New(fault.Invalid, "the value of %s is empty", purpose).At(purpose)
	}
	if len(value) > maxValue {
		return fault.New(fault.Limited, "the value of %s has %d bytes; at most %d fit", purpose, len(value), maxValue).At(purpose)
	}
	e.Value = value
	sealed, err := v.master.encrypt(e)
	if err != nil {
		return err
	}
	err = makeDir(v.ownerDir(owner))
	if err == nil {
		err = writeFile(path, sealed)
	}
	if err == nil {
		err = syncDir(v.path(secretsDir)) // the owner's folder may be new, and so its name
	}
	return fault.Wrap(err, fault.Unavailable, "the vault cannot store %s; the disk may be full", purpose)
}

// Reveal gives a secret's value. Faults: [fault.NotFound] when there is none,
// [fault.Internal] when its file is damaged or another one's.
func (v *Vault) Reveal(ctx context.Context, owner, purpose string) ([]byte, error) {
	path, e, err := v.secret(ctx, owner, purpose)
	if err != nil {
		return nil, err
	}
	sealed, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "there is no %s in the vault", purpose).Do("enter it again").At(purpose)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the vault cannot read %s", purpose)
	}
	value, err := v.master.decrypt(sealed, e)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the vault's file of %s is damaged", purpose)
	}
	return value, nil
}

// Purposes lists what an owner has secrets for, sorted, without opening any.
func (v *Vault) Purposes(ctx context.Context, owner string) ([]string, error) {
	if err := checkOwner(ctx, owner); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(v.ownerDir(owner))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Unavailable, "the vault cannot be read")
	}
	purposes := make([]string, 0, len(entries))
	for _, entry := range entries { // ReadDir sorts
		if purpose, ok := strings.CutSuffix(entry.Name(), ageSuffix); ok && isSlug(purpose) {
			purposes = append(purposes, purpose)
		}
	}
	return purposes, nil
}

// Delete destroys a secret. Deleting what is not there does nothing.
func (v *Vault) Delete(ctx context.Context, owner, purpose string) error {
	path, _, err := v.secret(ctx, owner, purpose)
	if err != nil {
		return err
	}
	return fault.Wrap(destroyFile(path), fault.Unavailable, "the vault cannot delete %s", purpose)
}

// secret checks a secret's name and gives its file and what is in it.
func (v *Vault) secret(ctx context.Context, owner, purpose string) (string, envelope, error) {
	if err := checkOwner(ctx, owner); err != nil {
		return "", envelope{}, err
	}
	if !isSlug(purpose) {
		return "", envelope{}, fault.New(fault.Invalid, "a secret's purpose is up to 64 lower-case letters, digits and -").
			Do("use a name such as hetzner-token").At("purpose")
	}
	path := v.path(secretsDir, v.fileName("owner", owner), purpose+ageSuffix)
	return path, envelope{Kind: kindSecret, Owner: owner, Name: purpose}, nil
}

func (v *Vault) ownerDir(owner string) string {
	return v.path(secretsDir, v.fileName("owner", owner))
}

func checkOwner(ctx context.Context, owner string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if owner == "" || len(owner) > 256 {
		return fault.New(fault.Invalid, "a secret needs an owner").At("owner")
	}
	return nil
}

// isSlug tells whether s is lower-case letters, digits and dashes, at most 64,
// and starts with a letter: safe as a file's name.
func isSlug(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
