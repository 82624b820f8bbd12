package identity

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

const (
	// maxRedirects is how many addresses a program may register to be led back to.
	maxRedirects = 5
	// maxRedirect is the longest of them, in bytes.
	maxRedirect = 300
	// maxClientID is the longest id of a program, in bytes.
	maxClientID = 2048

	forClient = "client"
)

// editors are the schemes of programs that are known and whose scheme is no name of
// a domain, which is what RFC 8252 §7.1 wants of every other.
var editors = []string{"cursor", "vscode", "vscode-insiders", "windsurf", "zed", "claude"}

// OAuthError is an error of OAuth, which a program reads (RFC 6749 §5.2, RFC 7591
// §3.2.2, RFC 8707 §2).
type OAuthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

func (e *OAuthError) Error() string { return e.Code + ": " + e.Description }

func oauthError(code, description string) *OAuthError { return &OAuthError{code, description} }

// OAuthClient is a program that wants to be let in, as it describes itself: nothing
// of it is proved.
type OAuthClient struct {
	// ID is what it calls itself at every further step. It is a description that this
	// service has signed, and kept nowhere: however many register, nothing grows.
	ID string `json:"client_id"`
	// Name is 1 to 80 printable characters.
	Name string `json:"client_name"`
	// RedirectURIs are where people may be led back to.
	RedirectURIs []string `json:"redirect_uris"`
}

// clientSlip is what stands in a program's id.
type clientSlip struct {
	Name      string   `json:"n"`
	Redirects []string `json:"r"`
}

// RegisterClient makes a program known (RFC 7591). It is a public one, without a
// secret: PKCE is what ties its steps together. Faults: [*OAuthError].
func (id *Identity) RegisterClient(name string, redirects []string) (OAuthClient, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		name = "A program without a name"
	}
	if len([]rune(name)) > 80 || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return OAuthClient{}, oauthError("invalid_client_metadata", "client_name is one line of at most 80 characters")
	}
	if len(redirects) == 0 || len(redirects) > maxRedirects {
		return OAuthClient{}, oauthError("invalid_redirect_uri", "a program has 1 to 5 redirect_uris")
	}
	for _, r := range redirects {
		if why := badRedirect(r); why != "" {
			return OAuthClient{}, oauthError("invalid_redirect_uri", why)
		}
	}
	s, err := id.newSlip(clientSlip{name, redirects})
	if err != nil {
		return OAuthClient{}, err
	}
	c := OAuthClient{ID: s.text(forClient), Name: name, RedirectURIs: redirects}
	if len(c.ID) > maxClientID {
		return OAuthClient{}, oauthError("invalid_client_metadata", "name and redirect_uris are too long together")
	}
	return c, nil
}

// oauthClient reads a program's id.
func (id *Identity) oauthClient(text string) (OAuthClient, bool) {
	var d clientSlip
	if _, ok := id.readSlip(forClient, text, &d); !ok {
		return OAuthClient{}, false
	}
	return OAuthClient{ID: text, Name: d.Name, RedirectURIs: d.Redirects}, true
}

// badRedirect says what is wrong with an address to lead people back to, if
// anything: it is https, or leads to the person's own computer (RFC 8252 §7).
func badRedirect(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || len(s) > maxRedirect || !u.IsAbs() || u.User != nil || strings.Contains(s, "#") ||
		strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "a redirect_uri is an absolute address of at most 300 characters, without a fragment"
	case u.Scheme == "https" && u.Hostname() != "", u.Scheme == "http" && loopback(u):
		return ""
	case u.Scheme == "http":
		return "a redirect_uri by http leads to 127.0.0.1, [::1] or localhost"
	case strings.Contains(u.Scheme, ".") || slices.Contains(editors, u.Scheme):
		return ""
	}
	return "a redirect_uri is https, http on the own computer, or has a scheme such as com.example.editor"
}

// loopback is true for an address on the person's own computer.
func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// redirects tells whether the program may lead people back to an address. On the
// person's own computer the port is what it gets when it begins (RFC 8252 §7.3).
func (c OAuthClient) redirects(to string) bool {
	if badRedirect(to) != "" {
		return false
	}
	return slices.ContainsFunc(c.RedirectURIs, func(known string) bool {
		if to == known {
			return true
		}
		a, err := url.Parse(to)
		b, failed := url.Parse(known)
		if err != nil || failed != nil || a.Scheme != "http" || !loopback(a) || !loopback(b) {
			return false
		}
		a.Host, b.Host = a.Hostname(), b.Hostname()
		return a.String() == b.String()
	})
}
