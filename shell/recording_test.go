package shell_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
)

// TestSecretsAreNotKept gives a session a secret in its environment: it has it and may
// show it, and neither its recording nor its cards keep it. A recording is gone when
// it was kept long enough.
func TestSecretsAreNotKept(t *testing.T) {
	t.Parallel()
	const secret = "xq-9f31\"c07-deploy"
	r := newRig(t, hold.Pod)
	s, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash", Cols: 120, Env: map[string]string{"DEPLOY_TOKEN": secret}})
	if err != nil {
		t.Fatal(err)
	}
	p := r.attach(t, ann, s.ID, "", 0)
	p.until(t, "a picture", func() bool { return p.screen != nil })
	p.typed(t, `echo "it is $DEPLOY_TOKEN."; printf '%s' "${DEPLOY_TOKEN:0:6}"; sleep 0.1; echo "${DEPLOY_TOKEN:6}"`+"\n")
	p.until(t, "its end", func() bool { return len(p.of(card.KindBash)) == 1 && !p.bash(0).Running })
	if !p.shows(secret)() {
		t.Error("the person does not see it")
	}
	if out := p.bash(0).Output; out != "it is •••.\n•••\n" && out != "it is •••.\n•••" {
		t.Errorf("the card has %q", out)
	}
	p.typed(t, "exit\n")
	p.ended(t, r, s.ID)
	dir := filepath.Join(r.options.Dir, s.ID)
	for _, name := range []string{"recording.cast", "spool.jsonl"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || strings.Contains(string(raw), "xq-9f31") || strings.Contains(string(raw), base64.StdEncoding.EncodeToString([]byte("it is xq-9f31"))) {
			t.Errorf("%s: %v: %s", name, err, raw)
		}
	}
	if raw, err := exec.Command("grep", "-rlF", "xq-9f31", filepath.Join(filepath.Dir(r.options.Dir), "journal")).CombinedOutput(); err == nil {
		t.Errorf("it is in the journal: %s", raw)
	}
	r.Prune(time.Now().Add(59 * time.Minute))
	if _, err := os.Stat(hold.RecordingPath(dir)); err != nil {
		t.Errorf("a recording is gone too early: %v", err)
	}
	r.Prune(time.Now().Add(61 * time.Minute))
	if _, err := os.Stat(hold.RecordingPath(dir)); !os.IsNotExist(err) {
		t.Errorf("a recording stays: %v", err)
	}
}
