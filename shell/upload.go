package shell

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/hold"
)

const (
	// MaxUpload bounds a file that is put into a session, in bytes.
	MaxUpload = 32 << 20
	// maxUploads bounds all of a session's, in bytes.
	maxUploads = 256 << 20
	// uploads is where they are, in the session's home.
	uploads = "uploads"
)

// Upload puts a file into a session's home, for its owner and its drivers, and gives
// its path as the session sees it. A name that is there already gets a number; one
// with characters that a command line would not take as they are gets others. Faults:
// [fault.Denied] for an observer, [fault.Invalid] for a file that is too large,
// [fault.Limited] when the session has too much of them, [fault.Conflict] for a
// session that has ended.
func (s *Service) Upload(actor journal.Actor, id, invitation, name string, content io.Reader) (path string, size int64, err error) {
	x, role, err := s.find(actor, id, invitation)
	if err != nil {
		return "", 0, err
	}
	if role != hold.Owner && role != hold.Driver {
		return "", 0, fault.New(fault.Denied, "you may watch this session, and not put anything into it")
	}
	x.mu.Lock()
	ended, isolation := x.f.State == Ended || x.f.State == Lost, x.f.Isolation
	x.mu.Unlock()
	if ended {
		return "", 0, fault.New(fault.Conflict, "the session has ended")
	}
	home := filepath.Join(x.dir, "home")
	root, err := os.OpenRoot(home) // what is there is the session's, links too
	if err != nil {
		return "", 0, fault.Wrap(err, fault.Unavailable, "the session's home cannot be opened")
	}
	defer root.Close()
	if err := root.Mkdir(uploads, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", 0, fault.Wrap(err, fault.Unavailable, "the session has no room for files")
	}
	if there, err := sizeOf(root, uploads); err != nil || there >= maxUploads {
		return "", 0, errors.Join(fault.New(fault.Limited, "the session has files of %d MiB already", maxUploads>>20).Do("Remove some from ~/%s.", uploads), err)
	}
	f, name, err := create(root, fileName(name))
	if err != nil {
		return "", 0, fault.Wrap(err, fault.Unavailable, "the file cannot be kept")
	}
	size, err = io.Copy(f, io.LimitReader(content, MaxUpload+1))
	if e := f.Close(); err == nil {
		err = e
	}
	switch {
	case err != nil:
		err = fault.Wrap(err, fault.Unavailable, "the file was not kept")
	case size > MaxUpload:
		err = fault.New(fault.Invalid, "the file has more than %d MiB", MaxUpload>>20).At("body")
	}
	if err != nil {
		_ = root.Remove(filepath.Join(uploads, name))
		return "", 0, err
	}
	if isolation == hold.Bwrap {
		home = hold.Home
	}
	return filepath.Join(home, uploads, name), size, nil
}

// create makes a file that was not there.
func create(root *os.Root, name string) (*os.File, string, error) {
	ext := filepath.Ext(name)
	base := strings.TrimSuffix(name, ext)
	for n := 1; ; n++ {
		if n > 1 {
			name = fmt.Sprintf("%s-%d%s", base, n, ext)
		}
		f, err := root.OpenFile(filepath.Join(uploads, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil || !errors.Is(err, fs.ErrExist) || n >= 1000 {
			return f, name, err
		}
	}
}

// sizeOf is how much is in a folder, in bytes.
func sizeOf(root *os.Root, dir string) (size int64, err error) {
	f, err := root.Open(dir)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
	}
	return size, err
}

// fileName makes a name of letters, digits and -_. of what a browser calls a file.
func fileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	var b strings.Builder
	for _, r := range name {
		switch {
		case b.Len() > 80:
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '_', r == '.' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if clean := strings.Trim(b.String(), "-."); clean != "" {
		return clean
	}
	return "file"
}
