package mcp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/mcp"
)

// exchange sends one request; headers are name, value, name, value.
func exchange(t *testing.T, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return exchangeIn(t, ctx, method, url, body, headers...)
}

func exchangeIn(t *testing.T, ctx context.Context, method, url, body string, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer anna")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
		} else {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// begin opens a session and gives its id.
func begin(t *testing.T, url string, headers ...string) string {
	t.Helper()
	res := exchange(t, http.MethodPost, url, hello, headers...)
	id := res.Header.Get("Mcp-Session-Id")
	if res.StatusCode != http.StatusOK || id == "" {
		t.Fatalf("initialize is answered %d, session %q", res.StatusCode, id)
	}
	if res := exchange(t, http.MethodPost, url, initialized, append(headers, "Mcp-Session-Id", id)...); res.StatusCode != http.StatusAccepted {
		t.Fatalf("initialized is answered %d", res.StatusCode)
	}
	return id
}

// problemOf reads a refusal as RFC 9457 has it.
func problemOf(t *testing.T, res *http.Response) (title, code string) {
	t.Helper()
	var p struct {
		Title, Code string
		Status      int
	}
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil || p.Status != res.StatusCode || p.Title == "" || p.Code == "" ||
		res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the refusal is %+v of type %s: %v", p, res.Header.Get("Content-Type"), err)
	}
	return p.Title, p.Code
}

// events reads the messages of a stream.
type event struct {
	id string
	message
}

func events(t *testing.T, body io.Reader) []event {
	t.Helper()
	var out []event
	var id string
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		switch name, value, _ := strings.Cut(lines.Text(), ":"); name {
		case "id":
			id = strings.TrimSpace(value)
		case "data":
			e := event{id: id}
			if err := json.Unmarshal([]byte(value), &e.message); err != nil {
				t.Fatalf("%s: %v", value, err)
			}
			out, id = append(out, e), ""
		}
	}
	return out
}

var ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

// modern are the headers of a request of the newer revision.
func modern(method, name string) []string {
	out := []string{"Mcp-Protocol-Version", statelessRevision, "Mcp-Method", method}
	if name != "" {
		out = append(out, "Mcp-Name", name)
	}
	return out
}

func TestHTTPWithAClient(t *testing.T) {
	for _, revision := range []string{sessionRevision, statelessRevision} {
		t.Run(revision, func(t *testing.T) {
			b := newBox(t)
			c := outside(t, b.serve(t).URL, "anna", revision)
			if names := toolNames(t, c); len(names) != 4 {
				t.Errorf("the tools are %q", names)
			}
			if res := use(t, c, "box.echo", map[string]any{"text": "hi"}); res.IsError {
				t.Errorf("%+v", res)
			}
			res := use(t, c, "box.echo", map[string]any{"text": "hi", "x": 1})
			raw, _ := json.Marshal(res.StructuredContent)
			if f := problem(t, raw); !res.IsError || len(f.Violations) != 1 || f.Violations[0].Path != "x" {
				t.Errorf("%s", raw)
			}
			who, session := <-b.callers, <-b.sessions
			if who.Actor.Subject != "anna" || who.Actor.Kind != "model" || (session == "") != (revision == statelessRevision) {
				t.Errorf("the caller is %+v in session %q", who, session)
			}
		})
	}
}

func TestHTTPWantsABearer(t *testing.T) {
	b := newBox(t)
	url := b.serve(t, func(o *mcp.HTTPOptions) { o.Challenge = `resource_metadata="https://x.example/.well-known/y"` }).URL
	for name, x := range map[string]struct {
		authorization, cookie string
		status                int
		challenge             string
	}{
		"nothing":      {"", "", 401, `Bearer realm="sandbox", resource_metadata="https://x.example/.well-known/y"`},
		"a cookie":     {"", "sandbox=anna", 401, `Bearer realm="sandbox", resource_metadata="https://x.example/.well-known/y"`},
		"basic":        {"Basic YW5uYTphbm5h", "", 401, `Bearer realm="sandbox", resource_metadata="https://x.example/.well-known/y"`},
		"empty":        {"Bearer  ", "", 401, `Bearer realm="sandbox", resource_metadata="https://x.example/.well-known/y"`},
		"wrong":        {"Bearer carl", "", 401, `Bearer realm="sandbox", error="invalid_token", error_description="the token is not valid here, or not any more", resource_metadata="https://x.example/.well-known/y"`},
		"cannot know":  {"Bearer down", "", 503, ""},
		"good":         {"Bearer anna", "", 200, ""},
		"both, no one": {"Bearer carl", "sandbox=anna", 401, `Bearer realm="sandbox", error="invalid_token", error_description="the token is not valid here, or not any more", resource_metadata="https://x.example/.well-known/y"`},
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
			if x.status == 200 && method != http.MethodPost {
				continue
			}
			res := exchange(t, method, url, hello, "Authorization", x.authorization, "Cookie", x.cookie)
			if res.StatusCode != x.status || res.Header.Get("WWW-Authenticate") != x.challenge {
				t.Errorf("%s, %s: %d, challenge %q", name, method, res.StatusCode, res.Header.Get("WWW-Authenticate"))
			}
			if x.status != 200 {
				problemOf(t, res)
			}
		}
	}
}

