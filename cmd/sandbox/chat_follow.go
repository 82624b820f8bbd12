package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
)

// The pauses between attempts to reach a service that is away.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// errStopped is the end of the events where the service ended them itself.
var errStopped = errors.New("the service ended the connection")

// follow takes events until ctx ends or the service does not come back.
func (ch *chat) follow(ctx context.Context) {
	ch.ended = ch.following(ctx)
	close(ch.over)
}

// following goes on after the last event that came whenever the connection breaks.
// A service that died is started again. One that was stopped is waited for, as
// whoever stopped it may be about to start a newer one; it is started when the
// person says something.
func (ch *chat) following(ctx context.Context) error {
	var lost time.Time // since when nothing came
	wait := firstPause
	for {
		came, err := ch.connection(ctx, !lost.IsZero())
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if fault.CodeOf(err) != fault.Unavailable {
			return err
		}
		stopped := errors.Is(err, errStopped)
		switch {
		case !came && !lost.IsZero() && time.Since(lost) > ch.patience:
			return ch.gone(err)
		case came || lost.IsZero():
			lost, wait = time.Now(), firstPause
			if stopped {
				ch.tell("The service ended the connection. What you said is kept; waiting for the service.")
			} else {
				ch.tell("The service went away. What you said is kept; connecting again.")
			}
		}
		for {
			if err := ch.reach(ctx, stopped, lost.Add(ch.patience)); err == nil {
				break
			} else if ctx.Err() != nil {
				return ctx.Err()
			} else if time.Since(lost) > ch.patience {
				return ch.gone(err)
			}
			if err := pause(ctx, wait); err != nil {
				return err
			}
			wait = min(2*wait, longestPause)
		}
		if err := pause(ctx, wait-firstPause); err != nil { // a service that answers and breaks off again
			return err
		}
		wait = min(2*wait, longestPause)
	}
}

// gone is the end of a chat whose service does not come back.
func (ch *chat) gone(cause error) error {
	return fault.Wrap(cause, fault.Unavailable, "the service does not come back (%s)", fault.From(cause).Message).(*fault.Error).
		Do("Look at service.log in the data directory, and go on with sandbox chat --conversation %s.", ch.id)
}

// reach finds a service, or starts one.
func (ch *chat) reach(ctx context.Context, stopped bool, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(time.Second))
	defer cancel()
	ch.mu.Lock()
	find := ch.revive
	if stopped && !ch.wanted {
		find = ch.find
	}
	ch.mu.Unlock()
	client, err := find(ctx)
	if err == nil {
		ch.change(func() { ch.client, ch.wanted = client, false })
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connection opens the stream of events after the last one that came, and takes
// them until it breaks. came is whether something came.
func (ch *chat) connection(ctx context.Context, again bool) (came bool, _ error) {
	ch.mu.Lock()
	path := fmt.Sprintf("/api/v1/conversations/%s/events?follow=true&after=%d", url.PathEscape(ch.id), ch.seq)
	client := ch.client
	ch.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sandbox"+path, nil)
	if err != nil {
		return false, err
	}
	res, err := client.Do(req)
	if err != nil {
		return false, fault.Wrap(err, fault.Unavailable, "the service does not answer")
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return false, problemFault(res)
	}
	ch.change(func() { ch.connected++ })
	if again {
		ch.tell("Connected again.")
	}
	lines := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			err = errStopped
		}
		if err != nil { // half a line is sent again
			return came, fault.Wrap(err, fault.Unavailable, "the connection to the service is lost")
		}
		if came = true; len(line) == 1 { // a heartbeat
			continue
		}
		var e journal.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return came, fault.Wrap(err, fault.Internal, "the service's events cannot be read")
		}
		if ch.seen[e.Seq] { // only this goroutine writes to it; the past of a late link may come twice
			continue
		}
		ch.change(func() {
			if ch.json {
				_, err = ch.std.out.Write(line)
			}
			ch.seen[e.Seq] = true
			ch.seq = max(ch.seq, e.Seq)
			ch.take(e)
		})
		if err != nil {
			return came, err
		}
	}
}

// change changes what until waits for.
func (ch *chat) change(how func()) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	how()
	close(ch.changed)
	ch.changed = make(chan struct{})
}

// until waits for a change to make the condition true, or for the end of the
// events.
func (ch *chat) until(ctx context.Context, condition func() bool) error {
	for {
		ch.mu.Lock()
		ok, changed := condition(), ch.changed
		ch.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ch.over:
			return ch.ended
		case <-changed:
		}
	}
}

// settle waits, at the end of the input, until no deployment is running.
func (ch *chat) settle(ctx context.Context) error {
	return ch.until(ctx, func() bool {
		for _, s := range ch.statuses {
			if s.InFlight() {
				return false
			}
		}
		return true
	})
}

// take folds one event and, for people, prints it. The lock is held.
func (ch *chat) take(e journal.Event) {
	var d struct {
		TurnID string             `json:"turnId"`
		Text   string             `json:"text"`
		Card   card.Card          `json:"card"`
		Status provisioner.Status `json:"status"`
		Reason string             `json:"reason"`
	}
	_ = e.Decode(&d)
	switch e.Type {
	case "conversation.turn.finished":
		ch.answered[d.TurnID] = true
		ch.say(d.Text)
	case "conversation.card.shown":
		ch.show(d.Card)
	case "deployment.status.changed":
		_, id, _ := strings.Cut(e.Aggregate, ".")
		ch.statuses[id] = d.Status
		if !ch.json {
			fmt.Fprintf(ch.std.out, "  [%s] %s\n", d.Status, d.Reason)
		}
	case "deployment.release.changed":
		var r struct {
			Release provisioner.Release `json:"release"`
		}
		if e.Decode(&r) == nil && !ch.json && r.Release.State == "installed" {
			fmt.Fprintf(ch.std.out, "  installed %s\n", r.Release.Label)
		}
	case "deployment.ready":
		var r struct {
			HandoverURL string      `json:"handoverURL"`
			Links       []card.Link `json:"links"`
		}
		if e.Decode(&r) == nil && !ch.json {
			fmt.Fprintf(ch.std.out, "\nYour Sovereign is ready. Enter it at %s\n", r.HandoverURL)
			for _, l := range r.Links {
				fmt.Fprintf(ch.std.out, "  %s  %s\n", l.Label, l.URL)
			}
		}
	}
}

func (ch *chat) say(text string) {
	if !ch.json && text != "" {
		fmt.Fprintf(ch.std.out, "\n%s\n\n", text)
	}
}

func (ch *chat) show(c card.Card) {
	if ch.json || ch.shown[c.ID] == c.Text {
		return
	}
	ch.shown[c.ID] = c.Text
	fmt.Fprintf(ch.std.out, "\n")
	if c.Title != "" {
		fmt.Fprintf(ch.std.out, "== %s ==\n", c.Title)
	}
	fmt.Fprintf(ch.std.out, "%s\n", c.Text)
	switch c.Kind {
	case card.KindApproval:
		fmt.Fprintf(ch.std.out, "(type \"approve\" to approve, or say what should be different)\n")
	case card.KindSecret:
		fmt.Fprintf(ch.std.out, "(type /press %s simulated to use the simulated account)\n", c.ID)
	}
}
