package shell_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/agent/scripted"
	"github.com/openova-io/sandbox/shell/hold"
)

// installed finds an agent where make has put it.
func installed(name string) (string, bool) {
	cache := os.Getenv("SANDBOX_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", false
		}
		cache = filepath.Join(base, "openova-sandbox")
	}
	done, _ := filepath.Glob(filepath.Join(cache, "tools", name+"-*", ".done"))
	if len(done) == 0 {
		return "", false
	}
	return filepath.Dir(done[len(done)-1]), true
}

const providerKey = "the-provider's-own-key"

// agentRig is a service whose agents think with the scripted model.
type agentRig struct {
	*rig
	model *scripted.Model
}

func newAgentRig(t *testing.T, name string) *agentRig {
	t.Helper()
	if _, ok := installed(name); !ok {
		t.Skipf("not tested here: %s is not installed (make %s)", name, name)
	}
	r := &agentRig{newRig(t, hold.Bwrap), &scripted.Model{Key: providerKey}}
	server := httptest.NewServer(r.model)
	t.Cleanup(server.Close)
	t.Cleanup(r.model.Go)
	r.options.Installed = installed
	r.options.Models = map[agent.API]shell.ModelAccess{
		agent.Anthropic: {URL: server.URL, Key: providerKey},
		agent.OpenAI:    {URL: server.URL + "/v1", Key: providerKey, Name: "scripted"},
	}
	r.restart(t)
	return r
}

// begin starts a session of an agent.
func (r *agentRig) begin(t *testing.T, o shell.CreateOptions) (shell.Session, *phone) {
	t.Helper()
	o.Cols, o.Rows = 110, 36
	s, err := r.Create(t.Context(), ann, o)
	if err != nil {
		t.Fatal(err)
	}
	return s, r.attach(t, ann, s.ID, "", 0)
}

// of gives the cards of a kind.
func (p *phone) of(kind card.Kind) (out []card.Card) {
	for _, c := range p.cards {
		if c.Kind == kind {
			out = append(out, c)
		}
	}
	return out
}