func TestHTTPChecksTheOrigin(t *testing.T) {
	url := newBox(t).serve(t).URL
	for origin, want := range map[string]int{
		"": 200, url: 200, "https://evil.example": 403, "null": 403, "http://127.0.0.1:1": 403, strings.ToUpper(url): 200, "://": 403,
	} {
		res := exchange(t, http.MethodPost, url, hello, "Origin", origin)
		if res.StatusCode != want {
			t.Errorf("the origin %q is answered %d, want %d", origin, res.StatusCode, want)
		}
		// Before anything is said about the token.
		if want == 403 {
			if res := exchange(t, http.MethodGet, url, "", "Origin", origin, "Authorization", ""); res.StatusCode != 403 {
				t.Errorf("a stranger with the origin %q is answered %d", origin, res.StatusCode)
			}
		}
	}
}

func TestHTTPBounds(t *testing.T) {
	url := newBox(t).serve(t).URL
	session := begin(t, url)
	large := `{"jsonrpc":"2.0","id":1,"method":"ping","x":"` + strings.Repeat("x", 1<<20) + `"}`
	if res := exchange(t, http.MethodPost, url, large, "Mcp-Session-Id", session); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a large message is answered %d", res.StatusCode)
	}
	for name, x := range map[string]struct {
		method, body, contentType string
		status                    int
	}{
		"another type":   {"POST", ping, "text/plain", 400},
		"no JSON":        {"POST", `{`, "application/json", 400},
		"another method": {"PUT", ping, "application/json", 405},
		"HEAD":           {"HEAD", "", "", 405},
	} {
		if res := exchange(t, x.method, url, x.body, "Content-Type", x.contentType, "Mcp-Session-Id", session); res.StatusCode != x.status {
			t.Errorf("%s is answered %d, want %d", name, res.StatusCode, x.status)
		}
	}
	if res := exchange(t, http.MethodPost, url, ping, "Mcp-Session-Id", session, "Mcp-Protocol-Version", "2019-01-01"); res.StatusCode != 400 {
		t.Errorf("an unknown revision is answered %d", res.StatusCode)
	}
	if res := exchange(t, http.MethodPost, url, ping, "Mcp-Session-Id", session); res.StatusCode != 200 {
		t.Errorf("after all that a ping is answered %d", res.StatusCode)
	}
}

// A session is its owner's, and over when it has ended: everything that names it is
// then answered 404.
func TestHTTPSessions(t *testing.T) {
	url := newBox(t).serve(t).URL
	session := begin(t, url)
	all := func(session, token string) []int {
		var out []int
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
			headers := []string{"Mcp-Session-Id", session, "Authorization", "Bearer " + token, "Last-Event-ID", ""}
			if method == http.MethodGet {
				headers[5] = "1"
			}
			out = append(out, exchange(t, method, url, ping, headers...).StatusCode)
		}
		return out
	}
	if got := all("", "anna"); !slices.Equal(got, []int{400, 400, 400}) {
		t.Errorf("without a session: %v", got)
	}
	if got := all("mcp-session-00000000-0000-0000-0000-000000000000", "anna"); !slices.Equal(got, []int{404, 404, 404}) {
		t.Errorf("with an invented session: %v", got)
	}
	if got := all(session, "bert"); !slices.Equal(got, []int{404, 404, 404}) {
		t.Errorf("with somebody else's session: %v", got)
	}
	if res := exchange(t, http.MethodPost, url, ping, "Mcp-Session-Id", session); res.StatusCode != 200 {
		t.Fatalf("the owner's session did not survive others: %d", res.StatusCode)
	}
	if res := exchange(t, http.MethodDelete, url, "", "Mcp-Session-Id", session); res.StatusCode != 200 {
		t.Fatalf("ending is answered %d", res.StatusCode)
	}
	if got := all(session, "anna"); !slices.Equal(got, []int{404, 404, 404}) {
		t.Errorf("after the end: %v", got)
	}
	title, code := problemOf(t, exchange(t, http.MethodPost, url, ping, "Mcp-Session-Id", session))
	if code != "not-found" || !strings.Contains(title, "ended") {
		t.Errorf("the refusal is %q, %q", title, code)
	}
}

