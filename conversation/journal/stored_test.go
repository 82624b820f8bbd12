package journal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// serve runs a NATS server of the test's own, which a journal joins by its
// address as it would join a cluster; the test can then put bytes into the
// stream that this version would not write.
func serve(t testing.TB) (url string, nc *nats.Conn) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	nc, err = nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return s.ClientURL(), nc
}

func join(t testing.TB, url string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func put(t testing.TB, nc *nats.Conn, subject string, body []byte) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), subject, body); err != nil {
		t.Fatal(err)
	}
}

func TestStoredRecordsAreBroughtUpToDate(t *testing.T) {
	url, nc := serve(t)
	j := join(t, url)
	change := func(fn func(map[string]any)) func(json.RawMessage) (json.RawMessage, error) {
		return func(raw json.RawMessage) (json.RawMessage, error) {
			var data map[string]any
			if err := json.Unmarshal(raw, &data); err != nil {
				return nil, err
			}
			fn(data)
			return json.Marshal(data)
		}
	}
	const eventType = "conversation.turn.started"
	j.RegisterUpcaster(eventType, 1, change(func(d map[string]any) { d["text"] = d["said"]; delete(d, "said") }))
	j.RegisterUpcaster(eventType, 2, change(func(d map[string]any) { d["role"] = "human" }))
	files, err := filepath.Glob("testdata/records/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("fixtures: %v, %v", files, err)
	}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		put(t, nc, "sbx.conversation.old", bytes.TrimSpace(body))
	}
	events, err := j.Load(t.Context(), "conversation.old")
	if err != nil {
		t.Fatal(err)
	}
	followed := take(t, j, 0, []string{"conversation.old"}, 3)
	for i, want := range []string{"two nodes", "three nodes", "four nodes"} {
		for _, e := range []journal.Event{events[i], followed[i]} {
			var data struct{ Text, Role string }
			if err := e.Decode(&data); err != nil {
				t.Fatal(err)
			}
			if data.Text != want || data.Role != "human" || e.Version != 3 || e.TenantID != "clinic" || e.Timestamp.IsZero() {
				t.Errorf("record %d reads as %+v, %s", i+1, e, e.Data)
			}
		}
	}
	// What is out of date is not written any more.
	_, err = j.Append(t.Context(), "conversation.new", 0, journal.New(eventType, note{"old"}))
	wantCode(t, err, fault.Internal)
}

func TestBrokenRecordIsNotLeftOut(t *testing.T) {
	url, nc := serve(t)
	j := join(t, url)
	must(t, j, "conversation.a", 0, said(1)...)
	put(t, nc, "sbx.conversation.a", []byte(`{"id":"x"}`))
	_, err := j.Load(t.Context(), "conversation.a")
	wantCode(t, err, fault.Internal)
	err = j.Follow(t.Context(), 0, nil, func(journal.Event) error { return nil })
	wantCode(t, err, fault.Internal)
}

func TestFailingUpcasterIsAFault(t *testing.T) {
	j := open(t)
	must(t, j, "conversation.a", 0, said(1)...)
	j.RegisterUpcaster("conversation.turn.started", 1, func(json.RawMessage) (json.RawMessage, error) { return nil, errors.New("no") })
	_, err := j.Load(t.Context(), "conversation.a")
	wantCode(t, err, fault.Internal)
}

// Two services on one cluster: the one's events reach the other, and they
// exclude each other.
func TestTwoJournalsOnOneCluster(t *testing.T) {
	url, nc := serve(t)
	a, b := join(t, url), join(t, url)
	last := must(t, a, "conversation.a", 0, said(2)...)
	_, err := b.Append(t.Context(), "conversation.a", 0, said(1)...)
	wantCode(t, err, fault.Conflict)
	must(t, b, "conversation.a", last, said(1)...)
	if events, err := a.Load(t.Context(), "conversation.a"); err != nil || len(events) != 3 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	if err := a.Claim(t.Context(), "jti", "1", nil); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.Claim(t.Context(), "jti", "1", nil), fault.Conflict)
	l, err := a.Lease(t.Context(), "turn.a", 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	c := join(t, url) // a newcomer does not clear the others' leases
	_, err = c.Lease(t.Context(), "turn.a", 1<<40)
	wantCode(t, err, fault.Conflict)
	if err := l.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}

	// A fact goes to whoever listens, and into a stream where there is one.
	sub, err := nc.SubscribeSync("catalyst.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CATALYST_USAGE", Subjects: []string{"catalyst.usage.recorded"}}); err != nil {
		t.Fatal(err)
	}
	for _, eventType := range []string{"sandbox.session.created", "usage.recorded"} {
		if err := a.Publish(t.Context(), journal.New(eventType, nil).By(journal.Actor{Subject: "u1", Email: "u@example.org"})); err != nil {
			t.Fatal(err)
		}
		m, err := sub.NextMsgWithContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject != "catalyst."+eventType || m.Header.Get("Nats-Msg-Id") == "" || bytes.Contains(m.Data, []byte("example.org")) {
			t.Fatalf("published %s %s", m.Subject, m.Data)
		}
	}
	s, err := js.Stream(t.Context(), "CATALYST_USAGE")
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 1 {
		t.Fatalf("the stream has %d facts", n)
	}
}

func TestOpenRefuses(t *testing.T) {
	_, err := journal.Open(t.Context(), journal.Options{})
	wantCode(t, err, fault.Invalid)
	_, err = journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), URL: "nats://127.0.0.1:4222"})
	wantCode(t, err, fault.Invalid)
	_, err = journal.Open(t.Context(), journal.Options{URL: "nats://127.0.0.1:1"})
	wantCode(t, err, fault.Unavailable)
	url, nc := serve(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SANDBOX", Subjects: []string{"sbx.>"}}); err != nil {
		t.Fatal(err)
	}
	_, err = journal.Open(t.Context(), journal.Options{URL: url})
	wantCode(t, err, fault.Invalid)
}
