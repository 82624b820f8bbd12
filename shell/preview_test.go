package shell_test

import (
	"bufio"
	"fmt"
	"net/http"
	"testing"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
)

// serving is a server for one port, which answers everybody with a line: what every
// Debian machine can run.
const serving = `perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => %d, Listen => 9, ReuseAddr => 1); while ($c = $s->accept) { print $c "HTTP/1.0 200 OK\r\n\r\nhello"; close $c }'`

// TestPreviewLink: a port that is opened behind the wall becomes a card, is reached
// by who may, and its card says when it is closed.
func TestPreviewLink(t *testing.T) {
	t.Parallel()
	r := newRig(t, hold.Bwrap)
	s, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash", Cols: 150})
	if err != nil {
		t.Fatal(err)
	}
	p := r.attach(t, ann, s.ID, "", 0)
	p.until(t, "a picture", func() bool { return p.screen != nil })
	port := func(state string) func() bool {
		return func() bool {
			for _, c := range p.of(card.KindPreviewLink) {
				if d := decoded[card.PreviewLinkData](t, c); d.Port == 3000 && d.State == state && c.ID == "port-3000" {
					return true
				}
			}
			return false
		}
	}
	if _, err := r.DialPort(t.Context(), ann, s.ID, "", 3000); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a port where nothing listens: %v", err)
	}
	p.typed(t, fmt.Sprintf(serving, 3000)+"\n")
	p.until(t, "the card of the port", port("open"))
	for range 10 { // more than are offered at once
		conn, err := r.DialPort(t.Context(), ann, s.ID, "", 3000)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("the server answers %v, %v", res, err)
		}
		conn.Close()
	}

	watch, _, err := r.Invite(t.Context(), ann, s.ID, hold.Observer)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.MayDial(bob, s.ID, watch, 3000); fault.CodeOf(err) != fault.Denied {
		t.Errorf("an observer may dial: %v", err)
	}
	drive, _, err := r.Invite(t.Context(), ann, s.ID, hold.Driver)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.MayDial(bob, s.ID, drive, 3000); err != nil {
		t.Errorf("a driver may not dial: %v", err)
	}
	if err := r.MayDial(stranger, s.ID, drive, 3000); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a stranger: %v", err)
	}
	if len(p.of(card.KindPreviewLink)) != 1 {
		t.Errorf("there are %d ports", len(p.of(card.KindPreviewLink)))
	}

	p.typed(t, "\x03")
	p.until(t, "the port to be closed", port("closed"))
	p.typed(t, fmt.Sprintf(serving, 3000)+"\n")
	p.until(t, "the port to be open again", port("open"))
	p.typed(t, "\x03exit\n")
	p.ended(t, r, s.ID)
	p = r.attach(t, ann, s.ID, "", 0)
	p.until(t, "the card to say so", port("closed"))
}
