package hold

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// machineWith is the root of a machine with these files.
func machineWith(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	unifiedMount = "31 23 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	oldMounts    = "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n32 23 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n" +
		"33 23 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n34 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)

// TestControlGroups: a session's groups, on every kind of machine.
func TestControlGroups(t *testing.T) {
	t.Parallel()
	limits := Limits{Memory: 1 << 30, Processes: 100}
	for name, c := range map[string]struct {
		files map[string]string
		want  map[string]string // of the groups' files
	}{
		"a unit that was given a group": {
			map[string]string{"proc/self/mountinfo": unifiedMount, "proc/self/cgroup": "0::/system.slice/sandbox.service/sandbox-service\n",
				"sys/fs/cgroup/system.slice/sandbox.service/cgroup.subtree_control": "cpu memory pids\n"},
			map[string]string{"sys/fs/cgroup/system.slice/sandbox.service/sandbox-s/memory.max": "1073741824", "sys/fs/cgroup/system.slice/sandbox.service/sandbox-s/pids.max": "100",
				"sys/fs/cgroup/system.slice/sandbox.service/sandbox-s/cpu.weight": "50", "sys/fs/cgroup/system.slice/sandbox.service/sandbox-s/memory.oom.group": "0"},
		},
		"a unit that was not": {
			map[string]string{"proc/self/mountinfo": unifiedMount, "proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/user.slice/cgroup.subtree_control": ""}, nil,
		},
		"a container that has a part of the machine's": {
			map[string]string{"proc/self/mountinfo": "31 23 0:27 /pod/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "proc/self/cgroup": "0::/pod/x/y\n", "sys/fs/cgroup/y/cgroup.subtree_control": "pids\n"},
			map[string]string{"sys/fs/cgroup/y/sandbox-s/pids.max": "100"},
		},
		"the old hierarchies": {
			map[string]string{"proc/self/mountinfo": oldMounts, "proc/self/cgroup": "9:name=systemd:/\n8:pids:/\n4:memory:/a/b\n0::/\n",
				"sys/fs/cgroup/memory/a/b/tasks": "", "sys/fs/cgroup/pids/tasks": ""},
			map[string]string{"sys/fs/cgroup/memory/a/b/sandbox-s/memory.limit_in_bytes": "1073741824", "sys/fs/cgroup/pids/sandbox-s/pids.max": "100"},
		},
		"none": {map[string]string{"proc/self/mountinfo": "", "proc/self/cgroup": ""}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := machineWith(t, c.files)
			made, err := controlGroups(root).make("s", limits)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, dir := range made.paths() {
				entries, _ := os.ReadDir(dir)
				for _, e := range entries {
					raw, _ := os.ReadFile(filepath.Join(dir, e.Name()))
					rel, _ := filepath.Rel(root, filepath.Join(dir, e.Name()))
					got[rel] = string(raw)
				}
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("it has %v, want %v", got, slices.Sorted(maps.Keys(c.want)))
			}
		})
	}
}

// TestMetLimits counts how often limits were met.
func TestMetLimits(t *testing.T) {
	t.Parallel()
	root := machineWith(t, map[string]string{
		"new/memory.events": "low 0\nhigh 4\nmax 9\noom 2\noom_kill 3\n", "new/pids.events": "max 5\n",
		"old/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
	})
	both := groups{{filepath.Join(root, "new"), true, []string{"memory", "pids"}}, {filepath.Join(root, "old"), false, []string{"memory"}}}
	if m, p := both.met("memory"), both.met("processes"); m != 10 || p != 5 {
		t.Errorf("memory was met %d times and processes %d", m, p)
	}
}
