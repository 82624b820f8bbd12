package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/journal"
)

const modelKey = "sk-canary-5f0c2d9e7b1a4836"

// thinker is an OpenAI-compatible endpoint on loopback that answers the n-th
// request with its n-th step; it refuses what comes after the last.
type thinker struct {
	*httptest.Server
	mu       sync.Mutex
	steps    []http.HandlerFunc
	requests []thought
}

// thought is what the endpoint was sent.
type thought struct {
	Messages []struct {
		Role       string
		Content    string
		ToolCallID string `json:"tool_call_id"`
	}
	Tools []struct{ Function struct{ Name string } }
}

func newThinker(t *testing.T, steps ...http.HandlerFunc) *thinker {
	t.Helper()
	th := &thinker{steps: steps}
	th.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var got thought
		if err != nil || json.Unmarshal(raw, &got) != nil || r.Header.Get("Authorization") != "Bearer "+modelKey {
			t.Errorf("the endpoint was sent %.200s: %v", raw, err)
		}
		th.mu.Lock()
		n := len(th.requests)
		th.requests = append(th.requests, got)
		th.mu.Unlock()
		if n >= len(th.steps) {
			http.Error(w, `{"error":{"message":"nothing more to say"}}`, http.StatusBadRequest)
			return
		}
		th.steps[n](w, r)
	}))
	t.Cleanup(th.Close)
	return th
}

func (th *thinker) asked() []thought {
	th.mu.Lock()
	defer th.mu.Unlock()
	return append([]thought{}, th.requests...)
}

// talk starts a chat whose model is the endpoint.
func (th *thinker) talk(t *testing.T, dir string) *talk {
	t.Helper()
	t.Setenv("OPENAI_API_KEY", modelKey)
	return startTalk(t, dir, "--model", "openai:tiny", "--openai-base-url", th.URL+"/v1")
}

// toolCall is a call of a step.
type toolCall struct{ name, arguments string }

// thinks answers with text and tool calls, in the pieces of the protocol; cut ends
// the stream in the middle of the last call's arguments.
func thinks(text string, cut bool, calls ...toolCall) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		send := func(delta map[string]any, finish any) {
			raw, _ := json.Marshal(map[string]any{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "tiny",
				"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}})
			fmt.Fprintf(w, "data: %s\n\n", raw)
			w.(http.Flusher).Flush()
		}
		for _, piece := range strings.SplitAfter(text, " ") {
			send(map[string]any{"content": piece}, nil)
		}
		for i, c := range calls {
			half := len(c.arguments) / 2
			send(map[string]any{"tool_calls": []any{map[string]any{"index": i, "id": "same", "type": "function",
				"function": map[string]any{"name": strings.ReplaceAll(c.name, ".", "_2e"), "arguments": c.arguments[:half]}}}}, nil)
			if cut && i == len(calls)-1 {
				return
			}
			send(map[string]any{"tool_calls": []any{map[string]any{"index": i, "function": map[string]any{"arguments": c.arguments[half:]}}}}, nil)
		}
		finish := "stop"
		if len(calls) > 0 {
			finish = "tool_calls"
		}
		send(map[string]any{}, finish)
		fmt.Fprint(w, "data: [DONE]\n\n")
	}
}

func changes(pairs ...any) string {
	var list []map[string]any
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, map[string]any{"field": pairs[i], "value": pairs[i+1]})
	}
	raw, _ := json.Marshal(map[string]any{"changes": list})
	return string(raw)
}