func decoded[T any](t *testing.T, c card.Card) (d T) {
	t.Helper()
	if err := c.Decode(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// asked waits for the n-th permission card to be in a state.
func (p *phone) asked(t *testing.T, n int, state string) (card.Card, card.PermissionData) {
	t.Helper()
	var c card.Card
	var d card.PermissionData
	p.until(t, fmt.Sprintf("question %d to be %s", n, state), func() bool {
		all := p.of(card.KindPermission)
		if len(all) <= n {
			return false
		}
		c, d = all[n], decoded[card.PermissionData](t, all[n])
		return d.State == state
	})
	return c, d
}

// says is true when the agent has said something, to the end.
func (p *phone) says(text string) func() bool {
	return func() bool {
		for _, c := range p.of(card.KindText) {
			var d card.TextData
			if c.Seq > 0 && c.Decode(&d) == nil && d.From == "agent" && strings.Contains(c.Text, text) {
				return true
			}
		}
		return false
	}
}

// TestClaudeCode plays a whole piece of work with the real Claude Code.
func TestClaudeCode(t *testing.T) {
	t.Parallel()
	r, s, p := playAgent(t, "claude-code", "Yes", "1")
	r.killed(t, s.ID, p)
}

// playAgent is the same work for every agent: a prompt from the phone, streamed
// text, a new file, a change of it, a command that fails, a permission from the
// phone and one from the terminal, and the service away in the middle. asks is what
// its terminal says then, and yes what allows there.
func playAgent(t *testing.T, name, asks, yes string) (*agentRig, shell.Session, *phone) {
	r := newAgentRig(t, name)
	s, p := r.begin(t, shell.CreateOptions{Agent: name})
	if s.Mode != agent.Ask {
		t.Fatalf("its mode is %q", s.Mode)
	}
	file := s.Dir + "/hello.txt"
	if err := r.Prompt(t.Context(), ann, s.ID, "", "do: say Let me write that. ;; write "+file+" hello world ;; edit "+file+" hello world => goodbye world ;; run echo out; exit 3 ;; say All done."); err != nil {
		t.Fatal(err)
	}

	// The first permission comes from the phone, while the terminal shows its dialog.
	ask, question := p.asked(t, 0, "waiting")
	if question.Detail != file || len(question.Hunks) == 0 {
		t.Errorf("it asks %+v", question)
	}
	p.until(t, "the terminal to ask too", p.shows(asks))
	if v, _ := r.Get(ann, s.ID, ""); v.State != shell.Waiting {
		t.Errorf("the session is %s", v.State)
	}
	if err := r.Prompt(t.Context(), ann, s.ID, "", "y"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a prompt was typed into its question: %v", err)
	}
	if _, err := r.Answer(t.Context(), stranger, s.ID, "", ask.ID, true, ""); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a stranger's answer: %v", err)
	}
	if _, err := r.Answer(t.Context(), ann, s.ID, "", ask.ID, true, ""); err != nil {
		t.Fatal(err)
	}
	p.asked(t, 0, "allowed")
	if _, err := r.Answer(t.Context(), ann, s.ID, "", ask.ID, false, ""); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second answer: %v", err)
	}

	// The service is away while the agent goes on and asks again.
	ask, _ = p.asked(t, 1, "waiting")
	since, before := p.since, len(p.cards)
	r.restart(t)
	again := r.attach(t, ann, s.ID, "", since)
	again.cards = p.cards
	p = again
	p.until(t, "the screen", p.shows(asks))
	if len(p.cards) != before {
		t.Errorf("%d cards became %d", before, len(p.cards))
	}

	// The second one is answered in the terminal.
	p.pressed(t, yes, "the second question is still open", func() bool {
		all := p.of(card.KindPermission)
		return decoded[card.PermissionData](t, all[1]).State == "allowed"
	})
	if _, err := r.Answer(t.Context(), ann, s.ID, "", ask.ID, false, ""); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("an answer that came late: %v", err)
	}
	// And the command is allowed from the phone.
	ask, question = p.asked(t, 2, "waiting")
	if question.Detail != "echo out; exit 3" {
		t.Errorf("it asks %+v", question)
	}
	if _, err := r.Answer(t.Context(), ann, s.ID, "", ask.ID, true, ""); err != nil {
		t.Fatal(err)
	}
	p.until(t, "the end", p.says("All done."))

	if !p.says("Let me write that.")() {
		t.Errorf("the first text is missing: %v", p.of(card.KindText))
	}
	diffs := p.of(card.KindDiff)
	if len(diffs) != 2 {
		t.Fatalf("there are %d diffs", len(diffs))
	}
	made, changed := decoded[card.DiffData](t, diffs[0]), decoded[card.DiffData](t, diffs[1])
	if made.Path != file || made.State != "made" || !made.Created || made.Added != 1 {
		t.Errorf("the new file is %+v", made)
	}
	if changed.State != "made" || changed.Added != 1 || changed.Removed != 1 || !strings.Contains(fmt.Sprint(changed.Hunks), "+goodbye") {
		t.Errorf("the change is %+v", changed)
	}
	ran := decoded[card.BashData](t, p.of(card.KindBash)[0])
	if len(p.of(card.KindBash)) != 1 || ran.Running || ran.ExitCode == nil || *ran.ExitCode != 3 || strings.TrimSpace(ran.Output) != "out" {
		t.Errorf("the command is %+v", ran)
	}
	p.until(t, "it to be idle", func() bool { v, _ := r.Get(ann, s.ID, ""); return v.State == shell.Idle })
	raw, err := os.ReadFile(filepath.Join(r.options.Dir, s.ID, "home", "work", "hello.txt"))
	if err != nil || string(raw) != "goodbye world\n" {
		t.Errorf("the file is %q, %v", raw, err)
	}
	// The key is the holder's alone.
	if found := grep(t, filepath.Join(r.options.Dir, s.ID), providerKey); found != "" {
		t.Errorf("the provider's key is in %s", found)
	}
	return r, s, p
}

// killed ends an agent, and comes late to what it has shown.
func (r *agentRig) killed(t *testing.T, id string, p *phone) {
	t.Helper()
	if err := r.Signal(ann, id, "KILL"); err != nil {
		t.Fatal(err)
	}
	p.ended(t, r.rig, id)
	v, err := r.Get(ann, id, "")
	if err != nil {
		t.Fatal(err)
	}
	fidelity(t, v.Agent, filepath.Join(r.options.Dir, id))
}

