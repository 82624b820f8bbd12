package journal_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

func TestAppendFillsTheEnvelope(t *testing.T) {
	j := open(t)
	e := journal.New("conversation.created", note{"hello"}).By(journal.Actor{Kind: journal.Human, Subject: "u1"})
	got, err := j.Append(t.Context(), "conversation.a", 0, e)
	if err != nil {
		t.Fatal(err)
	}
	if g := got[0]; g.ID == "" || g.Seq == 0 || g.Source != "sandbox/conversation" || g.Aggregate != "conversation.a" ||
		g.Timestamp.Location() != time.UTC || g.Timestamp.Nanosecond()%int(time.Millisecond) != 0 || g.Version != 1 {
		t.Fatalf("incomplete envelope: %+v", g)
	}
	there, err := j.Load(t.Context(), "conversation.a")
	if err != nil {
		t.Fatal(err)
	}
	if len(there) != 1 || there[0].ID != got[0].ID || there[0].Seq != got[0].Seq || !there[0].Timestamp.Equal(got[0].Timestamp) ||
		!bytes.Equal(there[0].Data, e.Data) || there[0].Metadata != got[0].Metadata {
		t.Fatalf("stored %+v, loaded %+v", got[0], there)
	}
}

func TestLoadOfWhatNeverWas(t *testing.T) {
	j := open(t)
	events, err := j.Load(t.Context(), "draft.none")
	if err != nil || len(events) != 0 {
		t.Fatalf("got %v, %v", events, err)
	}
	ids, err := j.List(t.Context(), "draft")
	if err != nil || len(ids) != 0 {
		t.Fatalf("got %v, %v", ids, err)
	}
}

func TestLongHistory(t *testing.T) {
	j := open(t)
	var last uint64
	for range 3 { // over a page of one read
		last = must(t, j, "conversation.long", last, said(400)...)
	}
	events, err := j.Load(t.Context(), "conversation.long")
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 1200 {
		t.Fatalf("loaded %d events", len(events))
	}
	for i, e := range events {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d has sequence %d", i, e.Seq)
		}
	}
}

func TestConflictStoresNothing(t *testing.T) {
	j := open(t)
	last := must(t, j, "draft.d", 0, said(2)...)
	for _, expected := range []uint64{0, last - 1, last + 1, last + 1000} {
		for _, n := range []int{1, 3} {
			_, err := j.Append(t.Context(), "draft.d", expected, said(n)...)
			wantCode(t, err, fault.Conflict)
		}
	}
	if events, err := j.Load(t.Context(), "draft.d"); err != nil || len(events) != 2 {
		t.Fatalf("a refused append left something: %d events, %v", len(events), err)
	}
	must(t, j, "draft.d", last, said(1)...)
}

func TestTwoWritersOneWins(t *testing.T) {
	j := open(t)
	for _, n := range []int{1, 3} { // one message, and an atomic batch
		aggregate := "deployment.race" + strings.Repeat("x", n)
		var last uint64
		for range 25 {
			results := make([][]journal.Event, 2)
			errs := make([]error, 2)
			var wg sync.WaitGroup
			for w := range 2 {
				wg.Go(func() { results[w], errs[w] = j.Append(t.Context(), aggregate, last, said(n)...) })
			}
			wg.Wait()
			winner := 0
			if errs[0] != nil {
				winner = 1
			}
			if errs[winner] != nil {
				t.Fatalf("nobody won: %v", errs)
			}
			wantCode(t, errs[1-winner], fault.Conflict)
			last = results[winner][n-1].Seq
		}
		if events, err := j.Load(t.Context(), aggregate); err != nil || len(events) != 25*n {
			t.Fatalf("%d events, %v", len(events), err)
		}
	}
}

