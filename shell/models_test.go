package shell_test

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/agent/scripted"
	"github.com/openova-io/sandbox/shell/hold"
)

const ownKey = "sk-ann-0123456789-abcdefgh-9876"

var ben = journal.Actor{Kind: journal.Human, Subject: "ben", OrgID: "omantel"}

// keyRig is a service that keeps model keys for a provider that takes [ownKey] only.
func keyRig(t *testing.T) (*rig, *httptest.Server) {
	t.Helper()
	r := newRig(t, hold.None)
	server := httptest.NewServer(&scripted.Model{Key: ownKey})
	t.Cleanup(server.Close)
	r.options.ModelHosts = []string{strings.TrimPrefix(server.URL, "http://"), "models.example.com:443", "localhost:443"}
	r.restart(t)
	return r, server
}

// uses is whose key a new session of somebody's would get.
func (r *rig) uses(t *testing.T, actor journal.Actor, api agent.API) shell.ModelInfo {
	t.Helper()
	all, err := r.Models(t.Context(), actor)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.API == api {
			return m
		}
	}
	t.Fatalf("nothing is said of %s", api)
	return shell.ModelInfo{}
}

// TestOwnModelKeyComesFirst: one's own key, else the Organization's, else the
// service's; and nobody else's.
func TestOwnModelKeyComesFirst(t *testing.T) {
	r, server := keyRig(t)
	ctx := t.Context()
	key := shell.ModelAccess{URL: server.URL + "/", Key: " " + ownKey + "\n"}
	expect := func(actor journal.Actor, want shell.Payer) {
		t.Helper()
		if got := r.uses(t, actor, agent.Anthropic).Uses; got != want {
			t.Fatalf("%s thinks with the key of %q, want %q", actor.Subject, got, want)
		}
	}
	expect(ann, "")
	if err := r.SetModel(ctx, ann, shell.Organization, agent.Anthropic, key); err != nil {
		t.Fatal(err)
	}
	expect(ann, shell.Organization)
	expect(ben, shell.Organization)
	expect(owner, "")
	key.Name = "small"
	if err := r.SetModel(ctx, ann, shell.Person, agent.Anthropic, key); err != nil {
		t.Fatal(err)
	}
	expect(ann, shell.Person)
	expect(ben, shell.Organization)

	info := r.uses(t, ann, agent.Anthropic)
	if info.Own == nil || info.Own.Ending != "9876" || info.Own.URL != server.URL || info.Own.Model != "small" || info.Own.AddedAt.IsZero() {
		t.Fatalf("of one's own key it says %+v", info.Own)
	}
	if info.Organization == nil || info.Operator {
		t.Fatalf("it says %+v", info)
	}
	if len(r.uses(t, ann, agent.OpenAI).Uses) != 0 {
		t.Fatal("a key of one wire format serves another")
	}

	r.options.Models = map[agent.API]shell.ModelAccess{agent.Anthropic: {URL: server.URL, Key: ownKey}}
	r.restart(t)
	expect(ann, shell.Person)
	expect(owner, shell.Operator)
	if err := r.Forget(ctx, ann); err != nil {
		t.Fatal(err)
	}
	expect(ann, shell.Organization)
	for range 2 { // what is gone may be removed again
		if err := r.RemoveModel(ctx, ben, shell.Organization, agent.Anthropic); err != nil {
			t.Fatal(err)
		}
	}
	expect(ann, shell.Operator)
}