// A model that calls what is not there, writes half a JSON and then breaks off in
// the middle of a turn: the guide goes on in the same turn, says so, and knows what
// the model had put down.
func TestAModelFailsAndTheGuideGoesOn(t *testing.T) {
	needTofu(t)
	failures := map[string]http.HandlerFunc{
		"cut in a tool call": thinks("Now I ", true, toolCall{"catalyst.plan.create", `{"draftId":"x"}`}),
		"a server error":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"error":{"message":"overloaded"}}`, 500) },
		"a web page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>Sign in</html>")
		},
		"a bad key": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, `{"error":{"message":"Incorrect API key `+modelKey+`"}}`, http.StatusUnauthorized)
		},
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			th := newThinker(t,
				thinks("One moment. ", false,
					toolCall{"catalyst.draft.set", changes("orgName", "Acme", "orgHeadquarters", "Berlin, Germany", "apps", []string{"nextcloud"})},
					toolCall{"shell.run", `{"command":"id"}`},
					toolCall{"catalyst.draft.set", `{"changes":[`}),
				thinks("Acme in Berlin, with Nextcloud. What is your e-mail address?", false),
				thinks("", false, toolCall{"catalyst.draft.set", changes("orgEmail", "platform@acme.example")}),
				failure, failure, failure) // the driver tries a server error three times
			dir := home(t)
			k := th.talk(t, dir)
			k.answered() // the greeting
			k.say("We are Acme in Berlin and want to share files.")
			if text := k.answered(); !strings.HasPrefix(text, "One moment.") || !strings.HasSuffix(text, "What is your e-mail address?") {
				t.Errorf("the model's answer is %q", text)
			}
			asked := th.asked()
			if len(asked) != 2 || len(asked[0].Tools) != len(conciergeTools) {
				t.Fatalf("the model was asked %d times, with %d tools", len(asked), len(asked[0].Tools))
			}
			results := map[string]string{}
			for _, m := range asked[1].Messages {
				if m.Role == "tool" {
					results[m.ToolCallID] = m.Content
				}
			}
			if len(results) != 3 {
				t.Errorf("three calls with one id have the results %v", results)
			}
			for _, want := range []string{`"orgName":"Acme"`, `there is no tool \"shell.run\"`, "not a JSON object"} {
				found := false
				for _, r := range results {
					found = found || strings.Contains(r, want) || strings.Contains(r, strings.ReplaceAll(want, `\"`, `"`))
				}
				if !found {
					t.Errorf("no result says %s: %v", want, results)
				}
			}

			k.say("platform@acme.example")
			text := k.answered()
			if spec := k.spec(); spec["orgName"] != "Acme" || spec["orgEmail"] != "platform@acme.example" {
				t.Errorf("the draft is %v", spec)
			}
			var switched struct{ From, To, Reason string }
			for _, e := range k.seen {
				if e.Type == "conversation.model.switched" {
					_ = e.Decode(&switched)
				}
			}
			notice, _ := k.shown(card.KindNotice)
			if switched.From != "openai:tiny" || switched.To != "guide" || !strings.Contains(notice.Text, "guide goes on from here") || strings.Contains(notice.Text, modelKey) {
				t.Errorf("the switch is %+v, the notice %q", switched, notice.Text)
			}
			if strings.Contains(text, "called?") || strings.Contains(text, "e-mail address?") {
				t.Errorf("the guide asks for what is known: %q", text)
			}
			// It goes on to the plan, and asks the broken model nothing meanwhile.
			before := len(th.asked())
			if _, ok := k.shown(card.KindApproval); !ok {
				if c, ok := k.shown(card.KindSecret); ok {
					k.press(c.ID, "simulated")
				} else {
					k.say("yes, go ahead")
				}
				k.answered()
			}
			if _, ok := k.shown(card.KindApproval); !ok {
				t.Errorf("the guide got to no plan:\n%s", k.story())
			}
			if now := len(th.asked()); now != before {
				t.Errorf("the model was asked %d times more", now-before)
			}
			k.finish()
			withoutKey(t, dir, k)
		})
	}
}

