package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/journal"
)

const crashEnv = "JOURNAL_CRASH_TEST_DIR"

// TestMain runs the writer of [TestKilledWriterLosesNothing] when this binary is
// started as its child.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crashEnv); dir != "" {
		if err := writeUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled appends for ever, by turns one event and a batch of three,
// and prints the sequence of each append once it is acknowledged.
func writeUntilKilled(dir string) error {
	ctx := context.Background()
	j, err := journal.Open(ctx, journal.Options{Dir: dir})
	if err != nil {
		return err
	}
	var last uint64
	for i := 0; ; i++ {
		stored, err := j.Append(ctx, "conversation.crash", last, said(1+2*(i%2))...)
		if err != nil {
			return err
		}
		last = stored[len(stored)-1].Seq
		fmt.Println(last)
	}
}

func TestKilledWriterLosesNothing(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), crashEnv+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var acknowledged uint64
	for n := 0; lines.Scan(); n++ {
		if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
			t.Fatal(err)
		}
		if n == 100 { // kill -9 in the middle of what follows; keep reading what was said
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // it was killed
	if acknowledged < 100 {
		t.Fatalf("the writer ended early, at %d", acknowledged)
	}

	j := openIn(t, dir, nil)
	events, err := j.Load(t.Context(), "conversation.crash")
	if err != nil {
		t.Fatal(err)
	}
	if uint64(len(events)) < acknowledged {
		t.Fatalf("%d were acknowledged, %d are there", acknowledged, len(events))
	}
	for i, e := range events {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d has sequence %d", i, e.Seq)
		}
	}
	// One event, three events, one, three: the last append is there whole.
	if rest := len(events) % 4; rest != 0 && rest != 1 {
		t.Fatalf("half a batch is there: %d events", len(events))
	}
	must(t, j, "conversation.crash", events[len(events)-1].Seq, said(3)...)
}
