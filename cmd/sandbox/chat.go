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
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
)

// backgroundIdle is how long a service that a client started stays after the
// last client has gone.
const backgroundIdle = 15 * time.Minute

// maxLine is the longest line of input, in bytes; more than the service takes, so
// that it is the service that says no.
const maxLine = 4 << 20

// chat is one conversation in the terminal.
type chat struct {
	client *http.Client
	id     string
	json   bool
	std    stdio

	mu sync.Mutex
	// answered has the turns that have ended; changed is closed at every change.
	answered map[string]bool
	statuses map[string]provisioner.Status
	changed  chan struct{}
	cards    map[string]card.Card
	order    []string
	shown    map[string]string
}

func runChat(ctx context.Context, c *config, args []string, std stdio) error {
	if len(args) > 0 {
		fmt.Fprintln(std.err, "sandbox chat takes no arguments, only options; what you want to say goes to its input")
		return errUsage
	}
	client, err := ensureService(ctx, c.DataDir, serviceArgs(c))
	if err != nil {
		return err
	}
	ch := &chat{client: client, id: c.Conversation, json: c.JSON, std: std, answered: map[string]bool{},
		statuses: map[string]provisioner.Status{}, changed: make(chan struct{}), cards: map[string]card.Card{}, shown: map[string]string{}}
	if ch.id == "" {
		var made struct {
			ID string `json:"id"`
		}
		if err := call(ctx, client, http.MethodPost, "/api/v1/conversations", map[string]string{"channel": "chat", "language": "en"}, &made); err != nil {
			return err
		}
		ch.id = made.ID
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, err := ch.open(ctx)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- ch.read(ctx, events) }() // ends with ctx or with the stream
	err = ch.talk(ctx)
	if err == nil {
		err = ch.settle(ctx, done)
	}
	cancel()
	_ = events.Close()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// open starts the stream of events.
func (ch *chat) open(ctx context.Context) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sandbox/api/v1/conversations/"+url.PathEscape(ch.id)+"/events?follow=true", nil)
	if err != nil {
		return nil, err
	}
	res, err := ch.client.Do(req)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the service does not answer")
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, problemFault(res)
	}
	return res.Body, nil
}

// read takes events until the stream ends.
func (ch *chat) read(ctx context.Context, events io.Reader) error {
	lines := bufio.NewReaderSize(events, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 1 {
			var e journal.Event
			if jerr := json.Unmarshal(line, &e); jerr != nil {
				return fault.Wrap(jerr, fault.Unavailable, "the service's events cannot be read")
			}
			if ch.json {
				if _, werr := ch.std.out.Write(line); werr != nil {
					return werr
				}
			}
			ch.take(e)
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fault.Wrap(err, fault.Unavailable, "the connection to the service is lost; what you said is kept").(*fault.Error)
		}
	}
}

// take folds one event and, for people, prints it.
func (ch *chat) take(e journal.Event) {
	var d struct {
		TurnID string             `json:"turnId"`
		Text   string             `json:"text"`
		Card   card.Card          `json:"card"`
		Status provisioner.Status `json:"status"`
		Reason string             `json:"reason"`
	}
	_ = e.Decode(&d)
	ch.mu.Lock()
	defer ch.mu.Unlock()
	switch e.Type {
	case "conversation.turn.finished":
		ch.answered[d.TurnID] = true
		ch.say(d.Text)
	case "conversation.card.shown":
		if _, ok := ch.cards[d.Card.ID]; !ok {
			ch.order = append(ch.order, d.Card.ID)
		}
		ch.cards[d.Card.ID] = d.Card
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
	close(ch.changed)
	ch.changed = make(chan struct{})
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

// talk reads the person's lines and sends each as a turn, one after the other.
func (ch *chat) talk(ctx context.Context) error {
	lines := make(chan string)
	var readErr error
	go func() { // ends with the input; a read that blocks for ever ends with the process
		defer close(lines)
		in := bufio.NewReaderSize(ch.std.in, 64<<10)
		for {
			line, err := readLine(in, maxLine)
			if line != "" {
				select {
				case lines <- line:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				if err != io.EOF {
					readErr = err
				}
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case line, ok := <-lines:
			if !ok {
				return readErr
			}
			if err := ch.send(ctx, line); err != nil {
				return err
			}
		}
	}
}

// readLine reads a line without its end; one longer than most is cut, as the
// service refuses it anyway.
func readLine(r *bufio.Reader, most int) (string, error) {
	var b strings.Builder
	for {
		piece, err := r.ReadSlice('\n')
		if b.Len() < most {
			b.Write(piece)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return strings.TrimRight(b.String(), "\r\n"), err
	}
}

// send makes a turn of a line and waits for the answer. A refused line is said
// and the conversation goes on.
func (ch *chat) send(ctx context.Context, line string) error {
	if strings.TrimSpace(line) == "" {
		return nil
	}
	body := map[string]any{"text": line}
	if press, ok := pressOf(line); ok {
		body = map[string]any{"press": press}
	}
	var made struct {
		TurnID string `json:"turnId"`
	}
	var err error
	if utf8.ValidString(line) {
		err = call(ctx, ch.client, http.MethodPost, "/api/v1/conversations/"+url.PathEscape(ch.id)+"/turns", body, &made)
	} else { // JSON cannot carry it: the service would see something else than was said
		err = fault.New(fault.Invalid, "the message is not valid UTF-8 text").Do("Send it as plain text.").At("text")
	}
	if err != nil {
		f := fault.From(err)
		if f.Code == fault.Internal || f.Code == fault.Unavailable {
			return err
		}
		ch.mu.Lock()
		defer ch.mu.Unlock()
		if ch.json {
			return json.NewEncoder(ch.std.out).Encode(map[string]any{"type": "chat.input.refused", "data": f})
		}
		fmt.Fprintf(ch.std.out, "%s\n", f.Text())
		return nil
	}
	return ch.until(ctx, func() bool { return ch.answered[made.TurnID] }, nil)
}

// pressOf reads a line that is a press: JSON, or /press CARD VALUE.
func pressOf(line string) (map[string]string, bool) {
	var p struct {
		Press *string `json:"press"`
		Value string  `json:"value"`
	}
	if strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &p) == nil && p.Press != nil {
		return map[string]string{"cardId": *p.Press, "value": p.Value}, true
	}
	if f := strings.Fields(line); len(f) >= 3 && f[0] == "/press" {
		return map[string]string{"cardId": f[1], "value": strings.Join(f[2:], " ")}, true
	}
	return nil, false
}

// settle waits, at the end of the input, until no deployment is running.
func (ch *chat) settle(ctx context.Context, stream <-chan error) error {
	return ch.until(ctx, func() bool {
		return !slices.ContainsFunc(values(ch.statuses), provisioner.Status.InFlight)
	}, stream)
}

func values[K comparable, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// until waits for a change of state to make the condition true.
func (ch *chat) until(ctx context.Context, condition func() bool, stream <-chan error) error {
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
		case err := <-stream:
			return err
		case <-changed:
		}
	}
}
