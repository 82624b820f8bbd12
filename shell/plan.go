package shell

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
)

// planned is what a session is to be.
type planned struct {
	order   hold.Order
	secrets hold.Secrets
	created created
}

// plan makes the session's folders and says what its holder is to run. resumed is
// the session whose home and conversation it takes over; nil is none.
func (s *Service) plan(ctx context.Context, actor journal.Actor, id, nonce string, o CreateOptions, resumed *session) (p planned, err error) {
	dir := s.dir(id)
	home, files, crossing := filepath.Join(dir, "home"), filepath.Join(dir, "files"), hold.CrossingDir(dir)
	for _, d := range []string{home, files, crossing} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return p, fault.Wrap(err, fault.Unavailable, "the session's folder cannot be made")
		}
	}
	if resumed != nil {
		if err := takeHome(resumed.dir, home); err != nil {
			return p, err
		}
		defer func() {
			if err != nil { // it did not start: the old session keeps it
				_ = takeHome(dir, filepath.Join(resumed.dir, "home"))
			}
		}()
	}
	wall := hold.Wall{Home: home, Files: files, Crossing: crossing, Helper: s.o.Holder}
	seenHome, seenFiles, seenCrossing, helper := home, files, crossing, s.o.Holder
	if s.o.Isolation == hold.Bwrap {
		if wall.Program, err = hold.ProbeBwrap(ctx); err != nil {
			return p, s.Wall(ctx)
		}
		seenHome, seenFiles, seenCrossing, helper = hold.Home, hold.Files, hold.Crossing, hold.Helper
	}
	if err := s.mayClone(o.Repository); err != nil {
		return p, err
	}
	if o.Dir == "" && o.Repository != "" {
		o.Dir = strings.TrimSuffix(path.Base(o.Repository), ".git")
	}
	cwd, err := s.folder(home, seenHome, o.Dir)
	if err != nil {
		return p, err
	}
	c := created{Name: o.Name, Agent: o.Agent, Command: o.Command, Dir: cwd, Isolation: s.o.Isolation}
	order := hold.Order{ID: id, Cols: o.Cols, Rows: o.Rows, Ports: true, Limits: s.o.Limits}
	if s.o.RecordingsKeep > 0 {
		order.RecordingLimit = recordingLimit
	}
	var launch agent.Launch
	argv := o.Command
	if o.Agent != "" {
		a, err := agent.Find(o.Agent)
		if err != nil {
			return p, err
		}
		if c.Mode, err = a.Takes(o.Mode); err != nil {
			return p, err
		}
		if c.Mode == agent.All && s.o.Isolation == hold.None {
			return p, fault.New(fault.Denied, "an agent that asks for nothing needs a wall around it").At("mode").Do("Start the service with --isolation=bwrap, or choose another mode.")
		}
		found, err := a.Locate(s.o.Installed)
		if err != nil {
			return p, err
		}
		if argv, err = s.program(found, &wall); err != nil {
			return p, err
		}
		place := agent.Place{Files: seenFiles, Home: seenHome, Dir: cwd, Program: argv[0], Nonce: nonce, Mode: c.Mode, Conversation: newUUID()}
		if place.Port, err = s.port(); err != nil {
			return p, err
		}
		if resumed != nil {
			place.Conversation, place.Resume = resumed.f.Conversation, true
		}
		c.Conversation = place.Conversation
		if a.API != "" {
			m, of, ok, err := s.model(ctx, actor, a.API)
			if err != nil {
				return p, err
			}
			if !ok {
				return p, s.noModel(a)
			}
			place.Model, place.Key, c.Payer = m.Name, nonce, of
			header := "authorization"
			if a.API == agent.Anthropic {
				header = "x-api-key"
			}
			order.Model = &hold.Model{URL: m.URL, Header: header, Secret: place.Key}
			if of != Operator {
				order.Model.Hosts = s.o.ModelHosts
			}
			p.secrets.ModelKey = m.Key
		}
		if a.API != "" {
			place.Tools = s.tools(&order, &p.secrets, nonce)
		}
		launch = a.Prepare(place)
		if launch.Before != nil {
			argv = launch.Before
		}
		argv = slices.Concat(argv, launch.Args, o.Args)
		order.Nonce = nonce
		if c.Name == "" {
			c.Name = a.Title
		}
	} else {
		if c.Name == "" {
			c.Name = filepath.Base(argv[0])
		}
		program, err := exec.LookPath(argv[0])
		if err == nil {
			program, err = filepath.Abs(program)
		}
		if err != nil {
			return p, fault.New(fault.Invalid, "the program %q is not on this machine", cut(argv[0])).At("command[0]").Do("Install it, or choose another agent.")
		}
		argv = append([]string{program}, argv[1:]...)
	}
	c.Name = hold.CleanTitle(c.Name)
	// What a program starts its commands with; an agent is no shell itself.
	login := argv[0]
	if order.Model != nil {
		login = "/bin/bash"
	}
	for _, source := range launch.Sources {
		switch source.Root {
		case "home":
			source.Root = home
		case "files":
			source.Root = files
		}
		order.Sources = append(order.Sources, source)
	}
	if len(s.o.Egress) > 0 && s.o.Isolation == hold.Bwrap {
		order.Egress = &hold.Egress{Allow: s.o.Egress}
		proxy := "http://127.0.0.1:" + hold.PortOf(hold.ProxyCrossing)
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
			launch.Env = append(launch.Env, name+"="+proxy)
		}
		launch.Env = append(launch.Env, "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost")
	}
	if launch.Files == nil {
		launch.Files = map[string]string{}
	}
	in := hold.Inside{Folder: seenCrossing}
	if o.Repository != "" {
		c.Repository, c.Branch = o.Repository, o.Branch
		order.Repository = &hold.Repository{URL: o.Repository, Hosts: s.o.GitHosts}
		p.secrets.RepositoryToken = o.Token
		launch.Env = append(launch.Env, hold.GitConfig(o.Repository)...)
		in.Clone = &hold.Clone{URL: o.Repository, Branch: o.Branch, Dir: cwd}
	}
	launch.Seeds = withGitConfig(ctx, launch.Seeds, actor)
	if argv, err = s.crossing(in, order, launch, seenFiles, helper, argv); err != nil {
		return p, err
	}
	if wall.Program != "" {
		for n, text := range hold.WallFiles() {
			launch.Files[n] = text
		}
	}
	for n, text := range launch.Files {
		if err := os.WriteFile(filepath.Join(files, n), []byte(text), 0o600); err != nil {
			return p, fault.Wrap(err, fault.Unavailable, "the session's files cannot be written")
		}
	}
	if err := seed(home, launch.Seeds); err != nil {
		return p, err
	}
	order.Dir = cwd
	if wall.Program != "" {
		argv, order.Dir = wall.Argv(cwd, argv), dir
	}
	order.Argv, order.Env = argv, environment(id, seenHome, login, launch.Env, o.Env)
	p.order, p.created = order, c
	return p, nil
}

