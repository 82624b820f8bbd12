// Package archive is everything that a service keeps, in one file: a backup.
//
// It is a tar in gzip. The first entry says what it is; the last lists every file
// between with its size and SHA-256. An archive that ends early, that was altered,
// or that is none of ours is told from a good one before anything of it is written
// anywhere: [Extract] reads the file twice.
//
// # Invariants
//
//   - An entry is a regular file below one of the known folders, or a known one
//     beside them. There are no links, no devices, no absolute paths and no "..".
//   - What is written is written through [os.Root], so that nothing can lead out of
//     the folder.
//   - Nothing is written of an archive that is not good, or that is larger than the
//     caller takes.
package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	headName = "sandbox-backup.json"
	sumsName = "sandbox-backup.sums"
	format   = 1
	// maxList bounds the first and the last entry, in bytes, and so the number of
	// files.
	maxList = 256 << 20
	maxPath = 1024
	// inMemory is the largest file that is read whole before it is written, in bytes.
	inMemory = 16 << 20
)

// folders are the top folders that an archive may have.
var folders = []string{"cloud", "deployments", "journal", "recordings", "sessions", "tls", "vault"}

// loose are the files that an archive may have beside the folders.
var loose = []string{"port"}

// Head says what an archive is.
type Head struct {
	Format int `json:"format"`
	// Version is the program's that made it.
	Version   string    `json:"version"`
	CreatedAt time.Time `json:"createdAt"`
	// MasterKey is true where the vault's master key is among the files: then who has
	// the archive has everything.
	MasterKey bool `json:"masterKey"`
}

// sum is one line of the last entry.
type sum struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Writer makes an archive. Close it, or it is none.
type Writer struct {
	gz   *gzip.Writer
	tar  *tar.Writer
	sums []sum
}

// NewWriter begins an archive.
func NewWriter(w io.Writer, h Head) (*Writer, error) {
	gz, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	h.Format = format
	a := &Writer{gz: gz, tar: tar.NewWriter(gz)}
	raw, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return a, a.list(headName, raw)
}

func (a *Writer) list(name string, raw []byte) error {
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(raw)), Mode: 0o600}); err != nil {
		return err
	}
	_, err := a.tar.Write(raw)
	return err
}

// Add puts a file at the name, or the regular files of a folder below it, but for
// those that skip names by their path below the folder. A file that grows meanwhile
// is taken as it was at first; one that goes away is left out.
func (a *Writer) Add(name, dir string, skip func(rel string, d fs.DirEntry) bool) error {
	return filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		switch {
		case rel == "." && d.IsDir():
			return nil
		case skip != nil && skip(filepath.ToSlash(rel), d):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		return a.file(path.Join(name, filepath.ToSlash(rel)), at)
	})
}

func (a *Writer) file(name, at string) error {
	f, err := os.Open(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := goodName(name); err != nil {
		return err
	}
	size, content := info.Size(), io.Reader(f)
	if size <= inMemory { // it may be written anew, and be shorter for a moment
		raw, err := io.ReadAll(io.LimitReader(f, inMemory))
		if err != nil {
			return err
		}
		size, content = int64(len(raw)), bytes.NewReader(raw)
	}
	h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Size: size, Mode: int64(info.Mode().Perm() & 0o700), ModTime: info.ModTime()}
	if err := a.tar.WriteHeader(h); err != nil {
		return err
	}
	hash := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(a.tar, hash), content, size); err != nil {
		return fmt.Errorf("%s became shorter while it was read: %w", name, err)
	}
	a.sums = append(a.sums, sum{name, size, hex.EncodeToString(hash.Sum(nil))})
	return nil
}

// Close ends the archive.
func (a *Writer) Close() error {
	raw, err := json.Marshal(a.sums)
	if err == nil {
		err = a.list(sumsName, raw)
	}
	if err == nil {
		err = a.tar.Close()
	}
	if err == nil {
		err = a.gz.Close()
	}
	return err
}

// goodName refuses a path that is neither below a known folder nor a known file.
func goodName(name string) error {
	top, _, below := strings.Cut(name, "/")
	if slices.Contains(loose, name) {
		return nil
	}
	if !below || len(name) > maxPath || !filepath.IsLocal(name) || path.Clean(name) != name ||
		strings.ContainsAny(name, "\\\x00") || !slices.Contains(folders, top) {
		return fmt.Errorf("the path %.80q does not belong into a backup", name)
	}
	return nil
}

