package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/web"
)

// mute never answers.
type mute struct{}

func (mute) Name() string { return "mute" }

func (mute) Respond(ctx context.Context, _ conversation.Request, _ func(string)) (conversation.Response, error) {
	<-ctx.Done()
	return conversation.Response{}, ctx.Err()
}

// busy is a concierge with one conversation that several writers write to.
type busy struct {
	t       *testing.T
	journal *journal.Journal
	url     string
	id      string
	dep     string

	mu      sync.Mutex
	written map[uint64]journal.Event
}

func newBusy(t *testing.T) *busy {
	t.Helper()
	keys, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	cat, err := provisioner.LoadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	var none idle
	service, err := provisioner.New(provisioner.Options{
		Journal: j, Catalogue: cat, Cloud: provisioner.Simulated, PublicURL: publicURL, DataDir: t.TempDir(),
		Vault: none, Engine: none, Watcher: none, Minter: none,
		CloudEndpoint: func(context.Context) (provisioner.Endpoint, error) { return provisioner.Endpoint{}, nil },
		Entrance:      func(context.Context, provisioner.Deployment) (string, error) { return publicURL, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	conversations, err := conversation.New(conversation.Options{
		Journal: j, Models: []conversation.Model{mute{}},
		Toolbox: func(context.Context, string) (conversation.Toolbox, error) { return nil, context.Canceled },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conversations.Close() })
	b := &busy{t: t, journal: j, id: "busy-conversation", dep: "0123456789abcdef", written: map[uint64]journal.Event{}}
	if _, err := conversations.Create(t.Context(), owner, conversation.CreateOptions{ID: b.id, Channel: "web", Language: "en"}); err != nil {
		t.Fatal(err)
	}
	past, err := j.Load(t.Context(), "conversation."+b.id)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range past {
		b.written[e.Seq] = e
	}
	c := newConsole(t, func(o *web.Options) {
		o.Mode, o.Provisioner, o.Conversations, o.Journal, o.Catalogue = web.Concierge, service, conversations, j, cat
	})
	server := httptest.NewServer(c.LocalHandler())
	t.Cleanup(server.Close)
	b.url = server.URL + "/api/v1/conversations/" + b.id
	return b
}

// append writes events to an aggregate, one after the other.
func (b *busy) append(aggregate string, after uint64, events ...journal.Event) uint64 {
	for _, e := range events {
		stored, err := b.journal.Append(context.WithoutCancel(b.t.Context()), aggregate, after, e.By(owner))
		if err != nil {
			b.t.Error(err)
			return after
		}
		after = stored[0].Seq
		b.mu.Lock()
		b.written[after] = stored[0]
		b.mu.Unlock()
	}
	return after
}

// write lets three writers write n events each at the same time; in the middle
// the deployment is linked.
func (b *busy) write(n int) {
	var writers sync.WaitGroup
	head := uint64(0)
	for seq := range b.written {
		head = max(head, seq)
	}
	begun := make(chan struct{})
	writers.Go(func() {
		for i := range n {
			e := journal.New("conversation.card.shown", conversation.CardShown{Card: card.New(fmt.Sprintf("note-%d", i), card.KindNotice, "Note", fmt.Sprintf("note %d", i), card.NoticeData{Level: "info"})})
			if i == n/2 {
				<-begun
				e = journal.New("conversation.deployment.linked", conversation.DeploymentLinked{DeploymentID: b.dep})
			}
			head = b.append("conversation."+b.id, head, e)
		}
	})
	writers.Go(func() {
		var seq uint64
		for i := range n {
			seq = b.append("draft."+b.id, seq, journal.New("draft.noted", map[string]int{"n": i}))
		}
	})
	writers.Go(func() {
		seq := b.append("deployment."+b.dep, 0, journal.New("deployment.created", map[string]any{
			"owner": owner, "cloud": provisioner.Simulated, "spec": provisioner.Spec{SovereignFQDN: "omantel.omani.works"},
		}))
		for i := range n {
			if i == n/4 {
				close(begun)
			}
			seq = b.append("deployment."+b.dep, seq, journal.New("deployment.logged", map[string]any{"line": provisioner.LogLine{Phase: "tofu", Level: "info", Message: fmt.Sprint(i)}}))
		}
	})
	writers.Wait()
}

// TestEventsAreNeverSkipped: a reader that is cut off at any moment and comes back
// with the last sequence it knows has, in the end, every event of the
// conversation, of its draft and of its deployment, also of one that was linked
// when much of it had happened.
func TestEventsAreNeverSkipped(t *testing.T) {
	b := newBusy(t)
	done := make(chan struct{})
	go func() { defer close(done); b.write(60) }()
	const readers = 8
	var reading sync.WaitGroup
	for r := range readers {
		reading.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(r)))
			seen := map[uint64]bool{}
			var cursor uint64
			for finished := false; ; {
				select {
				case <-done:
					finished = true
				default:
				}
				res, err := http.Get(b.url + "/events?follow=" + strconv.FormatBool(!finished) + "&after=" + strconv.FormatUint(cursor, 10))
				if err != nil {
					t.Error(err)
					return
				}
				lines := bufio.NewScanner(res.Body)
				lines.Buffer(nil, 1<<20)
				for left := random.IntN(40); (finished || left > 0) && lines.Scan(); left-- {
					var e journal.Event
					if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
						t.Error(err)
					}
					seen[e.Seq] = true
					cursor = max(cursor, e.Seq)
					if n := len(seen); !finished && n == len(b.all()) {
						break // nothing more may come
					}
				}
				_ = res.Body.Close()
				if finished {
					break
				}
			}
			for seq, e := range b.all() {
				if !seen[seq] {
					t.Errorf("reader %d never got %d, %s of %s", r, seq, e.Type, e.Aggregate)
				}
			}
			if len(seen) != len(b.all()) {
				t.Errorf("reader %d got %d events of %d", r, len(seen), len(b.all()))
			}
		})
	}
	reading.Wait()
}