func TestHTTPSessionsOfAPersonAreBounded(t *testing.T) {
	url := newBox(t).serve(t).URL
	other := begin(t, url, "Authorization", "Bearer bert")
	var mine []string
	for range 34 {
		mine = append(mine, begin(t, url))
	}
	status := func(session, token string) int {
		return exchange(t, http.MethodPost, url, ping, "Mcp-Session-Id", session, "Authorization", "Bearer "+token).StatusCode
	}
	if got := []int{status(mine[0], "anna"), status(mine[1], "anna"), status(mine[2], "anna"), status(mine[33], "anna"), status(other, "bert")}; !slices.Equal(got, []int{404, 404, 200, 200, 200}) {
		t.Errorf("the oldest, the next, one that stays, the newest and another's are answered %v", got)
	}
}

func TestHTTPIdleSessionsEnd(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	url := b.serve(t, func(o *mcp.HTTPOptions) { o.SessionIdleTTL = time.Second }).URL
	idle, busy := begin(t, url), begin(t, url)
	// Each use keeps the one alive; the other may not be looked at, which would be a
	// use, until the sweeper has passed for certain.
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 35 {
		if res := exchange(t, http.MethodPost, url, ping, "Mcp-Session-Id", busy); res.StatusCode != 200 {
			t.Fatalf("a session in use ended: %d", res.StatusCode)
		}
		<-tick.C
	}
	if res := exchange(t, http.MethodPost, url, ping, "Mcp-Session-Id", idle); res.StatusCode != 404 {
		t.Errorf("an idle session is answered %d", res.StatusCode)
	}
}

// There is nothing to listen to outside a call.
func TestHTTPHasNoOtherStream(t *testing.T) {
	url := newBox(t).serve(t).URL
	session := begin(t, url)
	for _, headers := range [][]string{
		{"Mcp-Session-Id", session},
		{"Mcp-Protocol-Version", statelessRevision},
		{"Mcp-Protocol-Version", statelessRevision, "Last-Event-ID", "1"},
	} {
		res := exchange(t, http.MethodGet, url, "", headers...)
		if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") == "" {
			t.Errorf("GET with %q is answered %d, Allow %q", headers, res.StatusCode, res.Header.Get("Allow"))
		}
	}
	if res := exchange(t, http.MethodDelete, url, "", "Mcp-Protocol-Version", statelessRevision); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("DELETE without sessions is answered %d", res.StatusCode)
	}
}

// The newer revision says of itself in header and body, which have to agree.
func TestHTTPStatelessRequestsAreChecked(t *testing.T) {
	url := newBox(t).serve(t).URL
	echo := call(1, "box.echo", `{"text":"ab"}`, stateless)
	for name, x := range map[string]struct {
		body    string
		headers []string
		status  int
	}{
		"good":             {echo, modern("tools/call", "box.echo"), 200},
		"no header":        {echo, []string{"Mcp-Method", "tools/call", "Mcp-Name", "box.echo"}, 400},
		"no meta":          {call(1, "box.echo", `{"text":"ab"}`, ""), modern("tools/call", "box.echo"), 400},
		"another revision": {strings.ReplaceAll(echo, statelessRevision, "2999-01-01"), append(modern("tools/call", "box.echo"), "Mcp-Protocol-Version", "2999-01-01"), 400},
		"another method":   {echo, modern("tools/list", "box.echo"), 400},
		"another name":     {echo, modern("tools/call", "box.fail"), 400},
		"no such tool":     {call(1, "box.none", `{}`, stateless), modern("tools/call", "box.none"), 400},
		"a session":        {echo, append(modern("tools/call", "box.echo"), "Mcp-Session-Id", "x"), 200},
	} {
		res := exchange(t, http.MethodPost, url, x.body, x.headers...)
		if res.StatusCode != x.status || res.Header.Get("Mcp-Session-Id") != "" {
			raw, _ := io.ReadAll(res.Body)
			t.Errorf("%s is answered %d %s", name, res.StatusCode, raw)
		}
	}
}

