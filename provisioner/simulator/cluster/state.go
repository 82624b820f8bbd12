package cluster

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

const (
	stateFile   = "state.json"
	removedFile = "removed"
)

// state is everything that is known of one server; it is written whole after
// each change.
type state struct {
	Boot     Boot      `json:"boot"`
	BootedAt time.Time `json:"bootedAt"`
	Plan     plan      `json:"plan"`
	// APIUp is true once k3s was installed.
	APIUp            bool   `json:"apiUp,omitempty"`
	KubeconfigPosted bool   `json:"kubeconfigPosted,omitempty"`
	ConsoleURL       string `json:"consoleURL,omitempty"`
	// Version is the last resourceVersion that was given out.
	Version  uint64    `json:"version"`
	Releases []release `json:"releases,omitempty"`
}

// release is one HelmRelease on its way.
type release struct {
	wanted
	UID     string    `json:"uid"`
	Created time.Time `json:"created"`
	// Revision is the resourceVersion of the last change.
	Revision uint64 `json:"revision"`
	// Phase is one of the phases below; Message and Since belong to it.
	Phase   phase     `json:"phase"`
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since"`
}

type phase string

const (
	phaseWaiting    phase = "waiting" // a dependency is not ready
	phaseInstalling phase = "installing"
	phaseInstalled  phase = "installed"
	phaseFailed     phase = "failed"
)

func newState(b Boot, now time.Time) *state {
	// user_data is not kept: what matters of it is the plan.
	b.UserData = ""
	// Versions begin above 0, which means "any" to the API.
	return &state{Boot: b, BootedAt: now.UTC(), Version: 1}
}

func loadState(dir string) (*state, error) {
	b, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, err
	}
	st := &state{}
	return st, json.Unmarshal(b, st)
}

func saveState(dir string, st *state) error {
	b, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, stateFile), b)
}

// writeFile replaces a file, of mode 0600, so that after a crash it is the old
// one or the new one: written aside, synced, renamed, and the folder synced.
func writeFile(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}
