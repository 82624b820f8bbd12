package web

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
	"github.com/openova-io/sandbox/web/limit"
)

// signInLimits are how often somebody who is not signed in may ask for what costs
// something: a mail to somebody, a try, a conversation.
type signInLimits struct {
	codesByIP, codesByAddress, tries, guests, invitations *limit.Limiter
}

func newSignInLimits() signInLimits {
	return signInLimits{
		codesByIP:      limit.New(20*time.Second, 20, nil),
		codesByAddress: limit.New(10*time.Minute, 5, nil),
		tries:          limit.New(6*time.Second, 10, nil), // upstream's 10 a minute
		guests:         limit.New(time.Minute, 20, nil),
		invitations:    limit.New(time.Minute, 50, nil),
	}
}

// signInRoutes are the ways in.
func (s *Server) signInRoutes(e *echo.Echo, api *echo.Group) {
	l := newSignInLimits()
	tries := byAddress(l.tries)

	e.GET("/auth/link", s.redeemLink)
	e.GET("/auth/handover", s.receiveHandover)

	e.GET("/auth/oidc/:provider", s.toProvider)
	e.GET("/auth/oidc/:provider/callback", s.fromProvider)

	api.GET("/auth/methods", s.signInMethods)
	api.POST("/auth/code", s.askCode(l.codesByAddress), byAddress(l.codesByIP))
	api.POST("/auth/code/verify", s.verifyCode, tries)
	api.POST("/auth/mail-link", s.redeemMailLink, tries)
	api.POST("/auth/invitation", s.readInvitation, tries)
	api.POST("/auth/invitation/accept", s.acceptInvitation, tries)
	if s.options.Mode == Concierge {
		api.POST("/auth/guest", s.beGuest, byAddress(l.guests))
	}
	api.GET("/outbox", s.outbox)
}

// signInMethods says how somebody can come in here.
func (s *Server) signInMethods(c echo.Context) error {
	providers := []map[string]string{}
	for _, p := range s.options.Identity.Providers() {
		providers = append(providers, map[string]string{"id": p.ID, "name": p.Name})
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]any{
		"email": s.options.Identity.Mails(), "signUp": s.options.Identity.SignUp(), "outbox": s.options.Outbox != nil, "guest": s.guests(), "mode": s.options.Mode, "providers": providers,
	})
}

func (s *Server) guests() bool { return s.options.Mode == Concierge && s.options.Guests }

// how is what is known of the browser that signs in.
func how(c echo.Context) identity.SignIn {
	return identity.SignIn{Agent: c.Request().UserAgent()}
}

// askCode sends a mail with a code and a link, if there is somebody to send it to;
// the answer does not tell.
func (s *Server) askCode(perMailbox *limit.Limiter) echo.HandlerFunc {
	return func(c echo.Context) error {
		var in struct {
			Email string `json:"email"`
			Next  string `json:"next"`
		}
		if err := bind(c, &in); err != nil {
			return err
		}
		email, err := identity.Address(in.Email)
		if err != nil {
			return err
		}
		if wait, ok := perMailbox.Allow(email); !ok {
			return tooMany(c, wait)
		}
		challenge, err := s.options.Identity.AskCode(email, in.Next)
		if err != nil {
			return err
		}
		// By it the mail's link knows the browser that asked.
		http.SetCookie(c.Response(), s.asked(c, challenge.ID, challenge.ExpiresAt))
		c.Response().Header().Set("Cache-Control", "no-store")
		return c.JSON(http.StatusAccepted, challenge)
	}
}

func (s *Server) asked(c echo.Context, id string, until time.Time) *http.Cookie {
	return &http.Cookie{
		Name: s.options.Identity.CookieName() + "_asked", Value: id, Path: "/", Expires: until,
		HttpOnly: true, Secure: s.isSecure(c), SameSite: http.SameSiteLaxMode,
	}
}

