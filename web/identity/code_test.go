package identity_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/identity/identitytest"
)

// house is a service with mails, in which time goes as the test says.
type house struct {
	*identity.Identity
	*registry
	mails identitytest.Outbox
}

func newHouse(t *testing.T, change func(*identity.Options)) *house {
	t.Helper()
	h := &house{registry: newRegistry(t), mails: make(identitytest.Outbox, 16)}
	options := identity.Options{Journal: h.Journal, Now: h.now, Mailer: h.mails, SignUp: true}
	if change != nil {
		change(&options)
	}
	h.Identity = open(t, options)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Identity.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return h
}

var (
	sixDigits = regexp.MustCompile(`\b\d{6}\b`)
	linkOf    = regexp.MustCompile(issuer + `/(signin|join)#(\S+)`)
)

// ask asks for a code and reads the mail.
func (h *house) ask(t *testing.T, email, next string) (challenge identity.Challenge, code, link string) {
	t.Helper()
	challenge, err := h.AskCode(email, next)
	if err != nil {
		t.Fatal(err)
	}
	m := <-h.mails
	found := linkOf.FindStringSubmatch(m.Text)
	if code = sixDigits.FindString(m.Text); code == "" || found == nil || strings.Contains(m.Subject, code) {
		t.Fatalf("the mail is %+v", m)
	}
	return challenge, code, found[2]
}

