package shell_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
)

// TestLimits: what fills memory or forks without end is held, and said; the same
// session goes on, and so does another one.
func TestLimits(t *testing.T) {
	t.Parallel()
	if !hold.LimitsWhole() {
		t.Skip("not tested here: this user may make no control groups")
	}
	r := newRig(t, hold.Bwrap)
	r.options.Limits = hold.Limits{Memory: 192 << 20, Processes: 60}
	r.restart(t)
	other, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash"})
	if err != nil {
		t.Fatal(err)
	}
	p, q := r.attach(t, ann, s.ID, "", 0), r.attach(t, ann, other.ID, "", 0)
	for _, x := range []*phone{p, q} {
		x.until(t, "a picture", func() bool { return x.screen != nil })
	}
	run := func(p *phone, line string) card.BashData {
		t.Helper()
		n := len(p.of(card.KindBash))
		p.typed(t, line+"\n")
		p.until(t, line, func() bool {
			all := p.of(card.KindBash)
			return len(all) > n && !decoded[card.BashData](t, all[n]).Running
		})
		return decoded[card.BashData](t, p.of(card.KindBash)[n])
	}
	notice := func(id string) func() bool {
		return func() bool {
			for _, c := range p.of(card.KindNotice) {
				if c.ID == id {
					return true
				}
			}
			return false
		}
	}

	if got := run(p, `perl -e '$x = "x" x (400 << 20); print length $x'`); *got.ExitCode != 137 {
		t.Errorf("what fills memory ended with %d: %s", *got.ExitCode, got.Output)
	}
	p.until(t, "a notice of the memory", notice("limit-memory"))
	// Each process starts another one and waits, until no more can be started.
	if got := run(p, `perl -e '$n = 0; for (1..200) { my $pid = fork; last unless defined $pid; if (!$pid) { sleep 100; exit } push @p, $pid; $n++ } kill 9, @p; waitpid $_, 0 for @p; print "started $n\n"'`); !strings.HasPrefix(got.Output, "started ") || got.Output == "started 200" {
		t.Errorf("what forks without end says %q", got.Output)
	}
	p.until(t, "a notice of the processes", notice("limit-processes"))
	for _, x := range []*phone{p, q} {
		if got := run(x, "echo still here"); got.Output != "still here" {
			t.Errorf("afterwards it says %q", got.Output)
		}
	}
}

// TestLimitedProcess: without control groups each process has the limit.
func TestLimitedProcess(t *testing.T) {
	t.Parallel()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	run := func(spec, script string) string {
		out, _ := exec.CommandContext(t.Context(), path, "limited", spec, "--", "/usr/bin/perl", "-e", script).CombinedOutput()
		return string(out)
	}
	const fill = `$x = "x" x (400 << 20); print "filled"`
	if got := run(`{"data":134217728}`, fill); !strings.Contains(got, "Out of memory") {
		t.Errorf("what fills memory says %q", got)
	}
	if got := run(`{}`, fill); got != "filled" {
		t.Errorf("without a limit it says %q", got)
	}
	if got := run(`{"processes":77}`, `open F, "<", "/proc/self/limits"; print grep /processes|core/, <F>; open G, "<", "/proc/self/oom_score_adj"; print <G>`); !strings.Contains(got, " 77 ") || !strings.HasSuffix(got, "500\n") {
		t.Errorf("it has %s", got)
	}
}
