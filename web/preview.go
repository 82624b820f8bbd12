package web

import (
	"context"
	"crypto/rand"
	"html"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// A preview shows what a port of a developer session serves. Whoever wrote that is
// not trusted with this service's own pages, so that each port has an origin of its
// own: https://p3000-SESSION.previews.example.com. People come there by a route of
// ours (openPreview), which asks whether they may, with a ticket that is good once
// and turns into a cookie of that origin alone. What is behind the cookie ends with
// the sign-in that it came from, when a role changes, and after previewTTL; a page
// that is loaded then goes back for another ticket by itself.

const (
	// previewTTL is how long somebody looks at a preview before they are asked about.
	previewTTL = 8 * time.Hour
	// ticketTTL is how long a browser may take from our page to the preview's.
	ticketTTL = time.Minute
	// maxPreviews bounds what is kept; the oldest go first.
	maxPreviews = 2000

	previewCookie = "sandbox_preview"
	enterPath     = "/.sandbox/enter"
)

// preview is what somebody may look at.
type preview struct {
	session, invitation string
	port                int
	actor               journal.Actor
	ctx                 context.Context // of the sign-in
	release             func()
	until               time.Time
	ticket              bool // not taken up yet
}

// openPreview sends the caller to a port of a session.
func (s *Server) openPreview(c echo.Context) error {
	claims, err := s.caller(c)
	if err != nil {
		return err
	}
	actor, err := s.actor(c)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(c.Param("port"))
	if err != nil {
		port = 0
	}
	id, invitation := c.Param("id"), c.QueryParam("invitation")
	if err := s.options.Shell.MayDial(actor, id, invitation, port); err != nil {
		return err
	}
	origin, err := s.previewOrigin(c.Request(), id, port)
	if err != nil {
		return err
	}
	path := c.QueryParam("path")
	if !localPath(path) {
		path = "/"
	}
	ctx, release := s.options.Identity.Bind(context.WithoutCancel(c.Request().Context()), claims)
	ticket := rand.Text()
	s.keepPreview(ticket, &preview{id, invitation, port, actor, ctx, release, time.Now().Add(ticketTTL), true})
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, origin+enterPath+"?"+url.Values{"ticket": {ticket}, "path": {path}}.Encode())
}

// localPath is true for a path of the same origin.
func localPath(p string) bool {
	return strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "//") && !strings.ContainsAny(p, "\\\r\n\t")
}

// previewOrigin is the origin of a session's port.
func (s *Server) previewOrigin(r *http.Request, id string, port int) (string, error) {
	domain := s.options.PreviewDomain
	public, err := url.Parse(s.options.PublicURL)
	if err != nil || domain == "" {
		return "", fault.New(fault.Unavailable, "this service shows no previews").Do("Start it with --preview-domain, a domain below which every name leads to it.")
	}
	if _, asked, err := net.SplitHostPort(r.Host); err == nil && domain == "localhost" {
		domain = net.JoinHostPort(domain, asked)
	} else if at := public.Port(); at != "" {
		domain = net.JoinHostPort(domain, at)
	}
	return public.Scheme + "://p" + strconv.Itoa(port) + "-" + id + "." + domain, nil
}

var previewLabel = regexp.MustCompile(`^p([0-9]{1,5})-([0-9a-f]{24})$`)

// previewed reads the session and the port in a host name.
func (s *Server) previewed(r *http.Request) (id string, port int, ok bool) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	label, ok := strings.CutSuffix(strings.ToLower(host), "."+s.options.PreviewDomain)
	m := previewLabel.FindStringSubmatch(label)
	if s.options.PreviewDomain == "" || !ok || m == nil {
		return "", 0, false
	}
	port, _ = strconv.Atoi(m[1])
	return m[2], port, true
}

// previews answers for the previews' origins, before anything of ours does.
func (s *Server) previews(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, port, ok := s.previewed(c.Request())
		if !ok || s.options.Shell == nil {
			return next(c)
		}
		w, r := c.Response().Writer, c.Request()
		if r.URL.Path == enterPath {
			s.enterPreview(w, r, id, port)
			return nil
		}
		if cookie, err := r.Cookie(previewCookie); err == nil {
			if p := s.findPreview(cookie.Value); p != nil && !p.ticket && p.session == id && p.port == port {
				s.servePreview(w, r, p)
				return nil
			}
		}
		s.sendForTicket(w, r, id, port)
		return nil
	}
}

