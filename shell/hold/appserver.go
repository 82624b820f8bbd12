package hold

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// This file speaks the protocol of Codex's app server, version 2: JSON-RPC without its
// version field, one message a WebSocket frame. The agent's own terminal interface is a
// client of the same server; whoever joins a conversation is told what it is told,
// questions for permission too, of which the first answer counts.

// talk is a connection to an app server.
type talk struct {
	conn     *websocket.Conn
	settings map[string]json.RawMessage
	// asked are conversations that are told to us, or that we have asked to be told, marked
	// those that were put on the disk for that, and own ones those that nobody sees: the
	// agent's to find a title.
	asked, marked, own map[string]bool
}

// message is what it says, as far as the holder needs it.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		ThreadID string `json:"threadId"`
		Thread   struct {
			ID        string `json:"id"`
			Ephemeral bool   `json:"ephemeral"`
		} `json:"thread"`
	} `json:"params"`
	Result struct {
		Data json.RawMessage `json:"data"`
	} `json:"result"`
	Error json.RawMessage `json:"error"`
}

// Our requests; what is behind them names the conversation, or the reply.
const (
	askHello = "hello"
	askList  = "list"
	askSet   = "set"
	askMark  = "mark"
	askJoin  = "join"
	askReply = "reply"
)

// converse spools what an app server tells, until the session ends.
func (c *channels) converse(s Source) {
	for c.ctx.Err() == nil {
		_ = c.listen(s)
		select {
		case <-time.After(200 * time.Millisecond): // it is just starting, or ending
		case <-c.ctx.Done():
		}
	}
}

func (c *channels) listen(s Source) error {
	dialing, cancel := context.WithTimeout(c.ctx, answersWithin)
	defer cancel()
	conn, answer, err := websocket.Dial(dialing, "ws://agent/", &websocket.DialOptions{HTTPClient: c.agents[s.Name], HTTPHeader: http.Header{"Authorization": {"Bearer " + s.Secret}}})
	if answer != nil && answer.Body != nil && err != nil {
		answer.Body.Close()
	}
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(2 * maxRecord)
	t := &talk{conn: conn, settings: s.Settings, asked: map[string]bool{}, marked: map[string]bool{}, own: map[string]bool{}}
	c.mu.Lock()
	c.talks[s.Name] = t
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.talks, s.Name)
		c.mu.Unlock()
	}()
	ctx := c.ctx
	if err := t.ask(ctx, askHello, "initialize", map[string]any{"clientInfo": map[string]string{"name": "sandbox", "title": "OpenOva Sandbox", "version": "1"},
		"capabilities": map[string]bool{"experimentalApi": true}}); err != nil {
		return err
	}
	for {
		_, raw, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		var m message
		if json.Unmarshal(raw, &m) != nil {
			continue
		}
		// The first is a server's request or its notice, the other an answer to us.
		if m.Method != "" && (len(m.ID) > 0 || len(s.Keep) == 0 || slices.Contains(s.Keep, m.Method)) || m.Method == "" && m.worth() {
			c.note(RecordNote, s.Name, c.newID(s.Name), raw)
		}
		if err := t.take(ctx, m); err != nil {
			return err
		}
	}
}

// worth is true for an answer that the adapter reads: that a conversation is told,
// whether its settings were taken, and that a reply was not.
func (m message) worth() bool {
	ask, _ := m.answers()
	return ask == askJoin && m.Error == nil || ask == askSet || ask == askReply && m.Error != nil
}

// answers gives which of our requests is answered.
func (m message) answers() (ask, of string) {
	var id string
	_ = json.Unmarshal(m.ID, &id)
	ask, of, _ = strings.Cut(id, ":")
	return ask, of
}

// take follows the conversations.
func (t *talk) take(ctx context.Context, m message) error {
	switch m.Method {
	case "thread/started":
		t.own[m.Params.Thread.ID] = m.Params.Thread.Ephemeral
		return t.join(ctx, m.Params.Thread.ID)
	case "thread/status/changed":
		return t.join(ctx, m.Params.ThreadID)
	case "":
		switch ask, of := m.answers(); ask {
		case askHello:
			if m.Error != nil {
				return errors.New("the app server does not take us: " + string(m.Error))
			}
			return errors.Join(t.send(ctx, map[string]any{"method": "initialized"}), t.ask(ctx, askList, "thread/loaded/list", map[string]any{}))
		case askList:
			var ids []string
			_ = json.Unmarshal(m.Result.Data, &ids)
			for _, id := range ids {
				if err := t.join(ctx, id); err != nil {
					return err
				}
			}
		case askMark:
			return t.resume(ctx, of)
		case askJoin:
			switch {
			case m.Error == nil:
			case !t.marked[of]:
				// One in which nothing was said can be joined once it is on the disk, which to
				// change what is noted of it brings about.
				t.marked[of] = true
				return t.ask(ctx, askMark+":"+of, "thread/metadata/update", map[string]any{"threadId": of, "gitInfo": map[string]any{"branch": nil}})
			default:
				delete(t.asked, of) // it is tried again with its next sign of life
				return nil
			}
			with := map[string]any{"threadId": of}
			for name, value := range t.settings {
				with[name] = value
			}
			return t.ask(ctx, askSet+":"+of, "thread/settings/update", with)
		}
	}
	return nil
}

// join has a conversation told to us, from its first message on, and gives it the
// settings that it is to have, whatever it was begun with.
func (t *talk) join(ctx context.Context, id string) error {
	if id == "" || t.asked[id] || t.own[id] {
		return nil
	}
	t.asked[id] = true
	return t.resume(ctx, id)
}

func (t *talk) resume(ctx context.Context, id string) error {
	// What was said is not wanted; but one that was just marked cannot be joined without.
	return t.ask(ctx, askJoin+":"+id, "thread/resume", map[string]any{"threadId": id, "excludeTurns": !t.marked[id]})
}

func (t *talk) ask(ctx context.Context, id, method string, params map[string]any) error {
	return t.send(ctx, map[string]any{"id": id, "method": method, "params": params})
}

func (t *talk) send(ctx context.Context, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return t.conn.Write(ctx, websocket.MessageText, raw)
}

// tell gives a reply to an app server: an answer to a request of its own, or a request
// without an id.
func (c *channels) tell(source, id string, body json.RawMessage) error {
	c.mu.Lock()
	t := c.talks[source]
	c.mu.Unlock()
	if t == nil {
		return errors.New("it is not there")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return err
	}
	if fields["id"] == nil {
		fields["id"], _ = json.Marshal(askReply + ":" + id)
	}
	return t.send(c.ctx, fields)
}
