package main

import (
	"bufio"
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

// maxLine is the longest line of input, in bytes; more than the service takes, so
// that it is the service that says no.
const maxLine = 4 << 20

// chat is one conversation in the terminal.
type chat struct {
	client *http.Client
	// revive gives a client of the service, which is started if none runs.
	revive func(context.Context) (*http.Client, error)
	id     string
	json   bool
	std    stdio

	mu sync.Mutex
	// changed is closed at every change of what follows.
	changed chan struct{}
	// seen has the sequences of the events that came; seq is the last of them.
	seen map[uint64]bool
	seq  uint64
	// connected counts the connections; ended is why there will be no more.
	connected int
	ended     error
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
	ch := &chat{id: c.Conversation, json: c.JSON, std: std, changed: make(chan struct{}), seen: map[uint64]bool{},
		answered: map[string]bool{}, statuses: map[string]provisioner.Status{}, shown: map[string]string{}}
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
		ch.mu.Lock()
		defer ch.mu.Unlock()
		if ch.json {
			return json.NewEncoder(ch.std.out).Encode(map[string]any{"type": "chat.input.refused", "data": f})
		}
		fmt.Fprintf(ch.std.out, "%s\n", f.Text())
		return nil
	}
	return ch.until(ctx, func() bool { return ch.answered[turn] })
}

// post sends a turn. When the service goes away meanwhile nobody knows whether it
// has it; as the turn has a name, it is sent again when there is a connection
// again.
func (ch *chat) post(ctx context.Context, body map[string]any) error {
	for {
		ch.mu.Lock()
		client, connected := ch.client, ch.connected
		ch.mu.Unlock()
		err := call(ctx, client, http.MethodPost, "/api/v1/conversations/"+url.PathEscape(ch.id)+"/turns", body, nil)
		var lost *url.Error
		if !errors.As(err, &lost) || ctx.Err() != nil {
			return err
		}
		if err := ch.until(ctx, func() bool { return ch.connected > connected }); err != nil {
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
