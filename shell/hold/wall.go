package hold

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Isolation is what stands between a session and the machine.
type Isolation string

const (
	// Bwrap puts a session into namespaces of its own with bubblewrap: it sees the
	// system's programs, its home, its processes, and of the network what its order lists.
	Bwrap Isolation = "bwrap"
	// Pod means that the pod around this service is the wall: one pod is one person.
	Pod Isolation = "pod"
	// None is no wall: a session can do what the service's user can.
	None Isolation = "none"
)

// Home is where a session behind bubblewrap has its home, and Files where the
// files of its agent's start are.
const (
	Home  = "/home/sandbox"
	Files = "/run/sandbox"
	// Crossing is where the sockets are that lead out, Helper the program that makes
	// the session's end of them, and Programs where agents are installed.
	Crossing = "/run/crossing"
	Helper   = "/run/sandbox-holder"
	Programs = "/run/programs"
)

// system is what a session may see of the machine, read-only: programs and what
// they need of /etc. There is nothing of other people and no key in it.
var system = []string{
	"/usr", "/opt",
	"/etc/alternatives", "/etc/bash.bashrc", "/etc/ca-certificates", "/etc/ca-certificates.conf", "/etc/debian_version",
	"/etc/inputrc", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/locale.alias",
	"/etc/locale.conf", "/etc/mime.types", "/etc/os-release", "/etc/profile", "/etc/profile.d", "/etc/protocols",
	"/etc/services", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/terminfo", "/etc/timezone", "/etc/vim", "/etc/zsh",
}

// Wall is what a session behind bubblewrap gets.
type Wall struct {
	// Program is the bwrap binary.
	Program string
	// Home is the folder that becomes [Home], Files the one that becomes [Files].
	Home, Files string
	// Crossing is the folder that becomes [Crossing] and Helper the program that
	// becomes [Helper]; without them nothing leads out.
	Crossing, Helper string
	// Programs is the folder that becomes [Programs], read-only; empty is none.
	Programs string
}

// Argv puts the wall around a command.
func (w Wall) Argv(dir string, argv []string) []string {
	out := []string{w.Program,
		"--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--disable-userns",
		"--die-with-parent", "--cap-drop", "ALL", "--hostname", "sandbox",
		"--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/run", "--dir", "/var/tmp", "--dir", "/etc",
	}
	for _, p := range system {
		out = append(out, "--ro-bind-try", p, p)
	}
	for _, p := range []string{"/bin", "/sbin", "/lib", "/lib64", "/lib32"} {
		if target, err := os.Readlink(p); err == nil {
			out = append(out, "--symlink", target, p)
		} else {
			out = append(out, "--ro-bind-try", p, p)
		}
	}
	out = append(out,
		"--ro-bind", w.Files+"/passwd", "/etc/passwd", "--ro-bind", w.Files+"/group", "/etc/group", "--ro-bind", w.Files+"/hosts", "/etc/hosts",
		"--bind", w.Home, Home, "--bind", w.Files, Files)
	for _, b := range [][2]string{{w.Crossing, Crossing}, {w.Helper, Helper}, {w.Programs, Programs}} {
		if b[0] != "" {
			out = append(out, "--ro-bind", b[0], b[1])
		}
	}
	out = append(out, "--chdir", dir, "--")
	return append(out, argv...)
}

// WallFiles are the files that a session behind the wall finds in /etc.
func WallFiles() map[string]string {
	return map[string]string{
		"passwd": "sandbox:x:1000:1000:Sandbox:" + Home + ":/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
		"group":  "sandbox:x:1000:\nnogroup:x:65534:\n",
		"hosts":  "127.0.0.1 localhost sandbox\n::1 localhost\n",
	}
}

// ProbeBwrap finds bubblewrap and tries whether it can make a wall here. The
// error says why not, for a person.
func ProbeBwrap(ctx context.Context) (program string, err error) {
	program, err = exec.LookPath("bwrap")
	if err != nil {
		return "", fmt.Errorf("bubblewrap is not installed (apt-get install bubblewrap)")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	dir, err := os.MkdirTemp("", "wall")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	for name, text := range WallFiles() {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	argv := Wall{Program: program, Home: dir, Files: dir}.Argv(Home, []string{"/bin/sh", "-c", "exit 0"})
	if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("bubblewrap cannot run here: %s", strings.TrimSpace(string(out)+" "+err.Error()))
	}
	return program, nil
}
