package shell_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
)

// TestNoWayOut: from behind the wall there is a way to what is listed, and none to
// this machine, to another session or to anywhere else.
func TestNoWayOut(t *testing.T) {
	t.Parallel()
	// What the service has on loopback: its API, its outbox of mails.
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a mail with a code") }))
	defer inside.Close()
	address := inside.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	listed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "what is listed") }))
	defer listed.Close()

	r := newRig(t, hold.Bwrap)
	// A listed address may be of the inside; a listed name may not lead there.
	r.options.Egress = []string{listed.Listener.Addr().String(), "localhost:" + port}
	r.restart(t)
	other, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash", Cols: 150})
	if err != nil {
		t.Fatal(err)
	}
	q := r.attach(t, ann, other.ID, "", 0)
	q.until(t, "a picture", func() bool { return q.screen != nil })
	q.typed(t, fmt.Sprintf(serving, 3000)+"\n")
	q.until(t, "the other's port", func() bool { return len(q.of(card.KindPreviewLink)) == 1 })

	s, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash", Cols: 150})
	if err != nil {
		t.Fatal(err)
	}
	p := r.attach(t, ann, s.ID, "", 0)
	p.until(t, "a picture", func() bool { return p.screen != nil })
	n := 0
	run := func(line string) string {
		t.Helper()
		p.typed(t, line+"\n")
		p.until(t, line, func() bool { return len(p.cards) > n && !p.bash(n).Running })
		n++
		return p.bash(n - 1).Output
	}
	run(`ask() { exec 3<>/dev/tcp/127.0.0.1/${HTTP_PROXY##*:} && printf 'GET http://%s/ HTTP/1.0\r\n\r\n' "$1" >&3 && cat <&3; exec 3>&-; }`)
	run(`direct() { (exec 3<>/dev/tcp/$1/$2) 2>/dev/null && echo reached || echo refused; }`)
	if got := run("ask " + listed.Listener.Addr().String()); !strings.HasPrefix(got, "HTTP/1.0 200") || !strings.HasSuffix(got, "what is listed") {
		t.Errorf("what is listed answers %q", got)
	}
	for what, target := range map[string]string{
		"a host that is not listed": "evil.example:80", "the metadata of a cloud": "169.254.169.254:80",
		"the service on loopback": address, "the service by a listed name": "localhost:" + port, "the same in another notation": "0x7f000001:" + port,
	} {
		if got := run("ask " + target); !strings.HasPrefix(got, "HTTP/1.0 403") || strings.Contains(got, "a mail") {
			t.Errorf("%s answers %q", what, got)
		}
	}
	for what, target := range map[string]string{
		"the service on loopback": "127.0.0.1 " + port, "another session's port": "127.0.0.1 3000", "the metadata of a cloud": "169.254.169.254 80",
	} {
		if got := run("direct " + target); got != "refused" {
			t.Errorf("%s is %s", what, got)
		}
	}
	for what, c := range map[string][2]string{
		"another session's files":       {"find / -xdev -path '*" + other.ID + "*' 2>/dev/null; echo end", "end"},
		"another session's environment": {"cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c " + other.ID, "0"},
		"another session's processes":   {"ps -eo args= | grep -c '[I]O::Socket'", "0"},
		"sockets but its own":           {"find / -xdev -type s 2>/dev/null | grep -v ^" + hold.Crossing + "/; echo end", "end"},
	} {
		if got := run(c[0]); got != c[1] {
			t.Errorf("%s: %q, want %q", what, got, c[1])
		}
	}
	entries, err := hold.ReadEgress(filepath.Join(r.options.Dir, s.ID), 100)
	if err != nil || len(entries) != 6 {
		t.Fatalf("the log has %d connections, %v", len(entries), err)
	}
	for i, e := range entries {
		if e.Allowed != (i == 0) {
			t.Errorf("the log says %+v", e)
		}
	}
}
