package identity

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

const (
	// sessionTTL is how long a person stays signed in; upstream's is 8 hours.
	sessionTTL = 8 * time.Hour
	// ownerSessionTTL is longer, as the local owner has no other way to sign in
	// than to go back to the terminal.
	ownerSessionTTL = 7 * 24 * time.Hour
	// accessTTL is how long a session's access token lives; upstream's.
	accessTTL = 15 * time.Minute
	// refreshGrace is how long the refresh token that was just used is still taken,
	// and gives the same successor: two tabs refresh at the same moment.
	refreshGrace = 30 * time.Second
	// maxSessions is how many sessions are remembered before the ended ones are
	// forgotten.
	maxSessions = 10000
)

// Session is what a browser keeps of a sign-in: an access token that lives for
// minutes, and a refresh token that works once and gives the next pair.
type Session struct {
	// ID is the sign-in's.
	ID              string
	Access, Refresh string
	// Expires is when the person has to sign in again.
	Expires time.Time
	// Actor is who has signed in.
	Actor journal.Actor
}

// The events of a sign-in's aggregate, signin.<sid>.
const (
	eventSessionStarted = "identity.session.started"
	eventSessionRotated = "identity.session.rotated"
	eventSessionMoved   = "identity.session.moved"
	eventSessionEnded   = "identity.session.ended"
)

// SignIn is how and with what somebody signs in.
type SignIn struct {
	// Method is link, handover, email, invitation, guest, oauth for a program, or oidc
	// and the provider's id.
	Method string `json:"method,omitempty"`
	// Agent is what the browser says that it is, cut to 200 characters.
	Agent string `json:"agent,omitempty"`
	// Groups are the person's at the provider that signed them in.
	Groups []string `json:"groups,omitempty"`
}

// sessionStarted is sealed with its person's key.
type sessionStarted struct {
	Actor journal.Actor `json:"actor"`
	// Role is that of somebody who is no member of an Organization. A member's is what
	// the Organization says at each request.
	Role    string    `json:"role,omitempty"`
	Expires time.Time `json:"expires"`
	// Grant is set where a person let a program in; nil is the person themselves.
	Grant *grant `json:"grant,omitempty"`
	SignIn
}

// sessionMoved says that the person now works in another Organization.
type sessionMoved struct {
	OrgID string `json:"orgId"`
}

// sessionRotated says that the refresh token of the generation before was used.
type sessionRotated struct {
	Generation int `json:"generation"`
}

// sessionEnded has the reason: signed-out, ended for one that was ended from
// elsewhere, replaced for one in whose browser somebody has signed in, removed for
// somebody who is no member any more, revoked by a program that was let in, erased
// with its person, or reused for a refresh token or an authorization code that was
// used again, which is how a stolen one shows.
type sessionEnded struct {
	Reason string `json:"reason"`
}

// sessions are the sign-ins that were seen here, as the journal has them.
type sessions struct {
	journal *journal.Journal // nil: they end with the process
	now     func() time.Time
	held    *holds

	mu   sync.Mutex
	byID map[string]*storedSession
}

// storedSession is the fold of one sign-in's events.
type storedSession struct {
	sessionStarted
	startedAt  time.Time
	generation int
	rotatedAt  time.Time
	ended      bool
	seq        uint64
}

// start begins a session of the actor's. role is that of who is no member.
func (id *Identity) start(ctx context.Context, actor journal.Actor, role string, how SignIn) (Session, error) {
	now, ttl := id.options.Now().UTC().Truncate(time.Second), sessionTTL
	if actor.LocalOwner {
		ttl = ownerSessionTTL
	}
	if r := []rune(how.Agent); len(r) > 200 {
		how.Agent = string(r[:200])
	}
	d := sessionStarted{Actor: actor, Role: role, Expires: now.Add(ttl), SignIn: how}
	sid, err := id.begin(ctx, d, now)
	if err != nil {
		return Session{}, err
	}
	return id.pair(sid, storedSession{sessionStarted: d})
}

// begin writes a session down, and gives its id.
func (id *Identity) begin(ctx context.Context, d sessionStarted, now time.Time) (string, error) {
	sid := uuid.NewString()
	public := d.Actor
	public.Email, public.EmailVerified = "", false
	e := journal.New(eventSessionStarted, d).By(public).Of(public.Subject)
	e.TenantID, e.Timestamp = public.OrgID, now
	if err := id.sessions.append(ctx, sid, 0, e); err != nil {
		return "", err
	}
	if id.options.Journal == nil || d.Role == RoleGuest {
		return sid, nil
	}
	return sid, id.people.signedIn(ctx, public.Subject, personSignedIn{SessionID: sid, OrgID: public.OrgID, Expires: d.Expires})
}

// standing is the role of a session's person as it is now, with what it grants.
func (id *Identity) standing(actor journal.Actor, role string) (string, []string, bool) {
	plan := PlanEnterprise
	switch {
	case actor.LocalOwner:
		role = RoleSovereignAdmin
	case actor.OrgID != "" && id.options.Journal != nil:
		var member bool
		if role, plan, member = id.orgs.member(actor.OrgID, actor.Subject); !member {
			return "", nil, false
		}
	}
	return role, Grants(role, plan), true
}

