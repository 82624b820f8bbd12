package recording

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// suffix ends the name of every recording's file.
const suffix = ".call"

// Sealer seals what is a person's with that person's key; the vault does.
type Sealer interface {
	Seal(ctx context.Context, person string, plain []byte) ([]byte, error)
	Unseal(ctx context.Context, person string, sealed []byte) ([]byte, error)
	// Blind gives a name for a value that tells nothing of it.
	Blind(label string, value []byte) []byte
}

// Options say where recordings are kept, and how many.
type Options struct {
	Dir    string
	Sealer Sealer
	// Keep is after how long a recording is deleted; 30 days.
	Keep time.Duration
	// MostTime is how long one recording can be; an hour.
	MostTime time.Duration
	// MostBytes is how much all of them may take on the disk; 2 GiB.
	MostBytes int64
	Logger    *slog.Logger
	// Now is the clock; time.Now.
	Now func() time.Time
}

// Store keeps recordings.
type Store struct {
	o Options

	mu    sync.Mutex
	bytes int64
	open  map[string]*Writer
}

// Recording is what is known of one without hearing it.
type Recording struct {
	ID             string    `json:"id"`
	ConversationID string    `json:"conversationId"`
	StartedAt      time.Time `json:"startedAt"`
	// Seconds is how long it is.
	Seconds float64 `json:"seconds"`
	// Bytes is what it takes on the disk.
	Bytes int64 `json:"bytes"`
	// Running: it is still being recorded.
	Running bool `json:"running,omitempty"`
}

// Open makes the store and deletes what is too old. Fault: [fault.Unavailable] when the
// folder cannot be used.
func Open(o Options) (*Store, error) {
	if o.Keep == 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	if o.MostTime == 0 {
		o.MostTime = time.Hour
	}
	if o.MostBytes == 0 {
		o.MostBytes = 2 << 30
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the folder of recordings cannot be made")
	}
	s := &Store{o: o, open: map[string]*Writer{}}
	return s, s.Sweep()
}

// Run deletes what becomes too old, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-hourly.C:
			if err := s.Sweep(); err != nil {
				s.o.Logger.Warn("old recordings cannot be deleted", "error", err.Error())
			}
		}
	}
}

// Sweep deletes what is older than it may be. A file's age is that of its last
// change, so that nothing has to be opened.
func (s *Store) Sweep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes = 0
	err := filepath.WalkDir(s.o.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if s.open[path] == nil && s.o.Now().Sub(info.ModTime()) > s.o.Keep {
			return os.Remove(path)
		}
		s.bytes += info.Size()
		return nil
	})
	return fault.Wrap(err, fault.Unavailable, "the folder of recordings cannot be read")
}

// folder is where a person's recordings are.
func (s *Store) folder(person string) string {
	return filepath.Join(s.o.Dir, hex.EncodeToString(s.o.Sealer.Blind("recordings", []byte(person)))[:32])
}

// path is a recording's file. An id that is none is NotFound.
func (s *Store) path(person, id string) (string, error) {
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return "", missing()
	}
	return filepath.Join(s.folder(person), id+suffix), nil
}

func missing() error {
	return fault.New(fault.NotFound, "there is no such recording; it may have been deleted")
}

// Begin starts a recording. Faults: [fault.Limited] when there is no room,
// [fault.Unavailable] when it cannot be written.
func (s *Store) Begin(ctx context.Context, person, conversationID string) (*Writer, error) {
	var raw [16]byte
	_, _ = rand.Read(raw[:])
	id := hex.EncodeToString(raw[:])
	path, err := s.path(person, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes >= s.o.MostBytes {
		return nil, fault.New(fault.Limited, "there is no room for another recording").Do("delete one that you do not need")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "a recording cannot be written")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "a recording cannot be written")
	}
	w := newWriter(s, f, path, person)
	head := header{ID: id, ConversationID: conversationID, StartedAt: s.o.Now().UTC().Truncate(time.Millisecond)}
	if err := w.put(ctx, pieceHeader, encode(head)); err != nil {
		_ = f.Close()
		_ = os.Remove(path)
		return nil, err
	}
	s.open[path] = w
	w.start()
	return w, nil
}

// grown counts what was written, and tells whether there is room for more.
func (s *Store) grown(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += int64(n)
	return s.bytes < s.o.MostBytes
}

func (s *Store) ended(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, path)
}

// List gives a person's recordings of a conversation, or of all where that is
// empty, the newest first.
func (s *Store) List(ctx context.Context, person, conversationID string) ([]Recording, error) {
	entries, err := os.ReadDir(s.folder(person))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Unavailable, "the recordings cannot be read")
	}
	all := []Recording{}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok {
			continue
		}
		r, err := s.get(ctx, person, id)
		if fault.CodeOf(err) == fault.NotFound { // deleted meanwhile
			continue
		}
		if err != nil {
			s.o.Logger.Warn("a recording cannot be read", "error", err.Error())
			continue
		}
		if conversationID == "" || r.ConversationID == conversationID {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Recording) int { return b.StartedAt.Compare(a.StartedAt) })
	return all, nil
}

// get reads what is known of a recording.
func (s *Store) get(ctx context.Context, person, id string) (Recording, error) {
	in, err := s.read(ctx, person, id)
	if err != nil {
		return Recording{}, err
	}
	defer in.close()
	r := Recording{ID: id, ConversationID: in.head.ConversationID, StartedAt: in.head.StartedAt, Seconds: in.seconds()}
	if info, err := in.file.Stat(); err == nil {
		r.Bytes = info.Size()
	}
	s.mu.Lock()
	r.Running = s.open[in.file.Name()] != nil
	s.mu.Unlock()
	return r, nil
}

// Delete removes a recording; one that is running ends. Nothing of it is left.
func (s *Store) Delete(_ context.Context, person, id string) error {
	path, err := s.path(person, id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	running := s.open[path]
	s.mu.Unlock()
	if running != nil {
		_ = running.Close()
	}
	info, err := os.Stat(path)
	if err == nil {
		err = os.Remove(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return missing()
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the recording cannot be deleted")
	}
	s.grown(-int(info.Size()))
	return nil
}

// Forget deletes everything that was recorded of a person.
func (s *Store) Forget(ctx context.Context, person string) error {
	entries, err := os.ReadDir(s.folder(person))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the recordings cannot be deleted")
	}
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), suffix); ok {
			if err := s.Delete(ctx, person, id); err != nil && fault.CodeOf(err) != fault.NotFound {
				return err
			}
		}
	}
	return fault.Wrap(os.RemoveAll(s.folder(person)), fault.Unavailable, "the recordings cannot be deleted")
}