func (b *busy) all() map[uint64]journal.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[uint64]journal.Event, len(b.written))
	for k, v := range b.written {
		all[k] = v
	}
	return all
}

// TestTheStreamResumes: the same of the browser's stream, whose ids never go back.
func TestTheStreamResumes(t *testing.T) {
	b := newBusy(t)
	done := make(chan struct{})
	go func() { defer close(done); b.write(40) }()
	random := rand.New(rand.NewPCG(7, 8))
	shown := map[string]bool{}
	cursor := ""
	var last uint64
	for finished := false; !finished; {
		select {
		case <-done:
			finished = true // one more connection gets what is left
		default:
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if !finished {
			go func() { // nothing more may come after the last event
				select {
				case <-done:
					cancel()
				case <-ctx.Done():
				}
			}()
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Last-Event-ID", cursor)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			over := ctx.Err() != nil
			cancel()
			if !finished && over {
				continue
			}
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK {
			raw, _ := io.ReadAll(res.Body)
			t.Fatalf("the stream answered %d: %s", res.StatusCode, raw)
		}
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		event, id := "", ""
		for left := random.IntN(60); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				n, err := strconv.ParseUint(value, 10, 64)
				if err != nil || n < last {
					t.Fatalf("the id %q came after %d", value, last)
				}
				id, last = value, n
			case "":
				if id != "" { // as a browser does it (HTML standard, 9.2.6)
					cursor = id
				}
			case "event":
				event = value
			case "data":
				var m struct{ Card card.Card }
				if event == "card" && json.Unmarshal([]byte(value), &m) == nil {
					shown[m.Card.ID] = true
				}
			}
			// The heartbeat after the past says that everything is there.
			if left--; left < 0 && !finished || finished && event == "heartbeat" {
				break
			}
		}
		cancel()
		_ = res.Body.Close()
	}
	for _, e := range b.all() {
		var d conversation.CardShown
		if e.Type == "conversation.card.shown" && e.Decode(&d) == nil && !shown[d.Card.ID] {
			t.Errorf("the card %s never came", d.Card.ID)
		}
	}
}