// signIn signs somebody in by e-mail, and gives their claims.
func (h *house) signIn(t *testing.T, email string) identity.Claims {
	t.Helper()
	challenge, code, _ := h.ask(t, email, "")
	s, _, err := h.RedeemCode(t.Context(), challenge.Token, code, identity.SignIn{Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return h.claims(t, s)
}

func (h *house) claims(t *testing.T, s identity.Session) identity.Claims {
	t.Helper()
	c, err := with(h.Identity, s.Access)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSignInByCode(t *testing.T) {
	h := newHouse(t, nil)
	challenge, code, _ := h.ask(t, " Layla@Omantel.Example ", "/start?c=4f1c")
	s, next, err := h.RedeemCode(t.Context(), challenge.Token, code[:3]+" "+code[3:], identity.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	c := h.claims(t, s)
	if c.Email != "layla@omantel.example" || !c.EmailVerified || c.Role != identity.RoleOrgAdmin || c.OrgID == "" || next != "/start?c=4f1c" || c.LocalOwner {
		t.Errorf("she is %+v, and goes to %q", c, next)
	}
	if identity.May(c, identity.Approve) != nil || identity.May(c, "identity.outbox.read") == nil {
		t.Error("she may not approve, or may read the outbox")
	}
	if _, _, err := h.RedeemCode(t.Context(), challenge.Token, code, identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the code works twice: %v", err)
	}
	again := h.signIn(t, "LAYLA@omantel.example")
	if again.Subject != c.Subject || again.OrgID != c.OrgID || again.SessionID == c.SessionID {
		t.Errorf("the second time she is %+v", again)
	}
}

func TestSignInByMailLink(t *testing.T) {
	h := newHouse(t, nil)
	challenge, code, link := h.ask(t, "layla@omantel.example", "https://evil.example/")
	read, err := h.ReadLink(link)
	if err != nil || read.Email != "layla@omantel.example" || read.ID != challenge.ID {
		t.Fatalf("the link is for %+v: %v", read, err)
	}
	if _, err := h.ReadLink(challenge.Token); err == nil {
		t.Error("the challenge is a link")
	}
	s, next, err := h.RedeemLink(t.Context(), link, identity.SignIn{})
	if err != nil || next != "" {
		t.Fatalf("it leads to %q: %v", next, err)
	}
	h.claims(t, s)
	if _, _, err := h.RedeemLink(t.Context(), link, identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the link works twice: %v", err)
	}
	if _, _, err := h.RedeemCode(t.Context(), challenge.Token, code, identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the code works after the link: %v", err)
	}
}

// Five wrong codes end it, also when they come at once.
func TestCodeBruteForce(t *testing.T) {
	h := newHouse(t, nil)
	challenge, code, link := h.ask(t, "layla@omantel.example", "")
	var wrong atomic.Int64
	var all sync.WaitGroup
	for i := range 20 {
		guess := fmt.Sprintf("%06d", i)
		if guess == code {
			continue
		}
		all.Go(func() {
			if _, _, err := h.RedeemCode(t.Context(), challenge.Token, guess, identity.SignIn{}); fault.CodeOf(err) == fault.Unauthenticated {
				wrong.Add(1)
			}
		})
	}
	all.Wait()
	if wrong.Load() < 19 {
		t.Errorf("%d of the guesses were refused", wrong.Load())
	}
	if _, _, err := h.RedeemCode(t.Context(), challenge.Token, code, identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the right code works after them: %v", err)
	}
	if _, _, err := h.RedeemLink(t.Context(), link, identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the link works after them: %v", err)
	}
	tries, err := h.Load(t.Context(), "challenge."+challenge.ID)
	if err != nil || len(tries) != 5 {
		t.Errorf("%d tries were counted: %v", len(tries), err)
	}
}

func TestCodeEnds(t *testing.T) {
	h := newHouse(t, nil)
	challenge, code, link := h.ask(t, "layla@omantel.example", "")
	h.clock.Store(int64(5 * time.Minute))
	if _, _, err := h.RedeemCode(t.Context(), challenge.Token, code, identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the code is good after five minutes: %v", err)
	}
	if _, _, err := h.RedeemLink(t.Context(), link, identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("the link is good after five minutes: %v", err)
	}
	for _, forged := range []string{"", "a.b.c", challenge.Token + "A", strings.Repeat("x", 4096), link} {
		if _, _, err := h.RedeemCode(t.Context(), forged, code, identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%.20q: %v", forged, err)
		}
	}
}

// Where nobody may sign up, an address that is not known gets the same answer and no
// mail, and no code is right.
func TestNoEnumeration(t *testing.T) {
	h := newHouse(t, func(o *identity.Options) { o.SignUp = false })
	admin := identity.OwnerClaims(journal.Actor{Kind: journal.Human, Subject: "owner", LocalOwner: true, OrgID: identity.Home})
	if _, err := h.Invite(t.Context(), admin, identity.Home, "known@omantel.example", identity.RoleOrgDeveloper); err != nil {
		t.Fatal(err)
	}
	if _, err := h.AcceptInvitation(t.Context(), linkOf.FindStringSubmatch((<-h.mails).Text)[2], identity.SignIn{}); err != nil {
		t.Fatal(err)
	}
	unknown, err := h.AskCode("unknown@omantel.example", "")
	if err != nil {
		t.Fatal(err)
	}
	known, err := h.AskCode("known@omantel.example", "")
	if err != nil {
		t.Fatal(err)
	}
	if len(unknown.Token)-len(known.Token) > 3 || !unknown.ExpiresAt.Equal(known.ExpiresAt) {
		t.Errorf("the answers are %+v and %+v", unknown, known)
	}
	if m := <-h.mails; m.To != "known@omantel.example" {
		t.Errorf("a mail goes to %s", m.To)
	}
	if len(h.mails) != 0 {
		t.Error("the unknown one gets a mail, too")
	}
	if _, _, err := h.RedeemCode(t.Context(), unknown.Token, "000000", identity.SignIn{}); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("a code for nobody: %v", err)
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"Layla@Omantel.Example": "layla@omantel.example", " a.b+c@x.org ": "a.b+c@x.org", "info@Bücher.example": "info@xn--bcher-kva.example",
	} {
		if got, err := identity.Address(in); err != nil || got != want {
			t.Errorf("%q is %q: %v", in, got, err)
		}
	}
	for _, bad := range []string{
		"", "@", "a@", "@b.org", "a@b", "a b@c.org", "a@b.org\r\nBcc: everybody@c.org", "a\r\nBcc: b@c.org@d.org", "a@b.org,c@d.org", "a@b.org;c@d.org",
		"<a@b.org>", "A <a@b.org>", `"a b"@c.org`, "a@[127.0.0.1]", "a@127.0.0.1", "a..b@c.org", ".a@b.org", "a@-b.org", "a@b..org", "a\x00@b.org", "ä@b.org",
		"a@b.org%0aBcc:c@d.org", strings.Repeat("a", 65) + "@b.org", "a@" + strings.Repeat("b.", 130) + "org", "a(comment)@b.org",
	} {
		if got, err := identity.Address(bad); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q is taken as %q", bad, got)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@b.org", "a@b.org\r\nBcc: c@d.org", "Ä@Bücher.example", "a@xn--bcher-kva.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := identity.Address(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(a, "\r\n \t<>,;:\"\x00") || strings.Count(a, "@") != 1 {
			t.Errorf("%q is taken as %q", s, a)
		}
		if again, err := identity.Address(a); err != nil || again != a {
			t.Errorf("%q is %q and then %q: %v", s, a, again, err)
		}
	})
}

// No address of another site is a way to go on.
func TestNext(t *testing.T) {
	for _, good := range []string{"/start", "/start?c=4f1c-2", "/sandbox", "/sandbox/admin", "/sandbox#s=0a1b"} {
		if identity.Next(good) != good {
			t.Errorf("%q is not taken", good)
		}
	}
	for _, bad := range []string{
		"", "https://evil.example", "//evil.example", `/\evil.example`, "/start/../../evil", "/start?c=x&next=//evil.example", "javascript:alert(1)",
		"/%2f/evil.example", "/start@evil.example", "/start\r\nLocation: https://evil.example", "/api/v1/whoami", "/deployments/x/enter", " /start",
	} {
		if got := identity.Next(bad); got != "" {
			t.Errorf("%q leads to %q", bad, got)
		}
	}
}

// The outbox keeps mails so that nobody reads them on the disk.
func TestOutbox(t *testing.T) {
	r := newRegistry(t)
	box := identity.NewOutbox(r.Journal)
	for i := range 52 {
		if err := box.Send(t.Context(), identity.Mail{To: "layla@omantel.example", Subject: fmt.Sprint(i), Text: "the code is 271828"}); err != nil {
			t.Fatal(err)
		}
	}
	mails, err := box.Mails(t.Context())
	if err != nil || len(mails) != 50 || mails[0].Subject != "51" || mails[49].Subject != "2" || mails[0].Text != "the code is 271828" {
		t.Fatalf("%d mails: %v", len(mails), err)
	}
	for _, secret := range []string{"271828", "layla@omantel.example"} {
		if found := onDisk(t, r.dir, secret); found != "" {
			t.Errorf("%s has %s", found, secret)
		}
	}
}