func (s *Server) verifyCode(c echo.Context) error {
	var in struct {
		Challenge string `json:"challenge"`
		Code      string `json:"code"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	session, next, err := s.options.Identity.RedeemCode(c.Request().Context(), in.Challenge, in.Code, how(c))
	if err != nil {
		return err
	}
	return s.welcome(c, session, next)
}

// redeemMailLink signs in the person who opened the link of a mail. In another
// browser than the one that asked, it first says as whom: somebody who sends a
// person their own link must not have them work as somebody else without a word.
func (s *Server) redeemMailLink(c echo.Context) error {
	var in struct {
		Token   string `json:"token"`
		Confirm bool   `json:"confirm"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	link, err := s.options.Identity.ReadLink(in.Token)
	if err != nil {
		return err
	}
	cookie, err := c.Request().Cookie(s.asked(c, "", time.Time{}).Name)
	if !in.Confirm && (err != nil || cookie.Value != link.ID) {
		c.Response().Header().Set("Cache-Control", "no-store")
		return c.JSON(http.StatusOK, map[string]any{"confirm": true, "email": link.Email})
	}
	session, next, err := s.options.Identity.RedeemLink(c.Request().Context(), in.Token, how(c))
	if err != nil {
		return err
	}
	return s.welcome(c, session, next)
}

func (s *Server) readInvitation(c echo.Context) error {
	var in struct {
		Token string `json:"token"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	invited, err := s.options.Identity.ReadInvitation(in.Token)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, invited)
}

func (s *Server) acceptInvitation(c echo.Context) error {
	var in struct {
		Token string `json:"token"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	session, err := s.options.Identity.AcceptInvitation(c.Request().Context(), in.Token, how(c))
	if err != nil {
		return err
	}
	return s.welcome(c, session, "")
}

// beGuest lets somebody begin a conversation before they sign in.
func (s *Server) beGuest(c echo.Context) error {
	if !s.guests() {
		return fault.New(fault.Denied, "this service talks to nobody who has not signed in").Do("Sign in first.")
	}
	if _, err := s.options.Identity.FromRequest(c.Request()); err == nil {
		return c.NoContent(http.StatusNoContent) // there is a session already
	}
	session, err := s.options.Identity.Guest(c.Request().Context(), how(c))
	if err != nil {
		return err
	}
	s.options.Identity.SetCookies(c.Response(), session, s.isSecure(c))
	return c.NoContent(http.StatusNoContent)
}

// toProvider sends a browser to an OpenID provider.
func (s *Server) toProvider(c echo.Context) error {
	to, keep, err := s.options.Identity.BeginProvider(c.Request().Context(), c.Param("provider"), c.QueryParam("next"))
	if err != nil {
		return s.notFrom(c, err)
	}
	http.SetCookie(c.Response(), s.journey(c, keep, 600))
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, to)
}

func (s *Server) journey(c echo.Context, keep string, seconds int) *http.Cookie {
	return &http.Cookie{
		Name: s.options.Identity.CookieName() + "_journey", Value: keep, Path: "/", MaxAge: seconds, // as its name's prefix wants it
		HttpOnly: true, Secure: s.isSecure(c), SameSite: http.SameSiteLaxMode, // it comes back from the provider's site
	}
}

// fromProvider takes a browser back from a provider, signed in.
func (s *Server) fromProvider(c echo.Context) error {
	keep := ""
	if cookie, err := c.Request().Cookie(s.journey(c, "", 0).Name); err == nil {
		keep = cookie.Value
	}
	http.SetCookie(c.Response(), s.journey(c, "", -1))
	session, next, err := s.options.Identity.FinishProvider(c.Request().Context(), c.Param("provider"), keep, c.QueryParams(), how(c))
	if err != nil {
		return s.notFrom(c, err)
	}
	if err := s.signedIn(c, session); err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, s.onward(next))
}

// notFrom says why a provider signed nobody in: a browser reads it on the sign-in
// page, and the operator in the log.
func (s *Server) notFrom(c echo.Context, err error) error {
	s.options.Logger.Warn("a provider signed nobody in", slog.String("error", err.Error()))
	if wantsPage(c.Request()) && fault.CodeOf(err) != fault.NotFound {
		return c.Redirect(http.StatusSeeOther, s.base+"/signin?failed=provider")
	}
	return err
}

// onward is where somebody goes who has signed in: the page that they wanted, which
// has the base path or not, or the first one.
func (s *Server) onward(next string) string {
	if next == "" {
		return s.landing()
	}
	return s.base + strings.TrimPrefix(next, s.base)
}

// welcome answers a sign-in by a page of the app: the session, and where to go.
func (s *Server) welcome(c echo.Context, session identity.Session, next string) error {
	if err := s.signedIn(c, session); err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]any{"next": s.onward(next), "email": session.Actor.Email})
}

// signedIn gives a browser its session, and ends the one that it had before: what a
// guest had begun becomes the person's.
func (s *Server) signedIn(c echo.Context, session identity.Session) error {
	if before, err := s.options.Identity.FromRequest(c.Request()); err == nil {
		guest, err := s.options.Identity.Replaced(c.Request().Context(), before)
		if err != nil {
			return err
		}
		if guest.Subject != "" {
			s.adopt(c.Request().Context(), guest, session.Actor)
		}
	}
	if s.options.Audit != nil {
		by := identity.Claims{Subject: session.Actor.Subject, Email: session.Actor.Email, OrgID: session.Actor.OrgID, Type: identity.TypeSession, SessionID: session.ID}
		if err := s.options.Audit.Record(c.Request().Context(), s.entry(c, by, journal.Actor{Kind: journal.Human, Via: "web"}, signedInto)); err != nil {
			return err
		}
	}
	s.options.Identity.SetCookies(c.Response(), session, s.isSecure(c))
	http.SetCookie(c.Response(), &http.Cookie{
		Name: s.asked(c, "", time.Time{}).Name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: s.isSecure(c), SameSite: http.SameSiteLaxMode,
	})
	return nil
}

// adopt gives a guest's conversations, with their drafts and plans, to the person
// who has signed in in the same browser. What cannot be given stays where it is, and
// signs nobody out.
func (s *Server) adopt(ctx context.Context, guest, person journal.Actor) {
	if s.options.Conversations == nil {
		return
	}
	list, err := s.options.Conversations.List(ctx, guest)
	if err == nil && s.options.Recordings != nil {
		err = s.options.Recordings.Adopt(ctx, guest.Subject, person.Subject)
	}
	for _, conv := range list {
		if err == nil {
			err = s.options.Provisioner.Adopt(ctx, conv.ID, guest, person)
		}
		if err == nil {
			err = s.options.Conversations.Adopt(ctx, conv.ID, person)
		}
	}
	if err != nil {
		s.options.Logger.Error("a guest's conversation was not given to them", slog.String("error", err.Error()))
	}
}

// outbox shows the mails that nobody sends, to the owner of the data directory: who
// reads them can be anybody.
func (s *Server) outbox(c echo.Context) error {
	claims, err := s.caller(c)
	if err != nil {
		return err
	}
	if s.options.Outbox == nil {
		return fault.New(fault.NotFound, "mails are sent here, and none is kept")
	}
	if !claims.LocalOwner {
		return fault.New(fault.Denied, "only the owner of this computer may read the outbox")
	}
	mails, err := s.options.Outbox.Mails(c.Request().Context())
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, map[string]any{"mails": mails})
}
