package smtp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
	"github.com/openova-io/sandbox/web/identity/smtp"
)

// received is a mail as the server has it.
type received struct {
	user, from string
	to         []string
	encrypted  bool
	raw        string
}

// server is a mail server that knows one user.
type server struct {
	mails chan received
	code  int // refuse every recipient with it
}

func (s *server) NewSession(c *gosmtp.Conn) (gosmtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &session{server: s, mail: received{encrypted: encrypted}}, nil
}

type session struct {
	server *server
	mail   received
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "sandbox" || password != "open sesame" {
			return errors.New("wrong password")
		}
		s.mail.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *gosmtp.MailOptions) error { s.mail.from = from; return nil }

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	if s.server.code != 0 {
		return &gosmtp.SMTPError{Code: s.server.code, Message: "no"}
	}
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	s.mail.raw = string(raw)
	s.server.mails <- s.mail
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// serve starts a mail server with a certificate for 127.0.0.1, and gives its address
// and who trusts it. implicit is TLS from the beginning.
func serve(t *testing.T, s *server, implicit, encrypted bool) (address string, trust *tls.Config) {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS() // for its certificate
	t.Cleanup(web.Close)
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificate := &tls.Config{Certificates: web.TLS.Certificates}
	if implicit {
		l = tls.NewListener(l, certificate)
	}
	g := gosmtp.NewServer(s)
	g.Domain, g.ReadTimeout, g.WriteTimeout = "mail.example.org", 10*time.Second, 10*time.Second
	if encrypted {
		g.TLSConfig = certificate
	}
	go func() { _ = g.Serve(l) }()
	t.Cleanup(func() { _ = g.Close() })
	return l.Addr().String(), &tls.Config{RootCAs: roots}
}

var letter = identity.Mail{To: "layla@example.org", Subject: "Sign in to the house", Text: "Your code is 123456\n\nhttps://sandbox.example.org/signin#" + strings.Repeat("x", 600) + "\n"}

// A mail goes through, encrypted both ways, from the sender to the one recipient.
func TestSend(t *testing.T) {
	for _, scheme := range []string{"smtp", "smtps"} {
		t.Run(scheme, func(t *testing.T) {
			s := &server{mails: make(chan received, 1)}
			address, trust := serve(t, s, scheme == "smtps", true)
			m, err := smtp.New(smtp.Options{URL: scheme + "://sandbox@" + address, Password: "open sesame", From: "OpenOva Sandbox <sandbox@example.org>", TLS: trust})
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Send(t.Context(), letter); err != nil {
				t.Fatal(err)
			}
			got := <-s.mails
			if got.user != "sandbox" || !got.encrypted || got.from != "sandbox@example.org" || len(got.to) != 1 || got.to[0] != letter.To {
				t.Errorf("it came as %+v", got)
			}
			read, err := mail.ReadMessage(strings.NewReader(got.raw))
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range map[string]string{"Subject": letter.Subject, "To": "<layla@example.org>", "Auto-Submitted": "auto-generated"} {
				if read.Header.Get(name) != want {
					t.Errorf("%s is %q", name, read.Header.Get(name))
				}
			}
			if read.Header.Get("Date") == "" || read.Header.Get("Message-ID") == "" {
				t.Error("it has no date or id")
			}
		})
	}
}

// Somebody signs in with the code that comes by SMTP.
func TestSignInBySMTP(t *testing.T) {
	s := &server{mails: make(chan received, 1)}
	address, trust := serve(t, s, false, true)
	m, err := smtp.New(smtp.Options{URL: "smtp://sandbox@" + address, Password: "open sesame", From: "sandbox@example.org", TLS: trust})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	id, err := identity.Open(t.Context(), identity.Options{Secrets: identitytest.Ours(), Issuer: "https://sandbox.example.org", Journal: j, Mailer: m, SignUp: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- id.Run(ctx) }()
	defer func() { cancel(); <-done }()
	challenge, err := id.AskCode("layla@example.org", "")
	if err != nil {
		t.Fatal(err)
	}
	read, err := mail.ReadMessage(strings.NewReader((<-s.mails).raw))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	if err != nil {
		t.Fatal(err)
	}
	session, _, err := id.RedeemCode(t.Context(), challenge.Token, regexp.MustCompile(`\b\d{6}\b`).FindString(string(body)), identity.SignIn{})
	if err != nil || session.Actor.Email != "layla@example.org" || !session.Actor.EmailVerified {
		t.Errorf("she is %+v: %v", session.Actor, err)
	}
}

func TestRefusals(t *testing.T) {
	for name, x := range map[string]struct {
		code     int
		password string
		want     fault.Code
	}{
		"no such mailbox": {550, "open sesame", fault.Invalid},
		"mailbox busy":    {450, "open sesame", fault.Unavailable},
		"wrong password":  {0, "open barley", fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{mails: make(chan received, 1), code: x.code}
			address, trust := serve(t, s, true, true)
			m, err := smtp.New(smtp.Options{URL: "smtps://sandbox@" + address, Password: x.password, From: "sandbox@example.org", TLS: trust})
			if err != nil {
				t.Fatal(err)
			}
			err = m.Send(t.Context(), letter)
			if fault.CodeOf(err) != x.want || strings.Contains(err.Error(), x.password) {
				t.Errorf("it says %v", err)
			}
		})
	}
}

// Nothing is said to a server that is not the one that it should be.
func TestCertificate(t *testing.T) {
	s := &server{mails: make(chan received, 1)}
	for _, scheme := range []string{"smtp", "smtps"} {
		address, _ := serve(t, s, scheme == "smtps", true)
		m, err := smtp.New(smtp.Options{URL: scheme + "://sandbox@" + address, Password: "open sesame", From: "sandbox@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Send(t.Context(), letter); fault.CodeOf(err) != fault.Unavailable || len(s.mails) != 0 {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []smtp.Options{
		{URL: "", From: "a@example.org"}, {URL: "http://example.org", From: "a@example.org"}, {URL: "smtp://user:secret@example.org", From: "a@example.org"},
		{URL: "smtp://example.org", From: "nobody"}, {URL: "smtp://user@example.org", From: "a@example.org"}, {URL: "smtp://example.org:0", From: "a@example.org"},
		{URL: "smtp://example.org/x", From: "a@example.org"},
	} {
		if _, err := smtp.New(o); fault.CodeOf(err) != fault.Invalid || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := smtp.New(smtp.Options{URL: "smtp://user@example.org", Password: "x", From: "A <a@example.org>"}); err != nil {
		t.Error(err)
	}
}
