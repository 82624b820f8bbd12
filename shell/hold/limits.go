package hold

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limits are what the processes of a session may use together, so that what runs
// in one does not hurt another or the service. Where the holder may make control
// groups they hold for the whole session, and the processor is shared evenly.
// Elsewhere the kernel's limits of a process stand in: Memory for each one, and
// Processes for all of the same user, which it does not count for root.
type Limits struct {
	// Memory is in bytes; 0 is without a limit.
	Memory int64 `json:"memory,omitempty"`
	// Processes counts threads too; 0 is without a limit.
	Processes int `json:"processes,omitempty"`
}

// LimitData is the data of a [RecordLimit].
type LimitData struct {
	// Limit is memory or processes.
	Limit string `json:"limit"`
	// Most is what may be used: bytes, or processes.
	Most int64 `json:"most"`
}

// limitsEvery is how often the holder looks whether a limit was met.
const limitsEvery = time.Second

// limited is what the first program of a session is told: where it belongs, and
// what it may use.
type limited struct {
	Groups []string `json:"groups,omitempty"`
	Data   int64    `json:"data,omitempty"`
	Limits
}

// oomScore makes the kernel, when the machine's memory is full, end what runs in
// sessions before the service and its holders (proc_pid_oom_score_adj(5)).
const oomScore = "500"

// LimitedCommand is `sandbox-holder limited <spec> -- command`. It does not return
// when all is well: it becomes the command, within its limits.
func LimitedCommand(args []string, stderr io.Writer) int {
	var l limited
	if len(args) < 3 || args[1] != "--" || json.Unmarshal([]byte(args[0]), &l) != nil {
		fmt.Fprintln(stderr, "usage: sandbox-holder limited <spec> -- <command>")
		return 2
	}
	if err := l.enter(); err != nil {
		fmt.Fprintln(stderr, "the session did not start:", err)
		return 1
	}
	fmt.Fprintf(stderr, "%s: %v\n", args[2], syscall.Exec(args[2], args[2:], os.Environ()))
	return 1
}

func (l limited) enter() error {
	for _, g := range l.Groups {
		if err := os.WriteFile(filepath.Join(g, "cgroup.procs"), []byte("0"), 0); err != nil {
			return fmt.Errorf("enter the session's control group: %w", err)
		}
	}
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0) // a container may not allow it
	limits := map[int]int64{unix.RLIMIT_CORE: 0}
	if l.Processes > 0 {
		limits[unix.RLIMIT_NPROC] = int64(l.Processes)
	}
	if l.Data > 0 {
		limits[unix.RLIMIT_DATA] = l.Data
	}
	for what, most := range limits {
		var now unix.Rlimit
		if err := unix.Getrlimit(what, &now); err != nil {
			return err
		}
		n := min(uint64(most), now.Max)
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("limit the session: %w", err)
		}
	}
	return nil
}

// confine makes the groups of the order's session, and gives the command that
// enters them.
func (h *holder) confine() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	l := limited{Limits: h.order.Limits}
	if h.groups, err = controlGroups("/").make(h.order.ID, h.order.Limits); err != nil {
		return nil, err
	}
	l.Groups = h.groups.paths()
	if !h.groups.limit("memory") {
		l.Data = h.order.Limits.Memory
	}
	if h.groups.limit("pids") {
		l.Processes = 0
	}
	raw, err := json.Marshal(l)
	return append([]string{self, "limited", string(raw), "--"}, h.order.Argv...), err
}

// watchLimits records it when a limit was met.
func (h *holder) watchLimits() {
	if len(h.groups) == 0 {
		return
	}
	tick := time.NewTicker(limitsEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			h.lookAtLimits()
		case <-h.done:
			return
		}
	}
}

func (h *holder) lookAtLimits() {
	h.limitsMu.Lock()
	defer h.limitsMu.Unlock()
	for limit, most := range map[string]int64{"memory": h.order.Limits.Memory, "processes": int64(h.order.Limits.Processes)} {
		if n := h.groups.met(limit); n > h.met[limit] {
			h.met[limit] = n
			raw, _ := json.Marshal(LimitData{limit, most})
			h.record(Record{Kind: RecordLimit, Source: "limits", ID: fmt.Sprintf("%s-%d", limit, n), At: time.Now().UTC(), Data: raw})
		}
	}
}

// groups are the control groups of one session: one where the machine has the
// unified hierarchy, one for each controller where it has the old ones
// (cgroups(7)).
type groups []group

type group struct {
	dir     string
	unified bool
	has     []string // controllers: memory, pids, cpu
}

// hierarchies are where groups can be made.
type hierarchies []group

// controlGroups finds the groups that this process is in, and that sessions' groups
// are made below. root is / but for tests.
func controlGroups(root string) hierarchies {
	mounts, _ := os.ReadFile(filepath.Join(root, "proc/self/mountinfo"))
	own, _ := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	paths := map[string]string{} // by controllers; "" is the unified hierarchy
	for line := range strings.Lines(string(own)) {
		if part := strings.SplitN(strings.TrimSpace(line), ":", 3); len(part) == 3 {
			paths[part[1]] = part[2]
		}
	}
	var out hierarchies
	for line := range strings.Lines(string(mounts)) {
		left, right, _ := strings.Cut(strings.TrimSpace(line), " - ")
		at, kind := strings.Fields(left), strings.Fields(right)
		if len(at) < 5 || len(kind) < 3 {
			continue
		}
		// What is mounted may be the group of a container.
		inside := func(path string) string {
			return filepath.Join(root, at[4], strings.TrimPrefix(path, strings.TrimSuffix(at[3], "/")))
		}
		switch kind[0] {
		case "cgroup2":
			dir := inside(paths[""])
			if filepath.Base(dir) == serviceGroup {
				dir = filepath.Dir(dir)
			}
			enabled, _ := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
			if has := controllers(strings.Fields(string(enabled))); len(has) > 0 {
				out = append(out, group{dir, true, has})
			}
		case "cgroup":
			for names, path := range paths {
				has := controllers(strings.Split(names, ","))
				if names != "" && len(has) > 0 && strings.HasSuffix(at[4], "/"+names) {
					out = append(out, group{inside(path), false, has})
				}
			}
		}
	}
	return out
}