// crossing writes down the session's end of the ways in and out, and gives the
// command that makes them first.
func (s *Service) crossing(in hold.Inside, order hold.Order, launch agent.Launch, seenFiles, helper string, argv []string) ([]string, error) {
	in.Listen, in.Serve, in.Ports = map[string]int{}, launch.Serve, order.Ports
	in.Watch = s.o.Isolation == hold.Bwrap // elsewhere it would be told the machine's
	for _, source := range order.Sources {
		if source.Kind == hold.Hooks {
			in.Listen[source.Name] = 0
		}
	}
	if order.Model != nil {
		in.Listen[hold.ModelCrossing] = 0
	}
	if order.Repository != nil {
		in.Listen[hold.RepositoryCrossing] = 0
	}
	if order.Tools != nil {
		in.Listen[hold.ToolsCrossing] = 0
	}
	if order.Egress != nil {
		in.Listen[hold.ProxyCrossing] = 0
	}
	for n := range launch.Files {
		in.Files = append(in.Files, filepath.Join(seenFiles, n))
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	launch.Files["inside.json"] = string(raw)
	return append([]string{helper, "inside", filepath.Join(seenFiles, "inside.json"), "--"}, argv...), nil
}

// mayClone says why a repository cannot be cloned; nothing for none.
func (s *Service) mayClone(address string) error {
	if address == "" {
		return nil
	}
	if err := hold.CheckRepository(address, s.o.GitHosts); err != nil {
		e := fault.New(fault.Invalid, "%v", err).At("repository.url")
		if len(s.o.GitHosts) == 0 {
			return e.Do("Start the service with --git-hosts.")
		}
		return e.Do("Repositories may be on: %s.", strings.Join(s.o.GitHosts, ", "))
	}
	return nil
}

// withGitConfig adds who commits: the person, where they are known. It is a file of
// the session's, so that they can change it.
func withGitConfig(ctx context.Context, seeds map[string]string, actor journal.Actor) map[string]string {
	name, email := "", actor.Email
	if email != "" {
		name, _, _ = strings.Cut(email, "@")
	} else if actor.LocalOwner { // as on their own machine
		get := func(key string) string {
			out, _ := exec.CommandContext(ctx, "git", "config", "--global", "--get", key).Output()
			return strings.TrimSpace(string(out))
		}
		name, email = get("user.name"), get("user.email")
	}
	if name == "" || email == "" || strings.ContainsAny(name+email, "\n\"\\") {
		return seeds
	}
	if seeds = maps.Clone(seeds); seeds == nil {
		seeds = map[string]string{}
	}
	seeds[".gitconfig"] = fmt.Sprintf("[user]\n\tname = \"%s\"\n\temail = \"%s\"\n", name, email)
	return seeds
}

// program gives an agent's command as its session sees it.
func (s *Service) program(found agent.Found, wall *hold.Wall) ([]string, error) {
	argv := slices.Clone(found.Argv)
	walled := wall.Program != ""
	if found.Root != "" {
		base := found.Root
		if walled {
			wall.Programs, base = found.Root, hold.Programs
		}
		for i := range argv {
			argv[i] = filepath.Join(base, argv[i])
		}
		return argv, nil
	}
	if real, err := filepath.EvalSymlinks(argv[0]); walled && (err != nil || !strings.HasPrefix(real, "/usr/") && !strings.HasPrefix(real, "/opt/") && !strings.HasPrefix(real, "/bin/")) {
		return nil, fault.New(fault.Invalid, "%s is in a folder that sessions do not see", argv[0]).At("agent").Do("Install it for everybody, below /usr or /opt, or with make agents.")
	}
	return argv, nil
}

// port is one that is free in a session: any behind a wall, where a session has a
// network of its own.
func (s *Service) port() (int, error) {
	if s.o.Isolation == hold.Bwrap {
		return servedPort, nil
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fault.Wrap(err, fault.Unavailable, "this machine has no free port")
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// servedPort is where an agent behind a wall serves.
const servedPort = 4096

// seed writes what an agent's home has to have at its first start.
func seed(home string, seeds map[string]string) error {
	root, err := os.OpenRoot(home) // what is there may be a session's, links too
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the session's home cannot be opened")
	}
	defer root.Close()
	for path, text := range seeds {
		if _, err := root.Lstat(path); err == nil {
			continue
		}
		err := root.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = root.WriteFile(path, []byte(text), 0o600)
		}
		if err != nil {
			return fault.Wrap(err, fault.Unavailable, "the session's home cannot be prepared")
		}
	}
	return nil
}

// takeHome moves the home of one session to another.
func takeHome(from, home string) error {
	if err := os.Remove(home); err != nil && !os.IsNotExist(err) {
		return fault.Wrap(err, fault.Unavailable, "the session's home cannot be taken over")
	}
	if err := os.Rename(filepath.Join(from, "home"), home); err != nil {
		return fault.Wrap(err, fault.Conflict, "the session's home is not there any more")
	}
	return nil
}

func newUUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// environment is all that a session gets: nothing of the service's own.
func environment(id, home, shell string, launch []string, extra map[string]string) []string {
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin", "TERM=xterm-256color", "COLORTERM=truecolor",
		"LANG=C.UTF-8", "HOME=" + home, "USER=sandbox", "LOGNAME=sandbox", "SHELL=" + shell, hold.EnvSession + "=" + id,
	}
	env = append(env, launch...)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range extra {
			if !yield(n) {
				return
			}
		}
	}) {
		env = append(env, name+"="+extra[name])
	}
	return env
}

// folder finds the working folder: as the session sees it.
func (s *Service) folder(home, seen, want string) (string, error) {
	if want == "" {
		want = "work"
	}
	if s.o.Isolation != hold.Bwrap && filepath.IsAbs(want) {
		if info, err := os.Stat(want); err != nil || !info.IsDir() {
			return "", fault.New(fault.Invalid, "there is no folder %q", cut(want)).At("cwd").Do("Name one that exists, or leave it out.")
		}
		return filepath.Clean(want), nil
	}
	inside := want
	if filepath.IsAbs(want) {
		rel, err := filepath.Rel(seen, want)
		if err != nil {
			rel = ".."
		}
		inside = rel
	}
	if !filepath.IsLocal(inside) {
		return "", fault.New(fault.Invalid, "the folder %q is outside of the session's home", cut(want)).At("cwd").Do("Name one inside of %s, or leave it out.", seen)
	}
	if err := os.MkdirAll(filepath.Join(home, inside), 0o700); err != nil {
		return "", fault.New(fault.Invalid, "the folder %q cannot be made", cut(want)).At("cwd")
	}
	return filepath.Join(seen, inside), nil
}
