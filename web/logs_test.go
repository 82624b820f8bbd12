package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/web"
)

// newHistory gives a concierge with one deployment of the owner that wrote some
// lines, failed, and wrote one more, and the sequences of those events.
func newHistory(t *testing.T, lines int) (c console, id string, seqs []uint64) {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	service, cat := newProvisioner(t, j, idle{})
	line := func(i int) journal.Event {
		return journal.New("deployment.logged", map[string]any{"line": provisioner.LogLine{Phase: "tofu", Level: "info", Message: fmt.Sprintf("line %d", i)}})
	}
	events := []journal.Event{journal.New("deployment.created", map[string]any{
		"owner": owner, "cloud": provisioner.Simulated, "spec": provisioner.Spec{SovereignFQDN: "omantel.omani.works"},
	})}
	for i := range lines {
		events = append(events, line(i))
	}
	events = append(events, journal.New("deployment.status.changed", map[string]any{"status": provisioner.StatusFailed, "reason": "out of stock"}), line(lines))
	id = "0123456789abcdef"
	var seq uint64
	for _, e := range events {
		stored, err := j.Append(t.Context(), "deployment."+id, seq, e.By(owner))
		if err != nil {
			t.Fatal(err)
		}
		seq = stored[0].Seq
		seqs = append(seqs, seq)
	}
	return newConsole(t, func(o *web.Options) { o.Mode, o.Provisioner, o.Journal, o.Catalogue = web.Concierge, service, j, cat }), id, seqs
}

// TestLogsEnd: wherever a reader begins, they get every line before the end once,
// then the end, and the stream is over.
func TestLogsEnd(t *testing.T) {
	const lines = 200 // more than the stream queues
	c, id, seqs := newHistory(t, lines)
	end, last := seqs[len(seqs)-2], seqs[len(seqs)-1]
	for name, tt := range map[string]struct {
		after uint64
		lines int
	}{
		"from the beginning":         {0, lines},
		"from the middle":            {seqs[lines/2], lines / 2},
		"after the end":              {end, 1},
		"after everything":           {last, 0},
		"after what does not exist":  {last + 1000, 0},
		"before the last line":       {seqs[lines-1], 1},
		"with the newest line known": {seqs[lines], 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(http.MethodGet, "/api/v1/deployments/"+id+"/logs", "")
			r.Header.Set("Last-Event-ID", fmt.Sprint(tt.after))
			res := do(c.LocalHandler(), r)
			wantStatus(t, res, http.StatusOK)
			if kind := res.Header.Get("Content-Type"); kind != "text/event-stream" {
				t.Errorf("the stream is %q", kind)
			}
			stream := body(t, res)
			if n := strings.Count(stream, `"message":"line `); n != tt.lines {
				t.Errorf("got %d lines, want %d", n, tt.lines)
			}
			if n := strings.Count(stream, "event: done\n"); n != 1 {
				t.Errorf("the end came %d times", n)
			}
			if tail := stream[strings.LastIndex(stream, "id: "):]; !strings.Contains(tail, "event: done\n") || !strings.HasSuffix(tail, "\n\n") {
				t.Errorf("the stream ends with %q", tail)
			}
		})
	}
}

func TestLogsOfSomebodyElse(t *testing.T) {
	c, id, _ := newHistory(t, 1)
	r := c.signedIn(t, request(http.MethodGet, "/api/v1/deployments/"+id+"/logs", ""))
	wantProblem(t, do(c.Handler(), r), http.StatusNotFound, "not-found")
	r = request(http.MethodGet, "/api/v1/deployments/"+id+"/logs?after=-1", "")
	wantProblem(t, do(c.LocalHandler(), r), http.StatusUnprocessableEntity, "invalid")
}
