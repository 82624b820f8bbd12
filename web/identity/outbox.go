package identity

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// shownMails is how many mails the outbox shows.
const shownMails = 50

// Outbox keeps the mails of a service that has no mail system, for the owner of its
// data directory to read. They are sealed with the key of the person that they are
// for. It is a [Mailer].
type Outbox struct {
	journal *journal.Journal
	people  people
}

// NewOutbox makes the outbox of a journal.
func NewOutbox(j *journal.Journal) *Outbox { return &Outbox{j, people{j}} }

// KeptMail is a mail in the outbox.
type KeptMail struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	Mail
}

// nobodys is whose key seals a mail to somebody who is not known.
const nobodys = "outbox"

const eventMailKept = "identity.mail.kept"

// Send implements [Mailer].
func (o *Outbox) Send(ctx context.Context, m Mail) error {
	subject, ok, err := o.people.find(ctx, byEmail, m.To)
	if err != nil {
		return err
	}
	if !ok {
		subject = nobodys
	}
	// Ids grow with time, so that the newest are found by name.
	name, err := uuid.NewV7()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "a mail cannot be named")
	}
	e := journal.New(eventMailKept, m).By(journal.Actor{Kind: journal.System}).Of(subject)
	e.Source = "sandbox/identity"
	_, err = o.journal.Append(ctx, "mail."+name.String(), 0, e)
	return err
}

// Mails are the newest 50, the newest first.
func (o *Outbox) Mails(ctx context.Context) ([]KeptMail, error) {
	ids, err := o.journal.List(ctx, "mail")
	if err != nil {
		return nil, err
	}
	slices.Reverse(ids)
	out := []KeptMail{}
	for _, id := range ids[:min(len(ids), shownMails)] {
		events, err := o.journal.Load(ctx, "mail."+id)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			k := KeptMail{ID: id, At: e.Timestamp}
			if e.Erased() || e.Decode(&k.Mail) != nil {
				continue
			}
			out = append(out, k)
		}
	}
	return out, nil
}
