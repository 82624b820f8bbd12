package identity

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	// codeTTL is how long a code and its link are good; upstream's.
	codeTTL = 5 * time.Minute
	// codeTries is how many wrong codes end it; upstream's.
	codeTries = 5
)

// The purposes of slips.
const (
	forChallenge  = "challenge"
	forCode       = "code"
	forLink       = "link"
	forInvitation = "invitation"
)

// Challenge is a sign-in that waits for its code. It is the same for an address
// that is known here and for one that is not.
type Challenge struct {
	// Token is to be sent back with the code.
	Token     string    `json:"challenge"`
	ExpiresAt time.Time `json:"expires_at"`
	// ID tells the browser in which it began; see [MailLink].
	ID string `json:"-"`
}

// MailLink is what the link of a sign-in mail stands for.
type MailLink struct {
	Email string
	// ID is the challenge's: in the browser that asked, the link needs no further
	// press. In another one, somebody may be signing a person in as somebody else.
	ID string
}

// challenge is the slip of a sign-in by e-mail.
type challenge struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Until int64  `json:"until"`
	// Next is where the person wanted to go.
	Next string `json:"next,omitempty"`
}

// The events of a challenge's aggregate, challenge.<id>. There is none before the
// first code that comes back.
const (
	eventCodeMissed = "identity.code.missed"
	eventCodeUsed   = "identity.code.used"
)

// nextPaths are where a sign-in may lead: pages of the app.
var nextPaths = regexp.MustCompile(`^/(start|authorize|sandbox|sandbox/[a-z]{1,20})(\?c=[a-z0-9-]{4,64})?(#[A-Za-z0-9=&_-]{0,200})?$`)

// Next gives a path that a sign-in may lead to: the one that is wanted if it is a
// page of the app, and nothing otherwise. Another site's address is no path.
func Next(wanted string) string {
	if nextPaths.MatchString(wanted) {
		return wanted
	}
	return ""
}

// AskCode begins a sign-in by e-mail: a mail with a code of six digits and a link
// goes to the address, if somebody with it may come in. The answer and the time it
// takes tell nothing of that. Faults: [fault.Invalid] for the address,
// [fault.Unavailable].
func (id *Identity) AskCode(email, next string) (Challenge, error) {
	email, err := Address(email)
	if err != nil {
		return Challenge{}, err
	}
	if !id.Mails() {
		return Challenge{}, fault.New(fault.Unavailable, "this service signs nobody in by e-mail")
	}
	c := challenge{ID: uuid.NewString(), Email: email, Until: id.options.Now().Add(codeTTL).Unix(), Next: Next(next)}
	s, err := id.newSlip(c)
	if err != nil {
		return Challenge{}, err
	}
	err = id.drop(func(ctx context.Context) (Mail, bool, error) {
		if welcome, err := id.welcome(ctx, email); err != nil || !welcome {
			return Mail{}, false, err
		}
		m, err := write("code", email, map[string]any{"Code": s.code(), "Link": id.link("signin", s.text(forLink))})
		return m, err == nil, err
	})
	return Challenge{Token: s.text(forChallenge), ID: c.ID, ExpiresAt: time.Unix(c.Until, 0).UTC()}, err
}

// code is six digits that only this instance can work out.
func (s slip) code() string {
	return fmt.Sprintf("%06d", binary.BigEndian.Uint64(s.key.mac(forCode, s.payload))%1_000_000)
}

// welcome tells whether somebody with the address may come in.
func (id *Identity) welcome(ctx context.Context, email string) (bool, error) {
	if id.options.SignUp {
		return true, nil
	}
	subject, ok, err := id.people.find(ctx, byEmail, email)
	return ok && len(id.orgs.of(subject)) > 0, err
}

func badCode() error {
	return fault.New(fault.Unauthenticated, "this code is not right, or not good any more").Do("Look at the newest mail, or ask for a new code.")
}

// RedeemCode gives a session for a code, once, and where the person wanted to go.
// Five wrong ones end it. Faults: [fault.Unauthenticated], the same for all.
func (id *Identity) RedeemCode(ctx context.Context, token, code string, how SignIn) (Session, string, error) {
	var c challenge
	s, ok := id.readSlip(forChallenge, token, &c)
	if !ok {
		return Session{}, "", badCode()
	}
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' {
			return -1 // as people write it
		}
		return r
	}, code)
	right := subtle.ConstantTimeCompare([]byte(code), []byte(s.code())) == 1
	return id.redeem(ctx, c, right, how)
}

// ReadLink says what the link of a sign-in mail stands for, without using it up.
func (id *Identity) ReadLink(token string) (MailLink, error) {
	var c challenge
	if _, ok := id.readSlip(forLink, token, &c); !ok {
		return MailLink{}, badLink()
	}
	return MailLink{Email: c.Email, ID: c.ID}, nil
}

func badLink() error {
	return fault.New(fault.Unauthenticated, "this link is not good any more, or not ours").Do("Ask for a new one.")
}

// RedeemLink gives a session for the link of a mail, once; the mail's code is used
// up with it.
func (id *Identity) RedeemLink(ctx context.Context, token string, how SignIn) (Session, string, error) {
	var c challenge
	if _, ok := id.readSlip(forLink, token, &c); !ok {
		return Session{}, "", badLink()
	}
	s, next, err := id.redeem(ctx, c, true, how)
	if fault.CodeOf(err) == fault.Unauthenticated {
		err = badLink()
	}
	return s, next, err
}

// redeem uses a challenge up, or counts a wrong try.
func (id *Identity) redeem(ctx context.Context, c challenge, right bool, how SignIn) (Session, string, error) {
	used, err := id.use(ctx, c, right)
	if err != nil {
		return Session{}, "", err
	}
	if !used {
		return Session{}, "", badCode()
	}
	subject, err := id.people.known(ctx, c.Email)
	if err != nil {
		return Session{}, "", err
	}
	how.Method = "email"
	session, err := id.enter(ctx, subject, c.Email, "", how)
	return session, c.Next, err
}

// use appends what came of a try. The journal lets one through at a time, so that
// many at once are no more tries than one after the other.
func (id *Identity) use(ctx context.Context, c challenge, right bool) (bool, error) {
	aggregate := "challenge." + c.ID
	for range 2 * codeTries {
		if id.options.Now().Unix() >= c.Until {
			return false, nil
		}
		events, err := id.options.Journal.Load(ctx, aggregate)
		if err != nil {
			return false, err
		}
		var last uint64
		for _, e := range events {
			if last = e.Seq; e.Type == eventCodeUsed {
				return false, nil
			}
		}
		if len(events) >= codeTries {
			return false, nil
		}
		kind := eventCodeMissed
		if right {
			kind = eventCodeUsed
		}
		e := journal.New(kind, struct{}{}).By(journal.Actor{Kind: journal.System})
		e.Source = "sandbox/identity"
		if _, err = id.options.Journal.Append(ctx, aggregate, last, e); fault.CodeOf(err) != fault.Conflict {
			return right && err == nil, err
		}
	}
	return false, nil
}