// enterPreview takes a ticket up.
func (s *Server) enterPreview(w http.ResponseWriter, r *http.Request, id string, port int) {
	path := r.URL.Query().Get("path")
	if !localPath(path) {
		path = "/"
	}
	p := s.takePreview(r.URL.Query().Get("ticket"))
	if p == nil || p.session != id || p.port != port {
		if p != nil {
			p.release()
		}
		plain(w, http.StatusForbidden, "This link was used already, or has expired", "Open the preview from its session once more.")
		return
	}
	token := rand.Text()
	p.until, p.ticket = time.Now().Add(previewTTL), false
	s.keepPreview(token, p)
	http.SetCookie(w, &http.Cookie{Name: previewCookie, Value: token, Path: "/", HttpOnly: true, Secure: s.secure || r.TLS != nil, SameSite: http.SameSiteLaxMode})
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// sendForTicket sends a page that is loaded back to where tickets are given; what a
// page asks for by itself is refused.
func (s *Server) sendForTicket(w http.ResponseWriter, r *http.Request, id string, port int) {
	mode := r.Header.Get("Sec-Fetch-Mode")
	if r.Method == http.MethodGet && (mode == "navigate" || mode == "" && strings.Contains(r.Header.Get("Accept"), "text/html")) {
		w.Header().Set("Cache-Control", "no-store")
		back := strings.TrimSuffix(s.options.PublicURL, "/") + "/api/v1/sandbox/sessions/" + id + "/previews/" + strconv.Itoa(port)
		http.Redirect(w, r, back+"?"+url.Values{"path": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
		return
	}
	plain(w, http.StatusUnauthorized, "You are not signed in to this preview", "Reload the page.")
}

var cookieDomain = regexp.MustCompile(`(?i);\s*domain=[^;]*`)

// servePreview hands a request to the session. The server there sees itself as
// localhost, which is all that many development servers answer to.
func (s *Server) servePreview(w http.ResponseWriter, r *http.Request, p *preview) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	here, inside := "://"+r.Host, "localhost:"+strconv.Itoa(p.port)
	proxy := httputil.ReverseProxy{
		Rewrite: func(out *httputil.ProxyRequest) {
			out.Out.URL.Scheme, out.Out.URL.Host, out.Out.Host = "http", inside, inside
			out.SetXForwarded()
			kept := out.In.Cookies()
			out.Out.Header.Del("Cookie")
			for _, c := range kept {
				if c.Name != previewCookie {
					out.Out.AddCookie(c)
				}
			}
			if scheme, ok := strings.CutSuffix(out.In.Header.Get("Origin"), here); ok && (scheme == "http" || scheme == "https") {
				out.Out.Header.Set("Origin", "http://"+inside)
			}
		},
		ModifyResponse: func(a *http.Response) error {
			if at, err := a.Location(); err == nil && (at.Host == inside || at.Host == "127.0.0.1:"+strconv.Itoa(p.port)) {
				a.Header.Set("Location", at.RequestURI())
			}
			// A cookie is for this origin alone, whatever the session would like.
			for i, c := range a.Header["Set-Cookie"] {
				a.Header["Set-Cookie"][i] = cookieDomain.ReplaceAllString(c, "")
			}
			return nil
		},
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return s.options.Shell.DialPort(ctx, p.actor, p.session, p.invitation, p.port)
		}},
		FlushInterval: -1,
		ErrorLog:      log.New(nothing{}, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			f := fault.From(err)
			plain(w, http.StatusBadGateway, f.Message, f.Hint)
		},
	}
	proxy.ServeHTTP(w, r.WithContext(ctx))
}

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }

// plain is a page of ours at an origin that is not ours.
func plain(w http.ResponseWriter, status int, what, do string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">` +
		"<title>" + html.EscapeString(what) + "</title><h1>" + html.EscapeString(what) + "</h1><p>" + html.EscapeString(do) + "</p></html>\n"))
}

// keepPreview keeps what a secret stands for, until its time or its sign-in ends.
func (s *Server) keepPreview(secret string, p *preview) {
	s.previewMu.Lock()
	defer s.previewMu.Unlock()
	now := time.Now()
	var oldest string
	for key, old := range s.previewing {
		if !now.Before(old.until) || old.ctx.Err() != nil {
			old.release()
			delete(s.previewing, key)
		} else if oldest == "" || old.until.Before(s.previewing[oldest].until) {
			oldest = key
		}
	}
	if len(s.previewing) >= maxPreviews {
		s.previewing[oldest].release()
		delete(s.previewing, oldest)
	}
	s.previewing[secret] = p
}

func (s *Server) findPreview(secret string) *preview {
	s.previewMu.Lock()
	defer s.previewMu.Unlock()
	p := s.previewing[secret]
	if p == nil || !time.Now().Before(p.until) || p.ctx.Err() != nil {
		return nil
	}
	return p
}

// takePreview gives what a ticket stands for, once.
func (s *Server) takePreview(ticket string) *preview {
	s.previewMu.Lock()
	defer s.previewMu.Unlock()
	p := s.previewing[ticket]
	if p == nil || !p.ticket {
		return nil
	}
	delete(s.previewing, ticket)
	if !time.Now().Before(p.until) || p.ctx.Err() != nil {
		p.release()
		return nil
	}
	return p
}
