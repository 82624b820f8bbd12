package agent

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell/hold"
)

// TestCodexRecords: whatever the program in a session says as its app server, what is
// somebody else's is not shown, nothing is doubled, and nothing is asked of a
// conversation that does not have the session's settings.
func TestCodexRecords(t *testing.T) {
	t.Parallel()
	r := codex().Read()
	n, cards := 0, map[string]card.Card{}
	tell := func(raw string) {
		n++
		for _, u := range r.Read(hold.Record{Kind: hold.RecordNote, Source: "server", ID: fmt.Sprint("server-", n), At: time.Unix(int64(n), 0), Data: json.RawMessage(raw)}) {
			cards[u.Card.ID] = u.Card
		}
	}
	for _, raw := range []string{`null`, `[]`, `{"method":3}`, `{"method":"item/started","params":{"item":{"type":"fileChange"}}}`, `{"method":"item/started","params":{"item":7}}`,
		`{"method":"serverRequest/resolved","params":{"requestId":{}}}`, `{"id":"set:x","error":{"message":"settings are not taken"}}`} {
		tell(raw)
	}
	if r.Hears() || len(cards) != 1 || !strings.Contains(cards["set:x"].Text, "not taken") {
		t.Fatalf("without its settings it hears %v and shows %v", r.Hears(), cards)
	}
	if _, ok := r.Prompt("p", "hello"); ok {
		t.Error("a prompt goes to no conversation")
	}
	tell(`{"method":"thread/started","params":{"thread":{"id":"title","ephemeral":true}}}`)
	tell(`{"method":"thread/started","params":{"thread":{"id":"main"}}}`)
	tell(`{"id":"set:main","result":{}}`)
	tell(`{"method":"item/completed","params":{"threadId":"title","item":{"type":"agentMessage","id":"t1","text":"A title"}}}`)
	if reply, ok := r.Prompt("p", "hello"); !r.Hears() || !ok || !strings.Contains(string(reply.Body), `"threadId":"main"`) || cards["text-t1"].ID != "" {
		t.Errorf("it hears %v; the prompt is %s, the cards %v", r.Hears(), reply.Body, cards)
	}

	// One question, told twice and answered in the terminal.
	tell(`{"method":"item/started","params":{"threadId":"main","item":{"type":"commandExecution","id":"c1","command":"/bin/bash -lc 'rm -r build'","status":"inProgress"}}}`)
	for range 2 {
		tell(`{"method":"item/commandExecution/requestApproval","id":4,"params":{"threadId":"main","itemId":"c1"}}`)
	}
	var asked card.PermissionData
	if err := cards["ask-codex-4"].Decode(&asked); err != nil || asked.State != "waiting" || asked.Detail != "rm -r build" || r.State() != Waiting {
		t.Fatalf("it asks %+v, %v", asked, err)
	}
	tell(`{"method":"serverRequest/resolved","params":{"threadId":"main","requestId":4}}`)
	if _, err := r.Answer("ask-codex-4", true, ""); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a late answer: %v", err)
	}
	tell(`{"method":"item/completed","params":{"threadId":"main","item":{"type":"commandExecution","id":"c1","status":"declined"}}}`)
	if _ = cards["ask-codex-4"].Decode(&asked); asked.State != "denied" || asked.By != "terminal" {
		t.Errorf("it was answered %+v", asked)
	}

	// What its model is in trouble with is said, unless it is tried again.
	tell(`{"method":"error","params":{"threadId":"main","error":{"message":"Reconnecting"},"willRetry":true}}`)
	tell(`{"method":"turn/completed","params":{"threadId":"main","turn":{"id":"x","status":"failed","error":{"message":"the model is away"}}}}`)
	said := ""
	for _, c := range cards {
		said += c.Text + "\n"
	}
	if strings.Contains(said, "Reconnecting") || !strings.Contains(said, "the model is away") || r.State() != Idle {
		t.Errorf("it shows %s and is %s", said, r.State())
	}
}

func TestCodexCommands(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`/bin/bash -lc 'ls /root'`:          `ls /root`,
		`/bin/bash -lc 'echo '"'"'a'"'"''`:  `echo 'a'`,
		`/usr/bin/bash -lc "echo \"$1\""`:   `echo "$1"`,
		`/bin/bash -lc "echo \$HOME \\ \a"`: `echo $HOME \ \a`,
		`/bin/bash -lc ls`:                  `ls`,
		`/bin/bash -lc `:                    ``,
		`ls`:                                `ls`,
	} {
		if got := unwrapped(given); got != want {
			t.Errorf("%s is %q, want %q", given, got, want)
		}
	}
}
