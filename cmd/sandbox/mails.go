package main

import (
	"os"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/smtp"
)

// openMails gives who sends the mails. Without a mail server the owner of the data
// directory reads them in the outbox; on a Sovereign's console nobody could, so that
// one sends none.
func openMails(c *config, j *journal.Journal) (identity.Mailer, *identity.Outbox, error) {
	switch {
	case c.SMTP == "" && c.SovereignFQDN != "":
		return nil, nil, nil
	case c.SMTP == "":
		box := identity.NewOutbox(j)
		return box, box, nil
	}
	password := os.Getenv("SMTP_PASSWORD")
	if c.SMTPPasswordFile != "" {
		raw, err := os.ReadFile(c.SMTPPasswordFile)
		if err != nil {
			return nil, nil, fault.Wrap(err, fault.Invalid, "--smtp-password-file cannot be read")
		}
		password = strings.TrimSpace(string(raw))
	}
	m, err := smtp.New(smtp.Options{URL: c.SMTP, Password: password, From: c.MailFrom})
	return m, nil, err
}