// TestBadModelKeys: all that is wrong is said at once, and what was there stays.
func TestBadModelKeys(t *testing.T) {
	r, server := keyRig(t)
	ctx := t.Context()
	if err := r.SetModel(ctx, ann, shell.Person, agent.OpenAI, shell.ModelAccess{URL: server.URL + "/v1", Key: ownKey, Name: "scripted"}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		api  agent.API
		key  shell.ModelAccess
		code fault.Code
		want []string
	}{
		"empty":            {agent.OpenAI, shell.ModelAccess{URL: server.URL}, fault.Invalid, []string{"key", "model"}},
		"everything":       {agent.OpenAI, shell.ModelAccess{URL: "ftp://x", Key: "two\nlines", Name: "a\x00b"}, fault.Invalid, []string{"key", "model", "url"}},
		"too long":         {agent.Anthropic, shell.ModelAccess{URL: server.URL, Key: strings.Repeat("k", 5000)}, fault.Invalid, []string{"key"}},
		"not listed":       {agent.Anthropic, shell.ModelAccess{URL: "https://evil.example.com", Key: ownKey}, fault.Invalid, []string{"url"}},
		"another port":     {agent.Anthropic, shell.ModelAccess{URL: "https://models.example.com:8443", Key: ownKey}, fault.Invalid, []string{"url"}},
		"in the clear":     {agent.Anthropic, shell.ModelAccess{URL: "http://models.example.com:443", Key: ownKey}, fault.Invalid, []string{"url"}},
		"with a password":  {agent.Anthropic, shell.ModelAccess{URL: "https://a:b@models.example.com", Key: ownKey}, fault.Invalid, []string{"url"}},
		"a name inward":    {agent.Anthropic, shell.ModelAccess{URL: "https://localhost", Key: ownKey}, fault.Unavailable, nil},
		"refused there":    {agent.OpenAI, shell.ModelAccess{URL: server.URL + "/v1", Key: ownKey + "x", Name: "scripted"}, fault.Invalid, []string{"key"}},
		"no such language": {"cohere", shell.ModelAccess{URL: server.URL, Key: ownKey}, fault.NotFound, nil},
	} {
		err := r.SetModel(ctx, ann, shell.Person, c.api, c.key)
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f := fault.From(err)
		if strings.Contains(f.Text(), ownKey) {
			t.Errorf("%s: the key is repeated: %s", name, f.Text())
		}
		var at []string
		for _, v := range f.Violations {
			at = append(at, v.Path)
		}
		if c.want != nil && strings.Join(at, " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: it names %v, want %v", name, at, c.want)
		}
	}
	if own := r.uses(t, ann, agent.OpenAI).Own; own == nil || own.Ending != "9876" {
		t.Fatalf("the key that was there is now %+v", own)
	}
	if r.uses(t, ann, agent.Anthropic).Uses != "" {
		t.Fatal("a bad key was kept")
	}
}

// TestSessionThinksWithOnesOwnKey runs the real Claude Code on a key of its owner,
// which lies nowhere but in the vault.
func TestSessionThinksWithOnesOwnKey(t *testing.T) {
	t.Parallel()
	r := newAgentRig(t, "claude-code")
	r.model.Key = ownKey
	url := r.options.Models[agent.Anthropic].URL
	r.options.Models = nil
	r.options.ModelHosts = []string{strings.TrimPrefix(url, "http://")}
	r.restart(t)
	_, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "claude-code"})
	if f := fault.From(err); fault.CodeOf(err) != fault.Unavailable || !strings.Contains(f.Text(), "Add a model key of yours") {
		t.Fatalf("without a key: %v", err)
	}
	if err := r.SetModel(t.Context(), ann, shell.Person, agent.Anthropic, shell.ModelAccess{URL: url, Key: ownKey}); err != nil {
		t.Fatal(err)
	}
	s, p := r.begin(t, shell.CreateOptions{Agent: "claude-code"})
	if s.Payer != shell.Person {
		t.Fatalf("it is paid by %q", s.Payer)
	}
	if err := r.Prompt(t.Context(), ann, s.ID, "", "do: say The key is good."); err != nil {
		t.Fatal(err)
	}
	p.until(t, "the agent to answer", p.says("The key is good."))

	// Neither the folders of the session, nor the journal, nor the vault's own files show it.
	dir := filepath.Dir(r.options.Dir)
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // a running agent removes files of its own
		}
		if raw, err := os.ReadFile(path); err == nil && bytes.Contains(raw, []byte(ownKey)) {
			t.Errorf("the key is in %s", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = r.Get(ann, s.ID, ""); err != nil {
		t.Fatal(err)
	}
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(s.PID) + "/environ")
	if err != nil || bytes.Contains(environ, []byte(ownKey)) {
		t.Errorf("the agent's environment has the key, or cannot be read: %v", err)
	}
}