func TestRepeatedAppendIsOne(t *testing.T) {
	j := open(t)
	for _, n := range []int{1, 4} {
		aggregate := "session.again" + strings.Repeat("x", n)
		first, err := j.Append(t.Context(), aggregate, 0, said(n)...)
		if err != nil {
			t.Fatal(err)
		}
		last := must(t, j, aggregate, first[n-1].Seq, said(1)...)
		again, err := j.Append(t.Context(), aggregate, 0, first...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range first {
			if again[i].Seq != first[i].Seq {
				t.Fatalf("the repetition got sequence %d instead of %d", again[i].Seq, first[i].Seq)
			}
		}
		// The same ids at another place are somebody's mistake.
		_, err = j.Append(t.Context(), aggregate, last, first...)
		wantCode(t, err, fault.Conflict)
		_, err = j.Append(t.Context(), aggregate+"other", 0, first...)
		if err == nil {
			t.Fatal("events with ids of another aggregate were taken")
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	j := open(t)
	good := said(1)[0]
	with := func(change func(*journal.Event)) journal.Event {
		e := good
		change(&e)
		return e
	}
	twin := with(func(e *journal.Event) { e.ID = "twin" })
	big := journal.New("conversation.card.shown", note{strings.Repeat("x", 5<<20)})
	for name, c := range map[string]struct {
		aggregate string
		events    []journal.Event
		code      fault.Code
	}{
		"no dot":            {"conversation", []journal.Event{good}, fault.Invalid},
		"wildcard":          {"conversation.*", []journal.Event{good}, fault.Invalid},
		"two dots":          {"conversation.a.b", []journal.Event{good}, fault.Invalid},
		"space":             {"conversation.a b", []journal.Event{good}, fault.Invalid},
		"a claim":           {"claim.a", []journal.Event{good}, fault.Invalid},
		"empty id":          {"conversation.", []journal.Event{good}, fault.Invalid},
		"long id":           {"conversation." + strings.Repeat("a", 129), []journal.Event{good}, fault.Invalid},
		"nothing":           {"conversation.a", nil, fault.Invalid},
		"too many":          {"conversation.a", said(1001), fault.Limited},
		"type":              {"conversation.a", []journal.Event{with(func(e *journal.Event) { e.Type = "Created" })}, fault.Invalid},
		"id":                {"conversation.a", []journal.Event{with(func(e *journal.Event) { e.ID = "a\r\nb" })}, fault.Invalid},
		"same id":           {"conversation.a", []journal.Event{twin, twin}, fault.Invalid},
		"data":              {"conversation.a", []journal.Event{with(func(e *journal.Event) { e.Data = []byte("{") })}, fault.Internal},
		"personal data":     {"conversation.a", []journal.Event{with(func(e *journal.Event) { e.Data = []byte("{") }).Of("u")}, fault.Internal},
		"size":              {"conversation.a", []journal.Event{big}, fault.Limited},
		"size in the batch": {"conversation.a", []journal.Event{good, big}, fault.Limited},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := j.Append(t.Context(), c.aggregate, 0, c.events...)
			wantCode(t, err, c.code)
		})
	}
	if head, err := j.Head(t.Context()); err != nil || head != 0 {
		t.Fatalf("something was stored: %d, %v", head, err)
	}
}

func TestLargestBatch(t *testing.T) {
	j := open(t)
	if last := must(t, j, "conversation.large", 0, said(1000)...); last != 1000 {
		t.Fatalf("last sequence %d", last)
	}
}

func TestManyBatchesAtOnce(t *testing.T) {
	j := open(t)
	var wg sync.WaitGroup
	for w := range 64 { // more than the server takes in flight
		wg.Go(func() {
			aggregate := "conversation.w" + string(rune('a'+w%26)) + string(rune('a'+w/26))
			if _, err := j.Append(t.Context(), aggregate, 0, said(3)...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	ids, err := j.List(t.Context(), "conversation")
	if err != nil || len(ids) != 64 {
		t.Fatalf("%d aggregates, %v", len(ids), err)
	}
}

func TestClosedJournalSaysSo(t *testing.T) {
	j := open(t)
	must(t, j, "conversation.a", 0, said(1)...)
	done := make(chan error)
	started := make(chan struct{})
	go func() {
		done <- j.Follow(t.Context(), 0, nil, func(journal.Event) error { close(started); return nil })
	}()
	<-started
	for range 2 {
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, <-done, fault.Unavailable)
	_, err := j.Append(t.Context(), "conversation.a", 1, said(1)...)
	wantCode(t, err, fault.Unavailable)
	_, err = j.Load(t.Context(), "conversation.a")
	wantCode(t, err, fault.Unavailable)
}

func TestAppendEndsWithItsContext(t *testing.T) {
	j := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Append(ctx, "conversation.a", 0, said(1)...); err == nil {
		t.Fatal("an append without a caller was made")
	}
}
