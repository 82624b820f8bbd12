package simulator

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/openova-io/sandbox/conversation/fault"
)

// store keeps the project in a folder of its own: project.json, the request
// log, one user_data file per server, and the lock that makes sure that only
// one simulator works on it.
type store struct {
	dir  string
	lock *os.File
	// saved is what project.json holds: the way back for a request that fails.
	saved []byte
}

// openStore locks dir, which is created if it is missing, and reads the
// project. A folder that another simulator works on is a Conflict.
func openStore(dir string) (*store, *project, error) {
	if err := os.MkdirAll(filepath.Join(dir, "user_data"), 0o700); err != nil {
		return nil, nil, fault.Wrap(err, fault.Internal, "the simulated cloud's folder cannot be created")
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Internal, "the simulated cloud's lock cannot be opened")
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, nil, fault.Wrap(err, fault.Conflict, "another simulated cloud already works on this folder")
	}
	// Whoever finds the folder held can read by whom.
	if err := lock.Truncate(0); err == nil {
		_, _ = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	s := &store{dir: dir, lock: lock}
	p := &project{}
	s.saved, err = os.ReadFile(s.path("project.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.saved = nil
	case err != nil:
		_ = lock.Close()
		return nil, nil, fault.Wrap(err, fault.Internal, "the simulated cloud's project cannot be read")
	default:
		if err := json.Unmarshal(s.saved, p); err != nil {
			_ = lock.Close()
			return nil, nil, fault.Wrap(err, fault.Internal, "the simulated cloud's project is damaged").(*fault.Error).
				Do("move its folder away to begin with an empty cloud")
		}
	}
	p.fill()
	return s, p, nil
}

func (s *store) path(name string) string { return filepath.Join(s.dir, name) }

// save writes the project and returns when it is on disk.
func (s *store) save(p *project) error {
	data, err := json.Marshal(p)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the simulated cloud's project cannot be encoded")
	}
	if err := writeDurably(s.path("project.json"), data); err != nil {
		return fault.Wrap(err, fault.Internal, "the simulated cloud's project cannot be stored")
	}
	s.saved = data
	return nil
}

// restore gives the project as it was last saved.
func (s *store) restore() *project {
	p := &project{}
	if s.saved != nil {
		// These are bytes that save made or openStore decoded: they decode.
		_ = json.Unmarshal(s.saved, p)
	}
	p.fill()
	return p
}

// userDataPath is where the user_data of a server is kept.
func (s *store) userDataPath(server int64) string {
	return filepath.Join(s.dir, "user_data", strconv.FormatInt(server, 10))
}

func (s *store) putUserData(server int64, data string) error {
	err := writeDurably(s.userDataPath(server), []byte(data))
	return fault.Wrap(err, fault.Internal, "a server's user_data cannot be stored")
}

// userData gives the user_data of a server, empty if it was made without.
func (s *store) userData(server int64) (string, error) {
	data, err := os.ReadFile(s.userDataPath(server))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(data), fault.Wrap(err, fault.Internal, "a server's user_data cannot be read")
}

func (s *store) dropUserData(server int64) { _ = os.Remove(s.userDataPath(server)) }

func (s *store) close() error { return s.lock.Close() }

// writeDurably replaces a file so that a crash leaves either the old or the
// new content, and returns when the new one is on disk.
func writeDurably(path string, data []byte) error {
	next := path + ".next"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