// Progress of a call is whole, in order and before its answer, over many calls at
// once, in both revisions.
func TestHTTPProgress(t *testing.T) {
	for _, revision := range []string{sessionRevision, statelessRevision} {
		t.Run(revision, func(t *testing.T) {
			url := newBox(t).serve(t).URL
			var session []string
			meta := strings.Replace(stateless, "{", `{"progressToken":"p%d",`, 1)
			headers := modern("tools/call", "box.progress")
			if revision == sessionRevision {
				session = []string{"Mcp-Session-Id", begin(t, url)}
				meta, headers = `"_meta":{"progressToken":"p%d"}`, session
			}
			var group sync.WaitGroup
			for worker := range 4 {
				group.Go(func() {
					for n := range 15 {
						id := 100*(worker+1) + n
						res := exchange(t, http.MethodPost, url, call(id, "box.progress", `{"steps":20}`, fmt.Sprintf(meta, id)), headers...)
						all := events(t, res.Body)
						if len(all) != 21 || res.Header.Get("Content-Type") != "text/event-stream" {
							t.Errorf("call %d has %d events", id, len(all))
							return
						}
						for i, e := range all[:20] {
							if e.Method != "notifications/progress" || e.Params.ProgressToken != fmt.Sprintf("p%d", id) || e.Params.Progress != i+1 {
								t.Errorf("event %d of call %d is %+v", i, id, e)
							}
						}
						if last := all[20]; last.ID != float64(id) || last.Result.IsError {
							t.Errorf("call %d ends with %+v", id, last)
						}
					}
				})
			}
			group.Wait()
			// A call without a token is answered plainly, also afterwards.
			meta = ""
			if revision == statelessRevision {
				meta = stateless
			}
			if res := exchange(t, http.MethodPost, url, call(1, "box.progress", `{"steps":3}`, meta), headers...); !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
				t.Errorf("without a token the answer is %s", res.Header.Get("Content-Type"))
			}
		})
	}
}

// A client whose connection breaks in the middle of a call takes it up again where
// it was, and so does nobody else.
func TestHTTPResumesACall(t *testing.T) {
	b := newBox(t)
	mcp.Register(b.Registry, mcp.Tool{Name: "box.long", Description: "Tells, waits, tells."}, func(ctx context.Context, _ mcp.Caller, _ empty) (empty, error) {
		mcp.Progress(ctx, "one")
		b.waiting <- "long"
		<-b.release
		mcp.Progress(ctx, "two")
		return empty{}, nil
	})
	url := b.serve(t).URL
	session := begin(t, url)
	ctx, hangUp := context.WithCancel(t.Context())
	res := exchangeIn(t, ctx, http.MethodPost, url, call(1, "box.long", `{}`, `"_meta":{"progressToken":"p"}`), "Mcp-Session-Id", session)
	in := bufio.NewReader(res.Body)
	id := ""
	for id == "" {
		text, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if name, value, _ := strings.Cut(text, ":"); name == "id" {
			id = strings.TrimSpace(value)
		}
	}
	await(t, "call", b.waiting)
	hangUp()
	other := begin(t, url, "Authorization", "Bearer bert")
	if res := exchange(t, http.MethodGet, url, "", "Mcp-Session-Id", other, "Authorization", "Bearer bert", "Last-Event-ID", id); res.StatusCode != 400 {
		t.Errorf("somebody else's event is answered %d", res.StatusCode)
	}
	b.release <- struct{}{}
	all := events(t, exchange(t, http.MethodGet, url, "", "Mcp-Session-Id", session, "Last-Event-ID", id).Body)
	if len(all) != 2 || all[0].Params.Message != "two" || all[1].ID != 1.0 {
		t.Errorf("the rest of the call is %+v", all)
	}
}