// serviceGroup is where the service moves itself to in its unit, since a group with
// processes cannot have groups with limits below it.
const serviceGroup = "sandbox-service"

// Delegate readies the service's control group for groups of sessions, where the
// service has been given one of its own (Delegate=yes in its unit). It does nothing
// where it may not; sessions then have the limits that every process has.
func Delegate() {
	for _, line := range []string{"+memory", "+pids", "+cpu"} {
		own, dir := unifiedGroup()
		if dir == "" || own == "/" { // the machine's own is not ours to change
			return
		}
		leaf := filepath.Join(dir, serviceGroup)
		if filepath.Base(dir) == serviceGroup {
			leaf, dir = dir, filepath.Dir(dir)
		} else if os.MkdirAll(leaf, 0o755) != nil || os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte("0"), 0) != nil {
			return
		}
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(line), 0)
	}
}

// unifiedGroup is this process's group in the unified hierarchy, and its folder.
func unifiedGroup() (path, dir string) {
	own, _ := os.ReadFile("/proc/self/cgroup")
	for line := range strings.Lines(string(own)) {
		if p, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			path = p
		}
	}
	const mount = "/sys/fs/cgroup"
	var fs unix.Statfs_t
	if path == "" || unix.Statfs(mount, &fs) != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
		return "", ""
	}
	return path, filepath.Join(mount, path)
}

// LimitsWhole says whether this process may make control groups with limits: sessions
// are then limited as a whole, and else process by process.
func LimitsWhole() bool {
	made, err := controlGroups("/").make("probe-"+rand.Text(), Limits{Memory: 1 << 30, Processes: 1000})
	made.remove()
	return err == nil && made.limit("memory") && made.limit("pids")
}

func controllers(names []string) (has []string) {
	for _, n := range names {
		if n == "memory" || n == "pids" || n == "cpu" {
			has = append(has, n)
		}
	}
	return has
}

// make makes a session's groups. Where it may not, there are none, and that is no
// error; one that is made and cannot be limited is.
func (all hierarchies) make(id string, l Limits) (made groups, err error) {
	defer func() {
		if err != nil {
			made.remove()
			made = nil
		}
	}()
	for _, parent := range all {
		g := group{filepath.Join(parent.dir, "sandbox-"+id), parent.unified, parent.has}
		if err := os.Mkdir(g.dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			continue
		}
		made = append(made, g)
		for file, value := range g.files(l) {
			if err := os.WriteFile(filepath.Join(g.dir, file), []byte(value), 0); err != nil {
				return made, fmt.Errorf("limit the session: %w", err)
			}
		}
	}
	return made, nil
}

// files are the group's files that say what may be used.
func (g group) files(l Limits) map[string]string {
	files := map[string]string{}
	for _, c := range g.has {
		switch {
		case c == "memory" && l.Memory > 0 && g.unified:
			files["memory.max"], files["memory.oom.group"] = fmt.Sprint(l.Memory), "0"
		case c == "memory" && l.Memory > 0:
			files["memory.limit_in_bytes"] = fmt.Sprint(l.Memory)
		case c == "pids" && l.Processes > 0:
			files["pids.max"] = fmt.Sprint(l.Processes)
		case c == "cpu" && g.unified: // half of what the service has, when there is not enough
			files["cpu.weight"] = "50"
		case c == "cpu":
			files["cpu.shares"] = "512"
		}
	}
	return files
}

func (g groups) paths() (out []string) {
	for _, x := range g {
		out = append(out, x.dir)
	}
	return out
}

// limit is true when a group limits what the controller counts.
func (g groups) limit(controller string) bool {
	for _, x := range g {
		for _, c := range x.has {
			if c == controller {
				return true
			}
		}
	}
	return false
}

// met is how often a limit was met so far.
func (g groups) met(limit string) (n int64) {
	for _, x := range g {
		file, field := "pids.events", "max"
		switch {
		case limit == "memory" && x.unified:
			file, field = "memory.events", "oom_kill"
		case limit == "memory":
			file, field = "memory.oom_control", "oom_kill"
		}
		raw, _ := os.ReadFile(filepath.Join(x.dir, file))
		for line := range strings.Lines(string(raw)) {
			var name string
			var count int64
			if _, err := fmt.Sscan(line, &name, &count); err == nil && name == field {
				n += count
			}
		}
	}
	return n
}

// remove takes the groups away. Nobody is in them any more.
func (g groups) remove() {
	for _, x := range g {
		_ = os.Remove(x.dir)
	}
}

// RemoveGroups takes away the groups of a session whose holder was killed.
func RemoveGroups(id string) {
	for _, parent := range controlGroups("/") {
		_ = os.Remove(filepath.Join(parent.dir, "sandbox-"+id))
	}
}
