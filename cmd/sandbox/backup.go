package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/archive"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
)

// runBackup writes everything that the service keeps into a file, while it runs.
func runBackup(ctx context.Context, c *config, args []string, std stdio) error {
	if len(args) != 1 {
		fmt.Fprintln(std.err, "sandbox backup takes the name of the file to write")
		return errUsage
	}
	file := args[0]
	if _, err := os.Lstat(file); err == nil {
		return fault.New(fault.Conflict, "the file %s is there already", file).Do("Name one that is not.")
	}
	client, err := ensureService(ctx, c.DataDir, serviceArgs(c))
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sandbox/local/backup", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the service does not answer")
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return problemFault(res)
	}
	part := file + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "%s cannot be written", part)
	}
	defer func() { _ = f.Close(); _ = os.Remove(part) }() // after a rename it is not there any more
	if _, err = io.Copy(f, res.Body); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the backup broke off")
	}
	h, size, err := archive.Check(f, c.maxBytes()) // it is read once more before it is called one
	if err != nil {
		return err
	}
	if err := os.Rename(part, file); err != nil {
		return fault.Wrap(err, fault.Unavailable, "%s cannot be written", file)
	}
	fmt.Fprintf(std.out, "%s holds %d bytes in files.\n", file, size)
	if h.MasterKey {
		fmt.Fprintln(std.out, "The master key is in it: whoever has this file can read every secret. With --master-key-file it stays apart.")
	}
	return nil
}

// maxBytes is the most that the files of a backup may have.
func (c *config) maxBytes() int64 { return int64(c.MaxSize * (1 << 30)) }

// kept is what a backup has of a data directory besides the journal, which gives a
// snapshot of itself. The port goes along: it is in the address that the servers
// which an apply still creates report to.
func kept() []string {
	return []string{"vault", "deployments", "sessions", "recordings", "cloud", "tls", "port"}
}

// unkept leaves out what is made anew, and of the simulated cloud what belongs to
// its process. A run's lock stays: that it is there tells that the run began.
func unkept(folder string) func(rel string, d fs.DirEntry) bool {
	return func(rel string, d fs.DirEntry) bool {
		name := filepath.Base(rel)
		switch {
		case d.IsDir():
			return name == ".terraform" || strings.HasSuffix(rel, "/sovereign/journal")
		case folder == "deployments" && name == "prepared": // it says that .terraform is there
			return true
		case folder == "cloud":
			return slices.Contains([]string{"process.json", "lock", "start.lock", "service.log", "output.log"}, name)
		}
		return false
	}
}

// localBackup answers with a backup. The journal goes first: what the vault and the
// run folders have beyond it is what a crash would leave, and is taken in.
func (s *service) localBackup(mux *http.ServeMux) {
	mux.HandleFunc("POST /local/backup", func(w http.ResponseWriter, r *http.Request) {
		snapshot, err := os.MkdirTemp(s.c.DataDir, ".backup-")
		if err != nil {
			localProblem(w, fault.Wrap(err, fault.Unavailable, "there is no room for the journal's snapshot"))
			return
		}
		defer os.RemoveAll(snapshot)
		if err := s.journal.Snapshot(r.Context(), snapshot); err != nil {
			localProblem(w, err)
			return
		}
		if err := s.backup(w, snapshot); err != nil {
			s.logger.Error("a backup broke off", slog.String("error", err.Error()))
			panic(http.ErrAbortHandler) // the reader must not take it for a whole one
		}
	})
}

func (s *service) backup(w io.Writer, snapshot string) error {
	inside := filepath.Join(s.c.DataDir, "vault", "master.key") == s.vault.MasterKeyFile()
	a, err := archive.NewWriter(w, archive.Head{Version: buildVersion(), CreatedAt: time.Now().UTC(), MasterKey: inside})
	if err != nil {
		return err
	}
	if err := a.Add("journal", snapshot, nil); err != nil {
		return err
	}
	for _, name := range kept() {
		if err := a.Add(name, filepath.Join(s.c.DataDir, name), unkept(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return a.Close()
}

// runRestore makes a data directory from a backup. It is there whole or not at all.
func runRestore(ctx context.Context, c *config, args []string, std stdio) error {
	if len(args) != 1 {
		fmt.Fprintln(std.err, "sandbox restore takes the file that sandbox backup wrote")
		return errUsage
	}
	if entries, err := os.ReadDir(c.DataDir); err == nil && len(entries) > 0 {
		return fault.New(fault.Conflict, "the data directory %s is not empty", c.DataDir).Do("Name an empty one, or one that is not there, with --data-dir.")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Invalid, "the data directory %s cannot be used", c.DataDir)
	}
	f, err := os.Open(args[0])
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the backup %s cannot be read", args[0])
	}
	defer f.Close()
	if _, _, err := archive.Check(f, c.maxBytes()); err != nil {
		return err
	}
	parent := filepath.Dir(c.DataDir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the data directory cannot be made")
	}
	work, err := os.MkdirTemp(parent, ".restore-")
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the data directory cannot be made")
	}
	defer os.RemoveAll(work)
	h, err := archive.Extract(f, c.maxBytes(), work)
	if err != nil {
		return err
	}
	snapshot := filepath.Join(work, ".snapshot")
	if err := os.Rename(filepath.Join(work, "journal"), snapshot); err != nil {
		return fault.Wrap(err, fault.Invalid, "there is no journal in this backup")
	}
	logger := newLogger(c, std.err)
	if err := journal.Restore(ctx, snapshot, journal.Options{Dir: filepath.Join(work, "journal"), Logger: logger}); err != nil {
		return err
	}
	if err := os.RemoveAll(snapshot); err != nil {
		return err
	}
	// The key has to be this vault's, and whoever was forgotten since stays so.
	v, err := vault.Open(filepath.Join(work, "vault"), vault.Options{MasterKeyFile: c.MasterKeyFile})
	if err != nil {
		return err
	}
	if c.Forgotten != "" {
		marks, err := vault.Marks(filepath.Join(c.Forgotten, "vault"))
		if err != nil {
			return err
		}
		if err := v.ApplyErasures(marks); err != nil {
			return err
		}
	}
	if err := os.Remove(c.DataDir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Conflict, "the data directory %s is not empty any more", c.DataDir)
	}
	if err := os.Rename(work, c.DataDir); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the data directory cannot be put in place")
	}
	fmt.Fprintf(std.out, "%s is as it was at %s. Start the service on it; what was running goes on.\n", shorten(c.DataDir), h.CreatedAt.Format(time.RFC3339))
	return nil
}
