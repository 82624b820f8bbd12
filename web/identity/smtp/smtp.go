// Package smtp sends the mails of sign-ins and invitations by SMTP (RFC 5321).
//
// A connection is made for each mail. It is encrypted, by STARTTLS or from the
// beginning, and the server proves its name; only a relay on this machine may do
// without. What a mail says comes from [identity.Mail]; this package only carries it.
package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"

	"github.com/wneessen/go-mail"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/web/identity"
)

// Options say where mails go.
type Options struct {
	// URL is smtp://user@host:587 for STARTTLS or smtps://user@host:465 for TLS from
	// the beginning; user and port may be left out. It has no password.
	URL string
	// Password is the user's.
	Password string
	// From is the sender, e.g. "OpenOva Sandbox <sandbox@example.org>".
	From string
	// TLS is for servers with certificates of an authority of their own; nil trusts
	// what the system does.
	TLS *tls.Config
}

// Mailer is an [identity.Mailer] by SMTP. It is safe for concurrent use.
type Mailer struct {
	host    string
	options []mail.Option
	from    string
}

// New reads the options and connects to nothing yet. Faults: [fault.Invalid].
func New(o Options) (*Mailer, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" {
		return nil, fault.New(fault.Invalid, "the mail server is not given as smtp://user@host:587 or smtps://user@host:465")
	}
	if _, given := u.User.Password(); given {
		return nil, fault.New(fault.Invalid, "the mail server's address has a password in it").Do("Put it into a file and name that.")
	}
	if _, err := netmail.ParseAddress(o.From); err != nil {
		return nil, fault.New(fault.Invalid, "the sender of mails, %q, is not an address such as sandbox@example.org", o.From)
	}
	m := &Mailer{host: u.Hostname(), from: o.From}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		config = o.TLS.Clone()
	}
	config.ServerName = m.host
	m.options = []mail.Option{mail.WithTLSConfig(config), mail.WithoutNoop()}
	switch {
	case u.Scheme == "smtps":
		m.options = append(m.options, mail.WithSSLPort(false))
	case local(m.host):
		m.options = append(m.options, mail.WithTLSPortPolicy(mail.TLSOpportunistic))
	default:
		m.options = append(m.options, mail.WithTLSPortPolicy(mail.TLSMandatory))
	}
	if u.Port() != "" {
		port, err := strconv.Atoi(u.Port())
		if err != nil || port < 1 || port > 65535 {
			return nil, fault.New(fault.Invalid, "the mail server's port is %q", u.Port())
		}
		m.options = append(m.options, mail.WithPort(port))
	}
	switch user := u.User.Username(); {
	case user != "" && o.Password == "":
		return nil, fault.New(fault.Invalid, "the mail server wants the password of %s, and there is none", user)
	case user != "":
		m.options = append(m.options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(user), mail.WithPassword(o.Password))
	}
	_, err = mail.NewClient(m.host, m.options...)
	return m, fault.Wrap(err, fault.Invalid, "the mail server's address cannot be used")
}

// local is true for this machine, which no wire leads to.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send implements [identity.Mailer]. A refusal for good is [fault.Invalid], anything
// else [fault.Unavailable].
func (m *Mailer) Send(ctx context.Context, letter identity.Mail) error {
	out := mail.NewMsg()
	if err := out.From(m.from); err != nil {
		return fault.Wrap(err, fault.Invalid, "the sender of mails is not an address")
	}
	if err := out.To(letter.To); err != nil {
		return fault.Wrap(err, fault.Invalid, "the mail's address is none")
	}
	out.Subject(letter.Subject)
	out.SetDate()
	out.SetMessageID()
	out.SetGenHeader("Auto-Submitted", "auto-generated") // no out-of-office replies (RFC 3834)
	out.SetBodyString(mail.TypeTextPlain, letter.Text)
	client, err := mail.NewClient(m.host, m.options...)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the mail server's address cannot be used")
	}
	if err := client.DialAndSendWithContext(ctx, out); err != nil {
		if refused := (*mail.SendError)(nil); errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500 {
			return fault.Wrap(err, fault.Invalid, "the mail server refuses the mail")
		}
		return fault.Wrap(err, fault.Unavailable, "the mail server does not take the mail")
	}
	return nil
}
