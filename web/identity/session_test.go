package identity_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/web/identity"
)

func named(cookies []*http.Cookie, name string) *http.Cookie {
	i := slices.IndexFunc(cookies, func(c *http.Cookie) bool { return c.Name == name })
	if i < 0 {
		return &http.Cookie{}
	}
	return cookies[i]
}

var local = journal.Actor{Kind: journal.Human, Subject: "owner", Email: "owner@omantel.example", LocalOwner: true}

func signIn(t *testing.T, id *identity.Identity) identity.Session {
	t.Helper()
	s, err := id.Redeem(t.Context(), id.NewCode(local), identity.SignIn{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// browser is a request with the cookies of a session.
func browser(t *testing.T, id *identity.Identity, s identity.Session) *http.Request {
	t.Helper()
	rec, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	id.SetCookies(rec, s, true)
	for _, c := range rec.Result().Cookies() {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("the cookie is %+v", c)
		}
		r.AddCookie(c)
	}
	return r.WithContext(t.Context())
}

func TestRefreshing(t *testing.T) {
	r := newRegistry(t)
	id := r.instance(t)
	first := signIn(t, id)
	if c, err := id.FromRequest(browser(t, id, first)); err != nil || c.SessionID == "" || c.Expiry.Time().Sub(noon) != 15*time.Minute {
		t.Fatalf("the access token is %+v: %v", c, err)
	}
	// The access token ends; the browser goes on by itself.
	r.clock.Store(int64(16 * time.Minute))
	if _, err := id.FromRequest(browser(t, id, first)); fault.CodeOf(err) != fault.Unauthenticated {
		t.Fatalf("after its end: %v", err)
	}
	rec := httptest.NewRecorder()
	c, err := id.Authenticate(rec, browser(t, id, first), true)
	if err != nil || c.Subject != "owner" || !c.LocalOwner || c.Role != identity.RoleSovereignAdmin {
		t.Fatalf("refreshed to %+v: %v", c, err)
	}
	cookies := rec.Result().Cookies()
	second := identity.Session{Access: named(cookies, id.CookieName()).Value, Refresh: named(cookies, id.CookieName()+"_refresh").Value, Expires: first.Expires}
	if len(cookies) != 2 || second.Refresh == first.Refresh || second.Access == first.Access {
		t.Errorf("the cookies are %v", cookies)
	}
	// A good access token refreshes nothing, and neither does a bearer.
	rec = httptest.NewRecorder()
	if _, err := id.Authenticate(rec, browser(t, id, second), true); err != nil || len(rec.Result().Cookies()) != 0 {
		t.Errorf("a good access token: %v, %v", err, rec.Result().Cookies())
	}
	bearer := browser(t, id, second)
	bearer.Header.Set("Authorization", "Bearer "+first.Access)
	if _, err := id.Authenticate(httptest.NewRecorder(), bearer, true); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("an old bearer beside good cookies: %v", err)
	}
	// It ends with the session, however often it was refreshed.
	r.clock.Store(int64(7*24*time.Hour + time.Second))
	_, err = id.Refresh(t.Context(), second.Refresh)
	wantCode(t, err, fault.Unauthenticated)
}

// Two tabs, and two instances, that refresh at once get the same successor; a copy
// that is used later ends the session for all.
func TestReuse(t *testing.T) {
	r := newRegistry(t)
	one, two := r.instance(t), r.instance(t)
	s := signIn(t, one)
	var mu sync.Mutex
	seen := map[string]bool{}
	var all sync.WaitGroup
	for i := range 12 {
		id := []*identity.Identity{one, two}[i%2]
		all.Go(func() {
			next, err := id.Refresh(t.Context(), s.Refresh)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			seen[next.Refresh] = true
		})
	}
	all.Wait()
	if len(seen) != 1 {
		t.Fatalf("they got %d successors", len(seen))
	}
	var next string
	for next = range seen {
	}
	r.clock.Store(int64(30 * time.Second))
	if again, err := two.Refresh(t.Context(), s.Refresh); err != nil || again.Refresh != next {
		t.Errorf("within the grace: %v", err)
	}
	last, err := one.Refresh(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := two.FromRequest(browser(t, two, last))
	if err != nil {
		t.Fatal(err)
	}
	held, release := two.Bind(t.Context(), claims)
	defer release()
	// The thief has the first one, which is two generations old.
	_, err = one.Refresh(t.Context(), s.Refresh)
	wantCode(t, err, fault.Unauthenticated)
	if !strings.Contains(err.Error(), "a second time") {
		t.Errorf("it says %v", err)
	}
	select {
	case <-held.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("what the session holds open goes on")
	}
	if fault.CodeOf(context.Cause(held)) != fault.Unauthenticated {
		t.Errorf("it ended because of %v", context.Cause(held))
	}
	for _, id := range []*identity.Identity{one, two} {
		_, err = id.Refresh(t.Context(), last.Refresh)
		wantCode(t, err, fault.Unauthenticated)
		_, err = id.FromRequest(browser(t, id, last))
		wantCode(t, err, fault.Unauthenticated)
	}
}

// After the grace even the one before is a copy.
func TestReuseAfterTheGrace(t *testing.T) {
	r := newRegistry(t)
	id := r.instance(t)
	s := signIn(t, id)
	next, err := id.Refresh(t.Context(), s.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Store(int64(31 * time.Second))
	_, err = id.Refresh(t.Context(), s.Refresh)
	wantCode(t, err, fault.Unauthenticated)
	_, err = id.Refresh(t.Context(), next.Refresh)
	wantCode(t, err, fault.Unauthenticated)
}

func TestRefreshRefuses(t *testing.T) {
	r := newRegistry(t)
	id := r.instance(t)
	s := signIn(t, id)
	part := strings.Split(s.Refresh, ".")
	other := signIn(t, id)
	for name, bad := range map[string]string{
		"nothing": "", "not one": "x", "the access token": s.Access, "a later generation": strings.Join([]string{part[0], part[1], "1", part[3]}, "."),
		"of another session": strings.Join([]string{part[0], part[1], part[2], strings.Split(other.Refresh, ".")[3]}, "."),
		"another key":        strings.Join([]string{"0123456789abcdef", part[1], part[2], part[3]}, "."), "a part more": s.Refresh + ".x",
	} {
		if _, err := id.Refresh(t.Context(), bad); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := id.Refresh(t.Context(), s.Refresh); err != nil {
		t.Errorf("the good one is refused after them: %v", err)
	}
}

// Signing out ends the session and not only the cookie, in a service that starts
// later as well; and a session goes on over a restart.
func TestSignOutEndsTheSession(t *testing.T) {
	r := newRegistry(t)
	id := r.instance(t)
	kept, s := signIn(t, id), signIn(t, id)
	held, release := id.Bind(t.Context(), mustClaims(t, id, s))
	defer release()
	if err := id.SignOut(browser(t, id, s)); err != nil {
		t.Fatal(err)
	}
	if held.Err() == nil {
		t.Error("what it holds open goes on")
	}
	for name, id := range map[string]*identity.Identity{"here": id, "after a restart": open(t, identity.Options{Journal: r.Journal, Now: r.now})} {
		if _, err := id.FromRequest(browser(t, id, s)); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := id.Refresh(t.Context(), s.Refresh); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s it is refreshed: %v", name, err)
		}
		if _, err := id.FromRequest(browser(t, id, kept)); err != nil {
			t.Errorf("%s another session: %v", name, err)
		}
	}
	if err := id.SignOut(httptest.NewRequest(http.MethodPost, "/", nil)); err != nil {
		t.Errorf("a stranger signs out: %v", err)
	}
	if stored := everything(t, r.dir); strings.Contains(stored, local.Email) || strings.Contains(stored, kept.Refresh) || strings.Contains(stored, kept.Access) {
		t.Error("the journal has a token, or an address in the open")
	}
}

func mustClaims(t *testing.T, id *identity.Identity, s identity.Session) identity.Claims {
	t.Helper()
	c, err := id.Verify(s.Access)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Without a journal sessions work, and end with the process.
func TestSessionsWithoutAJournal(t *testing.T) {
	id := open(t, identity.Options{})
	s := signIn(t, id)
	next, err := id.Refresh(t.Context(), s.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := id.Refresh(t.Context(), s.Refresh); err != nil || again.Refresh != next.Refresh {
		t.Errorf("a second tab: %v", err)
	}
	if _, err := open(t, identity.Options{}).Refresh(t.Context(), next.Refresh); fault.CodeOf(err) != fault.Unauthenticated {
		t.Errorf("another process: %v", err)
	}
}
