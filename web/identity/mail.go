package identity

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Mail is a mail to one person, in plain text.
type Mail struct {
	// To is an address as [Address] gives it.
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// Mailer sends mails. A fault that is not [fault.Unavailable] means that this mail
// will never get through.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

//go:embed mails
var mailFiles embed.FS

// mailTexts are the texts of the mails, a file per language.
var mailTexts = template.Must(template.New("").Option("missingkey=error").ParseFS(mailFiles, "mails/en.txt"))

// service is what mails call this.
const service = "OpenOva Sandbox"

// write gives a mail of a kind. What is filled in ends no line of the subject.
func write(kind, to string, with map[string]any) (Mail, error) {
	with["Service"], with["To"] = service, to
	m := Mail{To: to}
	for part, into := range map[string]*string{"subject": &m.Subject, "text": &m.Text} {
		var b strings.Builder
		if err := mailTexts.ExecuteTemplate(&b, kind+" "+part, with); err != nil {
			return Mail{}, fault.Wrap(err, fault.Internal, "a mail could not be written")
		}
		*into = b.String()
	}
	m.Subject = strings.Join(strings.Fields(m.Subject), " ")
	return m, nil
}

const (
	// maxLetters is how many mails may wait to be sent.
	maxLetters = 1000
	// posters is how many are sent at a time.
	posters = 4
	// sendWithin is how long a mail system may take for one.
	sendWithin = 30 * time.Second
)

// sendAgain are the pauses before a mail is sent again that did not get through.
var sendAgain = []time.Duration{time.Second, 10 * time.Second, time.Minute}

// letter makes a mail, where there is one to make, when its turn comes: whether an
// address is known takes a request no time.
type letter func(ctx context.Context) (Mail, bool, error)

// drop lets a letter wait its turn.
func (id *Identity) drop(l letter) error {
	select {
	case id.letters <- l:
		return nil
	default:
		return fault.New(fault.Unavailable, "too many mails wait to be sent").Do("Try again in a few minutes.")
	}
}

// post sends what waits, until ctx ends.
func (id *Identity) post(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for range posters {
		all.Go(func() { // ends with ctx
			for {
				select {
				case <-ctx.Done():
					return
				case l := <-id.letters:
					id.deliver(ctx, l)
				}
			}
		})
	}
}

func (id *Identity) deliver(ctx context.Context, l letter) {
	for again := 0; ; again++ {
		m, wanted, err := l(ctx)
		if err == nil && wanted {
			err = id.send(ctx, m)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		last := again >= len(sendAgain) || fault.CodeOf(err) != fault.Unavailable
		id.options.Logger.Warn("a mail was not sent", slog.Bool("again", !last), slog.String("error", err.Error()))
		if last {
			return
		}
		select {
		case <-time.After(sendAgain[again]):
		case <-ctx.Done():
			return
		}
	}
}

func (id *Identity) send(ctx context.Context, m Mail) error {
	if id.options.Mailer == nil {
		return fault.New(fault.Invalid, "this service sends no mails").Do("Ask its operator to configure SMTP.")
	}
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	return id.options.Mailer.Send(ctx, m)
}

// Mails tells whether this service sends any.
func (id *Identity) Mails() bool { return id.options.Mailer != nil && id.options.Journal != nil }

// SignUp tells whether people may come in whom nobody has invited.
func (id *Identity) SignUp() bool { return id.options.SignUp }

// link is an address of the app whose secret part is after the #: it is sent to no
// server, so it stands in no log, and whoever only fetches it uses nothing up.
func (id *Identity) link(page, secret string) string {
	return fmt.Sprintf("%s/%s#%s", id.options.Issuer, page, secret)
}
