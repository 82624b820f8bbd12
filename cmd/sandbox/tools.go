package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"syscall"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// The external tools that this version works with.
const (
	tofuVersion     = "1.12.6"
	providerVersion = "1.68.0"
)

// tools finds the external parts.
type tools struct{ c *config }

// cacheDir is where make keeps what it has built.
func cacheDir() string {
	if d := os.Getenv("SANDBOX_CACHE"); d != "" {
		return d
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(base, "openova-sandbox")
}

// built gives the newest build of a tool in the cache; the folder's name is its
// version and the checksum of its pins.
func built(pattern ...string) (string, bool) {
	found, _ := filepath.Glob(filepath.Join(append([]string{cacheDir(), "tools"}, pattern...)...))
	sort.Slice(found, func(i, j int) bool { return modTime(found[i]).After(modTime(found[j])) })
	if len(found) == 0 {
		return "", false
	}
	return found[0], true
}

func modTime(path string) time.Time {
	st, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}

// tofu gives the OpenTofu binary, false when there is none now.
func (t tools) tofu() (string, bool) {
	for _, p := range []string{t.c.Tofu, os.Getenv("TOFU")} {
		if p != "" {
			_, err := os.Stat(p)
			return p, err == nil
		}
	}
	if p, ok := built("tofu-"+tofuVersion+"-*", "tofu"); ok {
		return p, true
	}
	p, err := exec.LookPath("tofu")
	return p, err == nil
}

// mirror gives the unpacked provider mirror.
func (t tools) mirror() (string, bool) {
	if t.c.ProviderMirror != "" {
		_, err := os.Stat(t.c.ProviderMirror)
		return t.c.ProviderMirror, err == nil
	}
	p, ok := built("hcloud-"+providerVersion+"-*", "mirror", "registry.opentofu.org", "hetznercloud", "hcloud", providerVersion,
		runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-hcloud_v"+providerVersion)
	if !ok {
		return "", false
	}
	for range 6 {
		p = filepath.Dir(p)
	}
	return p, filepath.Base(p) == "mirror"
}

// holder gives the sandbox-holder binary: the flag, or beside this one.
func (t tools) holder() (string, bool) {
	return beside(t.c.Holder, "sandbox-holder")
}

// ear gives the sandbox-ear binary: the flag, or beside this one.
func (t tools) ear() (string, bool) { return beside(t.c.Ear, "sandbox-ear") }

// beside gives a program of ours: as it was named, or in the folder of this one.
func beside(named, name string) (string, bool) {
	if named == "" {
		self, err := os.Executable()
		if err != nil {
			return "", false
		}
		named = filepath.Join(filepath.Dir(self), name)
	}
	_, err := os.Stat(named)
	return named, err == nil
}

// building says whether a build of the tool is under way: the builder holds a
// lock on the tool's folder.
func building(tool string) bool {
	locks, _ := filepath.Glob(filepath.Join(cacheDir(), "tools", tool+"-*", ".lock"))
	for _, l := range locks {
		f, err := os.OpenFile(l, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		_ = f.Close()
		if err != nil {
			return true
		}
	}
	return false
}

// waiting is why a plan would have to wait now, empty when it would not.
func (t tools) waiting() string {
	_, haveTofu := t.tofu()
	_, haveMirror := t.mirror()
	if haveTofu && haveMirror {
		return ""
	}
	return "OpenTofu is still being built on this machine, which is done once and takes some minutes. Your plan starts by itself as soon as it is there; you can go on talking meanwhile."
}

// await gives the path of the tofu binary, waiting while it or the provider is
// being built.
func (t tools) await(ctx context.Context) (string, error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	quiet := 0
	for {
		path, haveTofu := t.tofu()
		_, haveMirror := t.mirror()
		if haveTofu && haveMirror {
			return path, nil
		}
		// The two are built one after the other, so a moment without a builder says
		// nothing yet.
		if quiet++; building("tofu") || building("hcloud") {
			quiet = 0
		}
		if quiet > 5 {
			return "", fault.New(fault.Unavailable, "OpenTofu and its Hetzner provider are not installed here").
				Do("Run make tools in the source folder, or name them with --tofu and --provider-mirror.")
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
	}
}
