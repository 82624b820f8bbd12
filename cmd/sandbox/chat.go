package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner"
)

// backgroundIdle is how long a service that a client started stays after the
// last client has gone.
const backgroundIdle = 15 * time.Minute

// chat is one conversation in the terminal.
type chat struct {
	id   string
	json bool
	std  stdio
	// find gives a client of the service that runs; revive starts one if none does.
	find, revive func(context.Context) (*http.Client, error)
	// patience is how long a service that went away is looked for.
	patience time.Duration
	// over is closed when there will be no more events; ended is then why.
	over  chan struct{}
	ended error

	mu sync.Mutex
	// changed is closed at every change of what follows.
	changed chan struct{}
	// seen has the sequences of the events that came; seq is the last of them.
	seen map[uint64]bool
	seq  uint64
	// client is of the service that was found last; connected counts the
	// connections to one.
	client    *http.Client
	connected int
	// wanted is true when somebody says something while the service is away.
	wanted bool
	// answered has the turns that have ended.
	answered map[string]bool
	statuses map[string]provisioner.Status
	shown    map[string]string
}

func runChat(ctx context.Context, c *config, args []string, std stdio) error {
	if len(args) > 0 {
		fmt.Fprintln(std.err, "sandbox chat takes no arguments, only options; what you want to say goes to its input")
		return errUsage
	}
	ch := &chat{id: c.Conversation, json: c.JSON, std: std, patience: c.Reconnect, over: make(chan struct{}), changed: make(chan struct{}),
		seen: map[uint64]bool{}, answered: map[string]bool{}, statuses: map[string]provisioner.Status{}, shown: map[string]string{}}
	ch.find = func(ctx context.Context) (*http.Client, error) { return findService(ctx, c.DataDir) }
	ch.revive = func(ctx context.Context) (*http.Client, error) { return ensureService(ctx, c.DataDir, serviceArgs(c)) }
	var err error
	if ch.client, err = ch.revive(ctx); err != nil {
		return err
	}
	if ch.id == "" {
		var made struct {
			ID string `json:"id"`
		}
		if err := call(ctx, ch.client, http.MethodPost, "/api/v1/conversations", map[string]string{"channel": "chat", "language": "en"}, &made); err != nil {
			return err
		}
		ch.id = made.ID
	}
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	following.Go(func() { ch.follow(ctx) })
	err = ch.talk(ctx)
	if err == nil {
		err = ch.settle(ctx)
	}
	cancel()
	following.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// talk reads what the person says and sends each message as a turn, one after the
// other.
func (ch *chat) talk(ctx context.Context) error {
	type said struct {
		text string
		err  error
	}
	messages := make(chan said)
	in := newInput(ch.std.in, func() {
		if !ch.json {
			ch.tell("(reading up to the END line)")
		}
	})
	go func() { // ends with the input; a read that blocks for ever ends with the process
		for {
			text, err := in.next()
			select {
			case messages <- said{text, err}:
			case <-ctx.Done():
				return
			}
			var refused *fault.Error
			if err != nil && !errors.As(err, &refused) {
				return
			}
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ch.over:
			return ch.ended
		case m := <-messages:
			var refused *fault.Error
			switch {
			case errors.Is(m.err, io.EOF):
				return nil
			case errors.As(m.err, &refused):
				if err := ch.refuse(refused); err != nil {
					return err
				}
			case m.err != nil:
				return m.err
			default:
				if err := ch.send(ctx, m.text); err != nil {
					return err
				}
			}
		}
	}
}

// send makes a turn of a message and waits for the answer. A refused message is
// said and the conversation goes on.
func (ch *chat) send(ctx context.Context, line string) error {
	turn := newTurn()
	body := map[string]any{"turnId": turn, "text": line}
	if press, ok := pressOf(line); ok {
		body = map[string]any{"turnId": turn, "press": press}
	}
	var err error
	if utf8.ValidString(line) {
		err = ch.post(ctx, body)
	} else { // JSON cannot carry it: the service would see something else than was said
		err = fault.New(fault.Invalid, "the message is not valid UTF-8 text").Do("Send it as plain text.").At("text")
	}
	if err != nil {
		f := fault.From(err)
		if f.Code == fault.Internal || f.Code == fault.Unavailable || ctx.Err() != nil {
			return err
		}
		return ch.refuse(f)
	}
	return ch.until(ctx, func() bool { return ch.answered[turn] })
}

// refuse says that a message was not taken.
func (ch *chat) refuse(f *fault.Error) error {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.json {
		return json.NewEncoder(ch.std.out).Encode(map[string]any{"type": "chat.input.refused", "data": f})
	}
	_, err := fmt.Fprintf(ch.std.out, "%s\n", f.Text())
	return err
}

// tell says what happens around the conversation: to a program beside its output.
func (ch *chat) tell(line string) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	to := ch.std.out
	if ch.json {
		to = ch.std.err
	}
	fmt.Fprintln(to, line)
}

// post sends a turn. Where there is no answer nobody knows whether the service has
// it; as the turn has a name, it is sent again, now and when there is a connection
// again, until the chat gives up.
func (ch *chat) post(ctx context.Context, body map[string]any) error {
	deadline := time.Now().Add(ch.patience)
	for wait := firstPause; ; wait = min(2*wait, longestPause) {
		ch.mu.Lock()
		client, connected := ch.client, ch.connected
		ch.mu.Unlock()
		err := call(ctx, client, http.MethodPost, "/api/v1/conversations/"+url.PathEscape(ch.id)+"/turns", body, nil)
		if fault.CodeOf(err) != fault.Unavailable || ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
		ch.change(func() { ch.wanted = true })
		again, cancel := context.WithTimeout(ctx, wait)
		err = ch.until(again, func() bool { return ch.connected > connected })
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

// newTurn names a turn.
func newTurn() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return "t" + hex.EncodeToString(b[:])
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
