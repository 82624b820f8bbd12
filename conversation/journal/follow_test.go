package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

func TestFollowReplaysThenGoesOn(t *testing.T) {
	j := open(t)
	last := must(t, j, "conversation.a", 0, said(3)...)
	var got []uint64
	err := j.Follow(t.Context(), 0, []string{"conversation.a"}, func(e journal.Event) error {
		got = append(got, e.Seq)
		if len(got) == 10 {
			return errEnough
		}
		if e.Seq == last { // all there is: the next one is appended while following
			stored, err := j.Append(t.Context(), "conversation.a", last, said(1)...)
			if err != nil {
				return err
			}
			last = stored[0].Seq
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if want := []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; !slices.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
}

func TestFollowFilters(t *testing.T) {
	j := open(t)
	must(t, j, "conversation.a", 0, said(2)...)                              // 1 2
	must(t, j, "draft.a", 0, said(1)...)                                     // 3
	must(t, j, "deployment.x", 0, said(1)...)                                // 4
	must(t, j, "conversation.b", 0, said(1)...)                              // 5
	if err := j.Claim(t.Context(), "subdomain", "clinic", nil); err != nil { // 6, which nobody follows
		t.Fatal(err)
	}
	must(t, j, "deployment.a", 0, said(1)...) // 7
	for _, c := range []struct {
		filters []string
		want    []uint64
	}{
		{nil, []uint64{1, 2, 3, 4, 5, 7}},
		{[]string{"*.*"}, []uint64{1, 2, 3, 4, 5, 7}},
		{[]string{"conversation.a"}, []uint64{1, 2}},
		{[]string{"conversation.*"}, []uint64{1, 2, 5}},
		{[]string{"conversation.*", "conversation.a", "conversation.a"}, []uint64{1, 2, 5}},
		{[]string{"conversation.a", "draft.a", "deployment.x"}, []uint64{1, 2, 3, 4}},
		{[]string{"*.a"}, []uint64{1, 2, 3, 7}},
		{[]string{"*.a", "deployment.*"}, []uint64{1, 2, 3, 4, 7}},
	} {
		t.Run(fmt.Sprint(c.filters), func(t *testing.T) {
			var after uint64
			for i := range c.want { // from the start, and after each event
				var got []uint64
				for _, e := range take(t, j, after, c.filters, len(c.want)-i) {
					got = append(got, e.Seq)
				}
				if !slices.Equal(got, c.want[i:]) {
					t.Fatalf("after %d got %v, want %v", after, got, c.want[i:])
				}
				after = c.want[i]
			}
		})
	}
}

func TestFollowRefuses(t *testing.T) {
	j := open(t)
	must(t, j, "conversation.a", 0, said(1)...)
	never := func(journal.Event) error { return errors.New("called") }
	for _, filter := range []string{"", "conversation", "claim.*", "conversation.>", "a.b.c", "con*.a"} {
		wantCode(t, j.Follow(t.Context(), 0, []string{filter}, never), fault.Invalid)
	}
	wantCode(t, j.Follow(t.Context(), 2, nil, never), fault.Conflict)
}

func TestFollowOfNothingWaits(t *testing.T) {
	j := open(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	got := make(chan string, 1)
	done := make(chan error, 1)
	go func() {
		done <- j.Follow(ctx, 0, []string{"deployment.later"}, func(e journal.Event) error {
			got <- e.Aggregate
			return nil
		})
	}()
	must(t, j, "conversation.a", 0, said(3)...)
	must(t, j, "deployment.later", 0, said(1)...)
	if a := <-got; a != "deployment.later" {
		t.Fatalf("got an event of %s", a)
	}
	cancel(nil)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("Follow ended with %v", err)
	}
}

func TestManyFollowers(t *testing.T) {
	j := open(t)
	const followers, events = 200, 20
	var last uint64
	var wg sync.WaitGroup
	for range followers {
		wg.Go(func() {
			for i, e := range take(t, j, 0, []string{"conversation.a", "draft.a"}, events) {
				if e.Seq != uint64(i+1) {
					t.Errorf("event %d has sequence %d", i, e.Seq)
					return
				}
			}
		})
	}
	for range events {
		last = must(t, j, "conversation.a", last, said(1)...)
	}
	wg.Wait()
}

func TestListen(t *testing.T) {
	j := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	pieces := make(chan string, 100)
	done := make(chan error, 1)
	go func() { done <- j.Listen(ctx, "live.a", func(b []byte) { pieces <- string(b) }) }()
	// A broadcast before the listener is there is lost, so the first is repeated.
	heard := func() bool {
		if err := j.Broadcast(ctx, "live.a", []byte("first")); err != nil {
			t.Fatal(err)
		}
		select {
		case <-pieces:
			return true
		case <-time.After(5 * time.Millisecond):
			return false
		}
	}
	for !heard() {
	}
	for _, topic := range []string{"live.b", "live.a"} {
		if err := j.Broadcast(ctx, topic, []byte("to "+topic)); err != nil {
			t.Fatal(err)
		}
	}
	for p := range pieces {
		if p == "to live.a" {
			break
		}
		if p != "first" {
			t.Fatalf("heard %q", p)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("Listen ended with %v", err)
	}
	if head, err := j.Head(t.Context()); err != nil || head != 0 {
		t.Fatalf("a broadcast was stored: %d, %v", head, err)
	}
	wantCode(t, j.Broadcast(t.Context(), "live.>", nil), fault.Invalid)
}

func TestPublishKeepsPersonsOut(t *testing.T) {
	j := open(t)
	e := journal.New("sandbox.session.created", map[string]string{"agent": "aider"}).By(journal.Actor{Kind: journal.Human, Email: "a@b.example"})
	if err := j.Publish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	wantCode(t, j.Publish(t.Context(), e.Of("u1")), fault.Denied)
}
