package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
)

// reconnectTime is how long a service that went away is looked for, or started
// again, before the chat gives up. What was said is in the journal all the same.
const reconnectTime = 2 * time.Minute

// follow takes events until ctx ends. A service that goes away is waited for, or
// started again, and the events go on after the last one that came.
func (ch *chat) follow(ctx context.Context) {
	for {
		err := ch.connection(ctx)
		if ctx.Err() == nil && fault.CodeOf(err) == fault.Unavailable {
			err = ch.reconnect(ctx)
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			ch.change(func() { ch.ended = err })
			return
		}
	}
}

// reconnect finds or starts a service.
func (ch *chat) reconnect(ctx context.Context) error {
	fmt.Fprintln(ch.std.err, "The service went away. What you said is kept; connecting again.")
	ctx, cancel := context.WithTimeout(ctx, reconnectTime)
	defer cancel()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		client, err := ch.revive(ctx)
		if err == nil {
			ch.change(func() { ch.client = client })
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(err, fault.Unavailable, "the service does not come back").(*fault.Error).
				Do("Look at service.log in the data directory, and go on with sandbox chat --conversation %s.", ch.id)
		case <-time.After(wait):
		}
	}
}

// connection opens the stream of events after the last one that came, and takes
// them until it breaks.
func (ch *chat) connection(ctx context.Context) error {
	ch.mu.Lock()
	path := fmt.Sprintf("/api/v1/conversations/%s/events?follow=true&after=%d", url.PathEscape(ch.id), ch.seq)
	client := ch.client
	ch.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sandbox"+path, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the service does not answer")
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return problemFault(res)
	}
	ch.change(func() { ch.connected++ })
	lines := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil { // half a line is sent again
			return fault.Wrap(err, fault.Unavailable, "the connection to the service is lost")
		}
		var e journal.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return fault.Wrap(err, fault.Internal, "the service's events cannot be read")
		}
		if ch.seen[e.Seq] { // only this goroutine writes to it
			continue
		}
		if ch.json {
			if _, err := ch.std.out.Write(line); err != nil {
				return err
			}
		}
		ch.change(func() {
			ch.seen[e.Seq] = true
			ch.seq = max(ch.seq, e.Seq)
			ch.take(e)
		})
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
		ok, ended, changed := condition(), ch.ended, ch.changed
		ch.mu.Unlock()
		switch {
		case ok:
			return nil
		case ended != nil:
			return ended
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
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