func bad(err error) error {
	return fault.Wrap(err, fault.Invalid, "this is no backup, or a damaged one").(*fault.Error).
		Do("give a whole file that sandbox backup made; nothing was written")
}

// Check reads a whole archive and tells whether it is good. size is what its files
// need on the disk. Faults: [fault.Invalid] for one that is none or is damaged,
// [fault.Limited] for one whose files are larger than most bytes.
func Check(f io.ReadSeeker, most int64) (h Head, size int64, err error) {
	return walk(f, most, func(*tar.Header, io.Reader) error { return nil })
}

// Extract checks an archive and then writes its files below dir, which is there and
// empty. Faults are those of [Check]; nothing is written then.
func Extract(f io.ReadSeeker, most int64, dir string) (Head, error) {
	h, _, err := Check(f, most)
	if err != nil {
		return h, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return h, fault.Wrap(err, fault.Unavailable, "the folder for the backup's files cannot be opened")
	}
	defer func() { _ = root.Close() }()
	_, _, err = walk(f, most, func(t *tar.Header, r io.Reader) error {
		if err := root.MkdirAll(path.Dir(t.Name), 0o700); err != nil {
			return fault.Wrap(err, fault.Unavailable, "a file of the backup cannot be written")
		}
		out, err := root.OpenFile(t.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fs.FileMode(t.Mode)&0o700|0o600)
		if err == nil {
			_, err = io.Copy(out, r)
			if err == nil {
				err = out.Sync()
			}
			if closed := out.Close(); err == nil {
				err = closed
			}
		}
		if err == nil {
			err = root.Chtimes(t.Name, t.ModTime, t.ModTime)
		}
		return fault.Wrap(err, fault.Unavailable, "a file of the backup cannot be written")
	})
	return h, err
}

// walk reads an archive from its beginning, gives every file to each, and compares
// it with the list at the end.
func walk(f io.ReadSeeker, most int64, each func(*tar.Header, io.Reader) error) (h Head, size int64, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return h, 0, bad(err)
	}
	gz, err := gzip.NewReader(f)
	if err != nil {
		return h, 0, bad(err)
	}
	r := tar.NewReader(gz)
	first, err := r.Next()
	if err != nil {
		return h, 0, bad(err)
	}
	if first.Name != headName || json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&h) != nil {
		return h, 0, bad(errors.New("it does not begin as a backup does"))
	}
	if h.Format != format {
		return h, 0, fault.New(fault.Invalid, "this backup has the format %d, and this program reads %d", h.Format, format).Do("restore it with the version that made it (%.40s)", h.Version)
	}
	var seen []sum
	for {
		t, err := r.Next()
		if err != nil {
			return h, 0, bad(err)
		}
		if t.Name == sumsName {
			break
		}
		if t.Typeflag != tar.TypeReg {
			return h, 0, bad(fmt.Errorf("%.80q is no regular file", t.Name))
		}
		if err := goodName(t.Name); err != nil {
			return h, 0, bad(err)
		}
		if t.Size < 0 || t.Size > most-size {
			return h, 0, fault.New(fault.Limited, "the files of this backup have more than %d bytes", most).Do("allow more with --max-size, if it is yours; nothing was written")
		}
		size += t.Size
		hash := sha256.New()
		content := io.TeeReader(r, hash)
		if err := each(t, content); err != nil {
			return h, 0, err
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return h, 0, bad(err)
		}
		if len(seen)*64 > maxList {
			return h, 0, bad(errors.New("it has too many files"))
		}
		seen = append(seen, sum{t.Name, t.Size, hex.EncodeToString(hash.Sum(nil))})
	}
	var want []sum
	if err := json.NewDecoder(io.LimitReader(r, maxList)).Decode(&want); err != nil {
		return h, 0, bad(err)
	}
	if !slices.Equal(seen, want) {
		return h, 0, bad(errors.New("a file is not as it was"))
	}
	names := map[string]bool{}
	for _, s := range seen {
		if names[s.Path] {
			return h, 0, bad(errors.New("a file comes twice"))
		}
		names[s.Path] = true
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		return h, 0, bad(errors.New("something follows its end"))
	}
	if _, err := io.Copy(io.Discard, gz); err != nil { // the checksum of the whole
		return h, 0, bad(err)
	}
	return h, size, nil
}