// pair makes the tokens of a session's newest generation. The refresh token is a
// keyed hash, so that two who ask at once get the same.
func (id *Identity) pair(sid string, x storedSession) (Session, error) {
	key, err := id.ring.signing()
	if err != nil {
		return Session{}, err
	}
	role, grants, ok := id.standing(x.Actor, x.Role)
	if !ok {
		return Session{}, sessionOver()
	}
	now := id.options.Now()
	c := id.sessionClaims(x.Actor, role, now, min(accessTTL, x.Expires.Sub(now)))
	c.SessionID, c.Groups, c.Capabilities = sid, x.Groups, grants
	purpose := forRefresh
	if x.Grant != nil {
		x.Grant.limit(&c)
		purpose = forGrant
	}
	access, err := signWith(key, c)
	if err != nil {
		return Session{}, err
	}
	return Session{ID: sid, Access: access, Refresh: key.next(purpose, sid, x.generation), Expires: x.Expires, Actor: x.Actor}, nil
}

// The purposes of the secrets by which a session goes on; one is good for no other.
const (
	forRefresh = "refresh"            // a browser's
	forGrant   = "grant-refresh"      // a program's
	forAccess  = "authorization-code" // a program's first
)

// next is the secret by which a session goes on from a generation.
func (k *signingKey) next(purpose, sid string, generation int) string {
	g := strconv.Itoa(generation)
	return strings.Join([]string{k.KID, sid, g, base64.RawURLEncoding.EncodeToString(k.mac(purpose, sid, g))}, ".")
}

func sessionOver() *fault.Error {
	return fault.New(fault.Unauthenticated, "you are not signed in, or your session has ended").Do("Sign in again.")
}

// readNext gives the session and generation of a secret that is ours.
func (id *Identity) readNext(purpose, token string) (sid string, generation int, ok bool) {
	part := strings.Split(token, ".")
	if len(token) > 256 || len(part) != 4 {
		return "", 0, false
	}
	key := id.ring.named(part[0])
	mac, err := base64.RawURLEncoding.Strict().DecodeString(part[3])
	if key == nil || err != nil || !hmac.Equal(mac, key.mac(purpose, part[1], part[2])) {
		return "", 0, false
	}
	generation, err = strconv.Atoi(part[2])
	return part[1], generation, err == nil
}

// Refresh gives the next tokens for a refresh token, which works once. For 30
// seconds it gives the same successor again. After that its use is taken for a
// theft, and ends the session for whoever has it.
func (id *Identity) Refresh(ctx context.Context, token string) (Session, error) {
	sid, generation, ok := id.readNext(forRefresh, token)
	if !ok {
		return Session{}, sessionOver()
	}
	return id.goOn(ctx, sid, generation, refreshGrace)
}

// goOn gives the tokens of a session's next generation, once, and within grace the
// same ones again.
func (id *Identity) goOn(ctx context.Context, sid string, generation int, grace time.Duration) (Session, error) {
	over := sessionOver()
	for range 8 {
		x, ok, err := id.sessions.get(ctx, sid)
		if err == nil && ok && generation > x.generation { // another instance has rotated it
			if err = id.sessions.load(ctx, sid); err == nil {
				x, ok, err = id.sessions.get(ctx, sid)
			}
		}
		now := id.options.Now()
		switch {
		case err != nil:
			return Session{}, err
		case !ok || x.ended || !now.Before(x.Expires) || generation > x.generation:
			return Session{}, over
		case generation == x.generation:
			e := journal.New(eventSessionRotated, sessionRotated{generation + 1}).By(journal.Actor{Kind: journal.System})
			e.Timestamp, e.TenantID = now.UTC(), x.Actor.OrgID
			if err = id.sessions.append(ctx, sid, x.seq, e); err == nil {
				x.generation++
				return id.pair(sid, x)
			}
		case generation == x.generation-1 && now.Sub(x.rotatedAt) <= grace:
			return id.pair(sid, x)
		default:
			if err := id.endSession(ctx, sid, "reused"); err != nil {
				return Session{}, err
			}
			return Session{}, fault.New(fault.Unauthenticated, "your session was ended, because its refresh token was used a second time").
				Do("Sign in again. If this was not you in an old tab, somebody had a copy.")
		}
		if fault.CodeOf(err) == fault.Conflict { // somebody was faster: look again
			err = id.sessions.load(ctx, sid)
		}
		if err != nil {
			return Session{}, err
		}
	}
	return Session{}, fault.New(fault.Unavailable, "the session is too busy to be refreshed").Do("Try again.")
}

// SignOut ends the session of a request, for all who have its tokens.
func (id *Identity) SignOut(r *http.Request) error { return id.leave(r, "signed-out") }

