package journal_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
)

// open gives a journal with a vault, both in a folder of the test.
func open(t testing.TB) *journal.Journal {
	t.Helper()
	v, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return openIn(t, t.TempDir(), v)
}

// openIn gives a journal in dir that is closed with the test.
func openIn(t testing.TB, dir string, sealer journal.Sealer) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: dir, Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

type note struct {
	Text string `json:"text"`
}

// said makes n events that differ.
func said(n int) []journal.Event {
	events := make([]journal.Event, n)
	for i := range events {
		events[i] = journal.New("conversation.turn.started", note{Text: fmt.Sprintf("word %d", i)})
	}
	return events
}

// must appends and gives the sequence of the last event.
func must(t testing.TB, j *journal.Journal, aggregate string, expected uint64, events ...journal.Event) uint64 {
	t.Helper()
	stored, err := j.Append(t.Context(), aggregate, expected, events...)
	if err != nil {
		t.Fatal(err)
	}
	return stored[len(stored)-1].Seq
}

// wantCode fails the test unless err is a fault of the code.
func wantCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("got code %q (%v), want %q", fault.CodeOf(err), err, code)
	}
}

var errEnough = errors.New("enough")

// take follows until n events came, and fails the test after a while.
func take(t testing.TB, j *journal.Journal, after uint64, filters []string, n int) []journal.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got []journal.Event
	if n == 0 {
		return got
	}
	err := j.Follow(ctx, after, filters, func(e journal.Event) error {
		if got = append(got, e); len(got) == n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("followed %d of %d events: %v", len(got), n, err)
	}
	return got
}

// texts gives what the events say.
func texts(t testing.TB, events []journal.Event) []string {
	t.Helper()
	out := make([]string, len(events))
	for i, e := range events {
		var n note
		if err := e.Decode(&n); err != nil {
			t.Fatal(err)
		}
		out[i] = n.Text
	}
	return out
}