// grep gives a file below dir that has the text in it.
func grep(t *testing.T, dir, text string) (found string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if raw, err := os.ReadFile(path); err == nil && strings.Contains(string(raw), text) {
				found = path
			}
		}
		return nil
	})
	return found
}

func TestOpenCode(t *testing.T) {
	t.Parallel()
	r, s, p := playAgent(t, "opencode", "Allow once", "\r")
	r.goesOn(t, s.ID, p, "opencode.json", `{"permission":{"edit":"allow","bash":"allow"}}`)
}

// goesOn ends a session and goes on in another one, which asks as before, whatever the
// repository's own configuration says meanwhile, and takes a no from the phone.
func (r *agentRig) goesOn(t *testing.T, id string, p *phone, file, configuration string) {
	t.Helper()
	r.killed(t, id, p)
	file = filepath.Join(r.options.Dir, id, "home", "work", file)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(configuration), 0o600)); err != nil {
		t.Fatal(err)
	}
	s, p := r.begin(t, shell.CreateOptions{Resume: id})
	p.until(t, "what was said before", p.shows("All done."))
	if err := r.Prompt(t.Context(), ann, s.ID, "", "do: run echo again ;; say Once more."); err != nil {
		t.Fatal(err)
	}
	ask, _ := p.asked(t, 0, "waiting")
	if _, err := r.Answer(t.Context(), ann, s.ID, "", ask.ID, false, ""); err != nil {
		t.Fatal(err)
	}
	p.until(t, "the command to be refused", func() bool {
		ran := p.of(card.KindBash)
		return len(ran) == 1 && decoded[card.BashData](t, ran[0]).Refused
	})
}

func TestQwenCode(t *testing.T) {
	t.Parallel()
	r, s, p := playAgent(t, "qwen-code", "Yes", "1")
	r.killed(t, s.ID, p)
}

func TestCodex(t *testing.T) {
	t.Parallel()
	r, s, p := playAgent(t, "codex", "Would you like to", "y")
	r.goesOn(t, s.ID, p, ".codex/config.toml", "approval_policy = \"never\"\nsandbox_mode = \"danger-full-access\"\n")
}

// TestCodexNarrowed: a session that asked for nothing goes on in one where nothing is
// done that nobody has allowed.
func TestCodexNarrowed(t *testing.T) {
	t.Parallel()
	r := newAgentRig(t, "codex")
	s, p := r.begin(t, shell.CreateOptions{Agent: "codex", Mode: agent.All})
	if err := r.Prompt(t.Context(), ann, s.ID, "", "do: write "+s.Dir+"/a.txt one ;; run cat a.txt ;; say All done."); err != nil {
		t.Fatal(err)
	}
	p.until(t, "the end", p.says("All done."))
	ran := p.of(card.KindBash)
	if len(p.of(card.KindPermission)) > 0 || len(p.of(card.KindDiff)) != 1 || len(ran) != 1 || strings.TrimSpace(decoded[card.BashData](t, ran[0]).Output) != "one" {
		t.Errorf("it has shown %+v", p.cards)
	}
	r.killed(t, s.ID, p)
	s, p = r.begin(t, shell.CreateOptions{Resume: s.ID, Mode: agent.Ask})
	if err := r.Prompt(t.Context(), ann, s.ID, "", "do: write "+s.Dir+"/b.txt two ;; run touch c.txt ;; say Once more."); err != nil {
		t.Fatal(err)
	}
	ask, question := p.asked(t, 0, "waiting")
	if question.Detail != s.Dir+"/b.txt" {
		t.Errorf("it asks %+v", question)
	}
	if _, err := r.Answer(t.Context(), ann, s.ID, "", ask.ID, true, ""); err != nil {
		t.Fatal(err)
	}
	p.until(t, "the end", p.says("Once more.")) // its model was not told to ask for commands
	work := filepath.Join(r.options.Dir, s.ID, "home", "work")
	if _, err := os.Stat(filepath.Join(work, "c.txt")); err == nil {
		t.Error("a command was run that nobody had allowed")
	}
}