func (id *Identity) leave(r *http.Request, reason string) error {
	if cookie, err := r.Cookie(id.refreshCookie()); err == nil {
		if sid, _, ok := id.readNext(forRefresh, cookie.Value); ok {
			return id.endSession(r.Context(), sid, reason)
		}
	}
	if c, err := id.FromRequest(r); err == nil && c.Type == TypeSession && c.SessionID != "" {
		return id.endSession(r.Context(), c.SessionID, reason)
	}
	return nil
}

func (id *Identity) endSession(ctx context.Context, sid, reason string) error {
	for range 8 {
		x, ok, err := id.sessions.get(ctx, sid)
		if err != nil || !ok || x.ended {
			return err
		}
		e := journal.New(eventSessionEnded, sessionEnded{reason}).By(journal.Actor{Kind: journal.System})
		e.TenantID = x.Actor.OrgID
		if err = id.sessions.append(ctx, sid, x.seq, e); fault.CodeOf(err) == fault.Conflict {
			err = id.sessions.load(ctx, sid)
		}
		if err != nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, "the session is too busy to be ended").Do("Try again.")
}

// Authenticate names the caller of a request as [Identity.FromRequest] does. Where
// a browser's access token has ended and its refresh token is good, the answer
// carries the next pair, so that a page needs to know nothing of it.
func (id *Identity) Authenticate(w http.ResponseWriter, r *http.Request, secure bool) (Claims, error) {
	c, err := id.FromRequest(r)
	cookie, missing := r.Cookie(id.refreshCookie())
	if fault.CodeOf(err) != fault.Unauthenticated || missing != nil || r.Header.Get("Authorization") != "" {
		return c, err
	}
	s, err := id.Refresh(r.Context(), cookie.Value)
	if err != nil {
		return Claims{}, err
	}
	id.SetCookies(w, s, secure)
	if c, err = id.Verify(s.Access); err != nil {
		return Claims{}, err
	}
	return id.current(r.Context(), c)
}

// CookieName is the name of the cookie with the access token. By https it has the
// prefix by which a browser takes it from this very host alone: another host of the
// same domain, such as an app of the same Sovereign, cannot plant one.
func (id *Identity) CookieName() string {
	if strings.HasPrefix(id.options.Issuer, "https://") {
		return "__Host-sandbox_" + id.ring.instance
	}
	return "sandbox_" + id.ring.instance
}

func (id *Identity) refreshCookie() string { return id.CookieName() + "_refresh" }

// SetCookies signs a browser in.
func (id *Identity) SetCookies(w http.ResponseWriter, s Session, secure bool) {
	for name, value := range map[string]string{id.CookieName(): s.Access, id.refreshCookie(): s.Refresh} {
		http.SetCookie(w, &http.Cookie{
			Name: name, Value: value, Path: "/", Expires: s.Expires,
			HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
		})
	}
}

// ClearCookies signs a browser out.
func (id *Identity) ClearCookies(w http.ResponseWriter, secure bool) {
	for _, name := range []string{id.CookieName(), id.refreshCookie()} {
		http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode})
	}
}

// sessionClaims are those of a session token.
func (id *Identity) sessionClaims(actor journal.Actor, role string, now time.Time, ttl time.Duration) Claims {
	return Claims{
		Issuer: id.options.Issuer, Subject: actor.Subject, Audience: jwt.Audience{id.options.Audience},
		ID: uuid.NewString(), IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(ttl)),
		Type: TypeSession, Email: actor.Email, EmailVerified: actor.EmailVerified, Role: role,
		OrgID: actor.OrgID, LocalOwner: actor.LocalOwner, Capabilities: Grants(role, PlanEnterprise),
	}
}

// get gives a copy of a session, which is read where it was not seen before.
func (s *sessions) get(ctx context.Context, sid string) (storedSession, bool, error) {
	s.mu.Lock()
	x := s.byID[sid]
	s.mu.Unlock()
	if x == nil && s.journal != nil {
		if err := s.load(ctx, sid); err != nil {
			return storedSession{}, false, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if x = s.byID[sid]; x == nil {
		return storedSession{}, false, nil
	}
	return *x, true, nil
}

// current gives the claims of a session's token with what the person may do now,
// whatever they might when it was signed. A token without a session, which only
// programs of the house make, has none that could end.
func (id *Identity) current(ctx context.Context, c Claims) (Claims, error) {
	if c.SessionID == "" {
		return c, nil
	}
	if err := id.sessions.good(ctx, c); err != nil {
		return Claims{}, err
	}
	x, _, err := id.sessions.get(ctx, c.SessionID)
	if err != nil {
		return Claims{}, err
	}
	role, grants, ok := id.standing(x.Actor, x.Role)
	if !ok || x.Actor.OrgID != c.OrgID { // the next token names the right one
		return Claims{}, sessionOver()
	}
	c.Role, c.Capabilities = role, grants
	if x.Grant != nil {
		c.Capabilities = Intersect(grants, x.Grant.Capabilities)
	}
	return c, nil
}
