package shell

import (
	"strings"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/shell/hold"
)

// Notice is something that the owner of a session wants to hear of when they do not
// look at it. Each is given once, whenever the service was away: it follows the
// event that is in the journal, and is not given when that is read again.
type Notice struct {
	// Session and Name are the session's.
	Session, Name string
	// What is [Asks], [Finished] or [Failed].
	What string
	// Text is a line.
	Text string
	// Card is the permission card that waits for an answer.
	Card string
}

// What a notice is of.
const (
	Asks     = "waiting"
	Finished = "finished"
	Failed   = "failed"
)

// longTurn is how long an agent has worked, in milliseconds, when its end is worth a
// notice.
const longTurn = 10_000

// noticeOf gives the notice that a card is worth; without What there is none.
func noticeOf(c card.Card) (n Notice) {
	line, _, _ := strings.Cut(c.Text, "\n")
	switch c.Kind {
	case card.KindPermission:
		var d card.PermissionData
		if c.Decode(&d) == nil && d.State == "waiting" {
			detail, _, _ := strings.Cut(d.Detail, "\n")
			n = Notice{What: Asks, Text: strings.TrimSpace(d.Tool + ": " + detail), Card: c.ID}
		}
	case card.KindError:
		n = Notice{What: Failed, Text: line}
	case card.KindNotice:
		var d card.NoticeData
		if c.Decode(&d) == nil && d.Millis >= longTurn {
			n = Notice{What: Finished, Text: line}
		}
	}
	return n
}

// notify tells the owner, unless they see the session's terminal. x.mu is held.
func (s *Service) notify(x *session, n Notice) {
	if s.o.Tell == nil || n.What == "" || x.f.owner.Subject == "" {
		return
	}
	for _, w := range x.size.Watchers {
		if w.Role == hold.Owner && w.Visible {
			return
		}
	}
	n.Session, n.Name = x.id, x.f.Name
	s.o.Tell(x.f.owner, n)
}