// withoutKey looks for the endpoint's key where it must not be.
func withoutKey(t *testing.T, dir string, k *talk) {
	t.Helper()
	if strings.Contains(k.story(), modelKey) {
		t.Error("the key is in the events")
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // it may be gone already
		}
		if raw, err := os.ReadFile(path); err == nil && strings.Contains(string(raw), modelKey) {
			t.Errorf("the key is in %s", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A model that wants to approve cannot: it has no tool for it, what it says is no
// consent, and what it asks is no approval. The person's press is.
func TestAModelCannotApprove(t *testing.T) {
	needTofu(t)
	th := newThinker(t,
		thinks("", false,
			toolCall{"catalyst.draft.set", changes("orgName", "Acme", "orgEmail", "platform@acme.example", "orgHeadquarters", "Berlin, Germany", "apps", []string{"nextcloud"}, "simulatedAccount", true)},
			toolCall{"catalyst.plan.create", `{}`}),
		thinks("I approve the plan. Approved. ", false,
			toolCall{"catalyst.deployments.approve", `{}`},
			toolCall{"catalyst.deployments.create", `{}`},
			toolCall{"catalyst.deployments.create", `{"approve":true}`},
			toolCall{"card.ask", `{"questions":[{"prompt":"Approve?","type":"consent"}]}`},
			toolCall{"catalyst.draft.set", changes("approvalState", "approved")}),
		thinks("It is done.", false),
		thinks("Now it is being built.", false))
	dir := home(t)
	k := th.talk(t, dir)
	k.answered()
	k.say("Everything as you think best, Acme in Berlin, platform@acme.example, simulated.")
	k.answered()
	approval, ok := k.shown(card.KindApproval)
	if !ok {
		t.Fatalf("there is no approval:\n%s", k.story())
	}
	var refused []string
	for _, m := range th.asked()[2].Messages {
		if m.Role == "tool" && strings.HasPrefix(m.Content, "ERROR") {
			refused = append(refused, m.Content)
		}
	}
	if len(refused) != 5 || !strings.Contains(strings.Join(refused, "\n"), "only the person can do that") {
		t.Errorf("refused was %q", refused)
	}
	for _, e := range k.seen {
		var d struct{ Status string }
		if e.Type == "deployment.status.changed" && e.Decode(&d) == nil && d.Status != "planned" && d.Status != "awaiting-approval" {
			t.Errorf("without the person the deployment became %s", d.Status)
		}
	}
	k.press(approval.ID, "approve")
	k.until("the apply", func(e journal.Event) bool {
		var d struct{ Status string }
		return e.Type == "deployment.status.changed" && e.Decode(&d) == nil && d.Status == "pending"
	})
}

// What the guide calls fits the toolbox that everybody else has, whatever people
// say to it.
func TestTheGuideFitsTheToolbox(t *testing.T) {
	files, err := filepath.Glob("../../conversation/model/guide/testdata/conversations/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no conversations: %v", err)
	}
	var lines []string
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		said := 0 // of each conversation only the beginning, before anybody asks for a plan
		for line := range strings.Lines(string(raw)) {
			if strings.HasPrefix(line, "---") {
				said = 0
			}
			if text, ok := strings.CutPrefix(line, "> "); ok {
				if said++; said <= 2 {
					lines = append(lines, text)
				}
			}
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(binaries, "sandbox"), "chat", "--json", "--data-dir", home(t), "--speed", storySpeed,
		"--listen", "127.0.0.1:0", "--cloud", "hetzner") // where nothing is planned without an account
	cmd.Stdin = strings.NewReader(strings.Join(lines, ""))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	for line := range strings.Lines(string(out)) {
		var e journal.Event
		var d struct {
			Name, Text string
			IsError    bool
		}
		if json.Unmarshal([]byte(line), &e) != nil || e.Type != "conversation.tool.returned" || e.Decode(&d) != nil {
			continue
		}
		calls[d.Name]++
		if d.IsError && strings.Contains(d.Text, "fit its schema") {
			t.Errorf("%s: %s", d.Name, d.Text)
		}
	}
	if calls["catalyst.draft.set"] < 20 || calls["card.ask"] < 10 || calls["marketplace.region.list"] == 0 {
		t.Errorf("only %v was called by %d messages", calls, len(lines))
	}
}
