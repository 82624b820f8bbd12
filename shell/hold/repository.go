package hold

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Repository is the Git repository that a session works in. The session reaches it
// through its holder alone, which adds the token: that repository and no other one of
// the same host, by Git's smart protocol (gitprotocol-http(5)) and nothing else.
type Repository struct {
	// URL is its address, https://host/path; http for one that is listed as an address.
	URL string `json:"url"`
	// Hosts are those with a port that repositories may be on, as in [Egress].
	Hosts []string `json:"hosts"`
}

// Clone is what a session does with its repository before its command starts.
type Clone struct {
	// URL is the repository's own address, which Git is told to ask for elsewhere.
	URL string `json:"url"`
	// Branch is switched to, or begun where it is not there; empty: the repository's own.
	Branch string `json:"branch,omitempty"`
	// Dir is an empty folder, as the session sees it; one that has a repository already
	// is left as it is.
	Dir string `json:"dir"`
}

// RepositoryCrossing is the name of the way to the repository.
const RepositoryCrossing = "repository"

// GitConfig is the environment that sends Git through the holder for the repository:
// what is under its address is asked for at the session's own end of the crossing.
func GitConfig(address string) []string {
	return []string{
		"GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=url.http://127.0.0.1:" + PortOf(RepositoryCrossing) + "/r.insteadOf",
		"GIT_CONFIG_VALUE_0=" + address,
		"GIT_TERMINAL_PROMPT=0",
	}
}

// CheckRepository says what is wrong with an address, or with its host.
func CheckRepository(address string, hosts []string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("it is no https address of a repository")
	}
	if u.User != nil {
		return errors.New("the address has a name or password in it: give the token apart")
	}
	if u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") == "" || u.Path != path.Clean(u.Path) {
		return errors.New("it is no address of a repository, such as https://github.com/name/repository")
	}
	return CheckHost(u, hosts)
}

// handler forwards what Git asks of the one repository. Who connects is noted in the
// session's log of what it connected to.
func (r *Repository) handler(dir, token string) (http.Handler, func(), error) {
	if err := CheckRepository(r.URL, r.Hosts); err != nil {
		return nil, nil, err
	}
	target, err := url.Parse(r.URL)
	if err != nil {
		return nil, nil, err
	}
	e, err := newEgress(dir, &Egress{Allow: r.Hosts})
	if err != nil {
		return nil, nil, err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = target.Scheme, target.Host, target.Host
			p.Out.URL.Path = target.Path + strings.TrimPrefix(p.In.URL.Path, "/r")
			for _, h := range []string{"Authorization", "Cookie"} {
				p.Out.Header.Del(h)
			}
			if token != "" {
				p.Out.SetBasicAuth("x-access-token", token)
			}
		},
		Transport: &http.Transport{
			ForceAttemptHTTP2: true, MaxIdleConns: 4,
			DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
				conn, _, err := e.dial(ctx, address)
				return conn, err
			},
		},
		ModifyResponse: func(res *http.Response) error {
			res.Header.Del("Set-Cookie")
			if res.StatusCode == http.StatusUnauthorized { // Git would ask for a password
				res.StatusCode, res.Status = http.StatusForbidden, "403 Forbidden"
				res.Header.Del("Www-Authenticate")
			}
			return nil
		},
		FlushInterval: -1,
		ErrorLog:      log.New(discard{}, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			http.Error(w, "the repository's host cannot be reached", http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		service := req.URL.Query().Get("service")
		rest := strings.TrimSuffix(strings.TrimPrefix(req.URL.Path, "/r"), "/")
		rest = strings.TrimPrefix(rest, ".git")
		smart := req.Method == http.MethodGet && rest == "/info/refs" && (service == "git-upload-pack" || service == "git-receive-pack") ||
			req.Method == http.MethodPost && (rest == "/git-upload-pack" || rest == "/git-receive-pack")
		if !smart || !strings.HasPrefix(req.URL.Path, "/r/") && !strings.HasPrefix(req.URL.Path, "/r.git/") {
			http.Error(w, "this session reaches one repository, and nothing else of its host", http.StatusForbidden)
			return
		}
		proxy.ServeHTTP(w, req)
	}), func() { e.log.Close() }, nil
}

// clone makes the working copy, in the terminal, where its progress is seen. env has
// what [GitConfig] gave.
func (c *Clone) clone(env []string) error {
	if _, err := os.Stat(filepath.Join(c.Dir, ".git")); err == nil {
		return nil
	}
	git := func(quiet bool, args ...string) error {
		cmd := exec.Command("git", args...)
		cmd.Env, cmd.Dir = env, c.Dir
		if !quiet {
			cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		}
		return cmd.Run()
	}
	if err := git(false, "clone", "--progress", "--", c.URL, "."); err != nil {
		return errors.Join(fmt.Errorf("%s cannot be cloned: see what Git says above", c.URL), err)
	}
	if c.Branch == "" {
		return nil
	}
	if git(true, "rev-parse", "--verify", "--quiet", "refs/remotes/origin/"+c.Branch) == nil {
		return git(false, "switch", c.Branch)
	}
	return git(false, "switch", "--create", c.Branch)
}
