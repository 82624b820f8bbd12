package shell_test

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell"
	"github.com/openova-io/sandbox/shell/hold"
)

const repositoryToken = "ghp_aRepositoryTokenThatNobodyMaySee000"

// forge is a host of two Git repositories, which wants the token for both.
func forge(t *testing.T) (host string, git func(args ...string) string) {
	t.Helper()
	root := t.TempDir()
	git = func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	for _, name := range []string{"clinic", "secret"} {
		git("init", "--quiet", "--bare", "--initial-branch=main", "team/"+name+".git")
		git("-C", "team/"+name+".git", "config", "http.receivepack", "true")
		git("clone", "--quiet", "team/"+name+".git", "seed-"+name)
		if err := os.WriteFile(filepath.Join(root, "seed-"+name, "README"), []byte("the "+name+"'s code\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		git("-C", "seed-"+name, "add", ".")
		git("-C", "seed-"+name, "commit", "--quiet", "-m", "begin")
		git("-C", "seed-"+name, "push", "--quiet", "origin", "HEAD:main")
	}
	exe, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(exe)), "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=someone"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != repositoryToken {
			w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), git
}

// TestRepository works in a repository that needs a token: it is cloned on a branch of
// its own, what is committed is the person's, it is pushed; and the session has not
// the token, nor a way to the other repository of the same host.
func TestRepository(t *testing.T) {
	t.Parallel()
	r := newRig(t, hold.Bwrap)
	host, git := forge(t)
	r.options.GitHosts = []string{host}
	r.restart(t)
	layla := ann
	layla.Email = "layla@alfajr.example"
	address := "http://" + host + "/team/clinic.git"
	s, err := r.Create(t.Context(), layla, shell.CreateOptions{Agent: "bash", Cols: 150, Repository: address, Branch: "feature/booking", Token: repositoryToken})
	if err != nil {
		t.Fatal(err)
	}
	if s.Dir != hold.Home+"/clinic" || s.Repository != address || s.Branch != "feature/booking" {
		t.Errorf("the session is %+v", s)
	}
	p := r.attach(t, layla, s.ID, "", 0)
	ran := func(command string) card.BashData {
		t.Helper()
		n := len(p.of(card.KindBash))
		p.typed(t, command+"\n")
		p.until(t, command, func() bool { return len(p.of(card.KindBash)) > n && !p.bash(n).Running })
		return p.bash(n)
	}
	p.until(t, "the clone", p.shows("clinic$"))
	if got := ran("cat README; git branch --show-current; git remote get-url --push origin").Output; !strings.Contains(got, "the clinic's code\nfeature/booking\n") {
		t.Errorf("there is %q", got)
	}
	if c := ran("echo more >> README && git commit -qam 'Say more' && git push -q origin HEAD"); *c.ExitCode != 0 {
		t.Errorf("not pushed: %+v", c)
	}
	if log := git("-C", "team/clinic.git", "log", "-1", "--format=%an %ae %s", "feature/booking"); log != "layla layla@alfajr.example Say more\n" {
		t.Errorf("what was pushed is by %q", log)
	}
	// Neither the token nor the way to another repository.
	for _, command := range []string{
		`u=${GIT_CONFIG_KEY_0#url.}; u=${u%/r.insteadOf}; git clone -q $u/r/../secret.git x`,
		`git clone -q ${u}/team/secret.git x`,
		`git clone -q http://` + host + `/team/secret.git x`,
		`curl -sf $u/r/../../team/secret.git/info/refs?service=git-upload-pack`,
	} {
		if c := ran(command); *c.ExitCode == 0 {
			t.Errorf("%s: %q", command, c.Output)
		}
	}
	if c := ran("env; cat ~/.gitconfig .git/config; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'"); strings.Contains(c.Output, repositoryToken) {
		t.Error("the session has the token")
	}
	if raw, err := exec.Command("grep", "-rlF", repositoryToken, filepath.Dir(r.options.Dir)).CombinedOutput(); err == nil {
		t.Errorf("the token is in %s", raw)
	}
}

// TestRepositoryRefused: what is no repository, or not one that may be had, is said
// before anything begins; what its host refuses is said in the terminal.
func TestRepositoryRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, hold.Bwrap)
	host, _ := forge(t)
	r.options.GitHosts = []string{host, "github.com:443"}
	r.restart(t)
	for address, where := range map[string]string{
		"git@github.com:a/b": "repository.url",
		"https://github.com": "repository.url",
		"https://me:" + repositoryToken + "@github.com/a/b": "repository.url",
		"http://github.com/a/b":                             "repository.url",
		"https://169.254.169.254/latest/meta-data":          "repository.url",
		"file:///etc":         "repository.url",
		"--upload-pack=touch": "repository.url",
	} {
		_, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash", Repository: address})
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(fault.From(err).Path, where) {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), repositoryToken) {
			t.Errorf("the token is in %v", err)
		}
	}
	for _, branch := range []string{"-x", "a..b", "a b", "a.lock", "a/"} {
		if _, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash", Repository: "http://" + host + "/team/clinic.git", Branch: branch}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("the branch %q: %v", branch, err)
		}
	}
	s, err := r.Create(t.Context(), ann, shell.CreateOptions{Agent: "bash", Cols: 150, Repository: "http://" + host + "/team/clinic.git", Token: "wrong"})
	if err != nil {
		t.Fatal(err)
	}
	p := r.attach(t, ann, s.ID, "", 0)
	p.until(t, "the refusal", p.shows("403"))
}