func TestHTTPCancels(t *testing.T) {
	t.Run("with a session, by a notification", func(t *testing.T) {
		b := newBox(t)
		url := b.serve(t).URL
		session, another := begin(t, url), begin(t, url, "Authorization", "Bearer bert")
		done := make(chan message, 1)
		go func() {
			var m message
			_ = json.NewDecoder(exchange(t, http.MethodPost, url, call(7, "box.wait", `{"how":"x"}`, ""), "Mcp-Session-Id", session).Body).Decode(&m)
			done <- m
		}()
		await(t, "call", b.waiting)
		cancel := `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`
		if res := exchange(t, http.MethodPost, url, cancel, "Mcp-Session-Id", another, "Authorization", "Bearer bert"); res.StatusCode != 202 {
			t.Errorf("a notification is answered %d", res.StatusCode)
		}
		select {
		case <-b.cancelled:
			t.Error("somebody else's notification ended the call")
		default:
		}
		if res := exchange(t, http.MethodPost, url, cancel, "Mcp-Session-Id", session); res.StatusCode != 202 {
			t.Errorf("the notification is answered %d", res.StatusCode)
		}
		await(t, "cancellation", b.cancelled)
		await(t, "answer", done)
	})
	t.Run("without a session, by hanging up", func(t *testing.T) {
		b := newBox(t)
		url := b.serve(t).URL
		ctx, hangUp := context.WithCancel(t.Context())
		defer hangUp()
		go func() {
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(call(7, "box.wait", `{"how":"x"}`, stateless)))
			req.Header.Set("Authorization", "Bearer anna")
			req.Header.Set("Content-Type", "application/json")
			for i, h := 0, modern("tools/call", "box.wait"); i < len(h); i += 2 {
				req.Header.Set(h[i], h[i+1])
			}
			if res, err := http.DefaultClient.Do(req); err == nil {
				res.Body.Close()
			}
		}()
		await(t, "call", b.waiting)
		// The id 7 is everybody's here, so a notification ends nobody's call.
		res := exchange(t, http.MethodPost, url, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,`+stateless+`}}`,
			append(modern("notifications/cancelled", ""), "Authorization", "Bearer bert")...)
		if res.StatusCode != 202 {
			t.Errorf("the notification is answered %d", res.StatusCode)
		}
		select {
		case <-b.cancelled:
			t.Error("somebody else's notification ended the call")
		default:
		}
		hangUp()
		await(t, "cancellation", b.cancelled)
	})
}

// What a session keeps for a client that comes back is bounded.
func TestEventStoreForgets(t *testing.T) {
	s := mcp.NewEventStore()
	put := func(session, stream string, size int) string {
		id, err := s.StoreEvent(t.Context(), session, stream, json.RawMessage(`"`+strings.Repeat("x", size)+`"`))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	replay := func(session, after string) (int, error) {
		n := 0
		_, err := s.ReplayEventsAfter(t.Context(), session, after, func(string, json.RawMessage) error { n++; return nil })
		return n, err
	}
	first := put("a", "1", 10)
	other := put("b", "1", 10)
	for range 300 {
		put("a", "1", 10)
		put("a", "2", 10)
	}
	late := put("a", "1", 10)
	put("a", "2", 10)
	put("a", "1", 10)
	if n, err := replay("a", late); n != 1 || err != nil {
		t.Errorf("after a late event: %d, %v", n, err)
	}
	if _, err := replay("a", first); err == nil {
		t.Error("what was long ago is still there")
	}
	if n, err := replay("b", other); n != 0 || err != nil {
		t.Errorf("another session: %d, %v", n, err)
	}
	if _, err := replay("b", late); err == nil {
		t.Error("another session's event was given")
	}
	big := put("a", "1", 3<<20)
	put("a", "1", 3<<20)
	if _, err := replay("a", big); err == nil {
		t.Error("more than the bound in bytes is kept")
	}
	if err := s.PurgeSession(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := replay("b", other); err == nil {
		t.Error("an ended session's events are still there")
	}
}

// A call of a session outlives its connection, and not the token that it came with.
func TestCallEndsWithItsToken(t *testing.T) {
	b := newBox(t)
	e := b.Handler(mcp.HTTPOptions{Authenticate: authenticate})
	ctx, revoke := context.WithCancelCause(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bound, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
		e.ServeHTTP(w, r.WithContext(bound))
	}))
	t.Cleanup(func() { _ = e.Close(); s.CloseClientConnections(); s.Close() })
	session := begin(t, s.URL)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		exchange(t, http.MethodPost, s.URL, call(7, "box.wait", `{"how":"x"}`, ""), "Mcp-Session-Id", session)
	}()
	<-b.waiting
	revoke(fault.New(fault.Unauthenticated, "this token has ended"))
	select {
	case <-b.cancelled:
	case <-time.After(5 * time.Second):
		t.Fatal("a call goes on without its token")
	}
	<-answered
}

// Close may be called twice.
func TestHTTPClose(t *testing.T) {
	b := newBox(t)
	e := b.Handler(mcp.HTTPOptions{Authenticate: authenticate})
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
