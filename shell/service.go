package shell

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
)

// Options are what a [Service] needs.
type Options struct {
	Journal *journal.Journal
	// Dir holds a folder for each session.
	Dir string
	// Isolation is the wall around every session.
	Isolation hold.Isolation
	// Launcher starts holders; Holder is their program, which is also what makes a
	// session's end of the crossing.
	Launcher hold.Launcher
	Holder   string
	// Installed gives the folder that an agent is installed in.
	Installed func(agent string) (root string, ok bool)
	// Models are what agents think with whose people have no keys of their own.
	Models map[agent.API]ModelAccess
	// Vault keeps keys of people and Organizations; nil for none. ModelHosts are hosts
	// with ports that those may be for.
	Vault      Vault
	ModelHosts []string
	// Tools are the MCP servers that every agent knows.
	Tools []ToolServer
	// Egress are hosts with ports that walled sessions may connect to; none is no
	// network at all.
	Egress []string
	// GitHosts are hosts with ports that sessions may clone repositories of; none is
	// no repositories.
	GitHosts []string
	// Limits are what each session may use.
	Limits hold.Limits
	// RecordingsKeep is how long a recording is kept after its session has ended; 0
	// records nothing.
	RecordingsKeep time.Duration
	// Tell tells the owner of a session something while they do not look at it. It
	// does not wait for anything. Nil tells nobody.
	Tell   func(owner journal.Actor, n Notice)
	Logger *slog.Logger
}

const (
	// maxSessions bounds how many sessions run at once.
	maxSessions = 200
	// recordingLimit is the size of one session's recording, in bytes.
	recordingLimit = 32 << 20
)

// Service keeps the sessions. It is safe for concurrent use.
type Service struct {
	o Options

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	sessions map[string]*session
}

// session is one session in memory.
type session struct {
	id  string
	dir string

	mu      sync.Mutex // guards folded and what is live; appends are made under it
	live    live
	f       folded
	title   string
	size    hold.SizeData
	pid     int
	control *hold.Conn // the watcher's connection; nil while there is none
	follow  map[chan struct{}]struct{}
}

// New opens the sessions that the journal knows, and watches those that run.
func New(ctx context.Context, o Options) (*Service, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch o.Isolation {
	case hold.Bwrap, hold.Pod, hold.None:
	default:
		return nil, fault.New(fault.Invalid, "--isolation is %q; it is bwrap, pod or none", o.Isolation)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the folder of the sessions cannot be made")
	}
	s := &Service{o: o, sessions: map[string]*session{}}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	ids, err := o.Journal.List(ctx, "session")
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		events, err := o.Journal.Load(ctx, "session."+id)
		if err != nil {
			return nil, err
		}
		f, err := fold(id, events)
		if err != nil {
			o.Logger.Error("a session cannot be read", slog.String("session", id), slog.String("error", err.Error()))
			continue
		}
		if f.deleted {
			_ = os.RemoveAll(s.dir(id))
			continue
		}
		s.add(f)
	}
	return s, nil
}

func (s *Service) dir(id string) string { return filepath.Join(s.o.Dir, id) }

// add keeps a session, and watches it while it runs.
func (s *Service) add(f folded) *session {
	x := &session{id: f.ID, dir: s.dir(f.ID), f: f, follow: map[chan struct{}]struct{}{}}
	s.mu.Lock()
	s.sessions[f.ID] = x
	s.mu.Unlock()
	if f.State != Ended && f.State != Lost {
		s.wg.Go(func() { s.watch(s.ctx, x) })
	}
	return x
}

// Close stops watching. Holders go on.
func (s *Service) Close() error {
	s.cancel()
	s.wg.Wait()
	return nil
}

// Run removes recordings that were kept long enough, now and every hour, until ctx
// ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		s.Prune(time.Now())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Prune removes the recordings of sessions that ended too long before now.
func (s *Service) Prune(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessions {
		x.mu.Lock()
		ended, at := x.f.State == Ended || x.f.State == Lost, x.f.EndedAt
		x.mu.Unlock()
		if !ended || now.Sub(at) < s.o.RecordingsKeep {
			continue
		}
		if err := os.Remove(hold.RecordingPath(x.dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.o.Logger.Warn("a recording stays", slog.String("session", x.id), slog.String("error", err.Error()))
		}
	}
}

// Isolation is the wall around sessions, and Wall why it cannot be made; nil when
// it can.
func (s *Service) Isolation() hold.Isolation { return s.o.Isolation }

// Wall says why sessions cannot be started behind this service's wall.
func (s *Service) Wall(ctx context.Context) error {
	if s.o.Isolation != hold.Bwrap {
		return nil
	}
	if _, err := hold.ProbeBwrap(ctx); err != nil {
		return fault.New(fault.Unavailable, "sessions cannot be walled off on this machine: %v", err).
			Do("Install bubblewrap, or start the service with --isolation=none and read what that means.")
	}
	return nil
}

// CreateOptions say what to start.
type CreateOptions struct {
	// Agent is a name of the catalogue; or Command is a program with arguments.
	Agent   string
	Command []string
	// Args follow the agent's own.
	Args []string
	Name string
	// Dir is the working folder: inside the session's home, where it is made, or
	// without a wall any folder that is there.
	Dir        string
	Env        map[string]string
	Cols, Rows int
	// Mode is what the agent may do without asking; empty is to ask.
	Mode agent.Mode
	// Repository is the address of a Git repository that is cloned into the working
	// folder, Branch what is switched to there or begun, and Token what its host wants;
	// the session works with it and does not have it.
	Repository, Branch, Token string
	// Resume is a session of the same person that has ended: its home and its agent's
	// conversation go on here. The mode is then the same, or narrower.
	Resume string
}

var (
	branchName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/+-]{0,98}[A-Za-z0-9]$|^[A-Za-z0-9]$`)
	envName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
)

// check finds everything that is wrong with the options.
func (o CreateOptions) check() error {
	var v []fault.Violation
	bad := func(path, rule, value, message, suggestion string) {
		if r := []rune(value); len(r) > 80 {
			value = string(r[:80])
		}
		v = append(v, fault.Violation{Path: path, Rule: rule, Value: value, Message: message, Suggestion: suggestion})
	}
	switch {
	case o.Agent != "" && len(o.Command) > 0:
		bad("command", "ambiguous-request", "", "A session has either an agent or a command.", "Leave one of them out.")
	case o.Agent == "" && len(o.Command) == 0 && o.Resume == "":
		bad("agent", "missing-spec", "", "A session needs an agent or a command.", "For example bash.")
	case len(o.Command) > 0 && o.Command[0] == "":
		bad("command[0]", "required", "", "The command has no program.", "")
	}
	if len([]rune(o.Name)) > 80 {
		bad("name", "length", o.Name, "A name has at most 80 characters.", "")
	}
	if o.Cols < 0 || o.Cols > hold.MaxCells || o.Rows < 0 || o.Rows > hold.MaxCells {
		bad("cols", "range", fmt.Sprintf("%dx%d", o.Cols, o.Rows), "Columns and rows are from 1 to 1000.", "80x24")
	}
	for name, value := range o.Env {
		if !envName.MatchString(name) || strings.HasPrefix(name, "SANDBOX_") || strings.ContainsRune(value, 0) {
			bad("env."+name, "name", "", "This is no variable that can be set.", "Use letters, digits and underscores.")
		}
	}
	if o.Branch != "" && (!branchName.MatchString(o.Branch) || strings.Contains(o.Branch, "..") || strings.HasSuffix(o.Branch, ".lock")) {
		bad("repository.branch", "name", o.Branch, "This is no name of a branch.", "For example feature/booking.")
	}
	if o.Repository == "" && (o.Branch != "" || o.Token != "") && o.Resume == "" {
		bad("repository.url", "required", "", "A branch or a token is for a repository.", "Give its address.")
	}
	for i, a := range slices.Concat(o.Command, o.Args) {
		if strings.ContainsRune(a, 0) {
			bad(fmt.Sprintf("command[%d]", i), "characters", "", "An argument has a NUL in it.", "")
		}
	}
	return fault.Violated("the session", v)
}

// Create starts a session for the actor.
func (s *Service) Create(ctx context.Context, actor journal.Actor, o CreateOptions) (Session, error) {
	if err := o.check(); err != nil {
		return Session{}, err
	}
	if s.o.Isolation == hold.None && !actor.LocalOwner {
		return Session{}, fault.New(fault.Denied, "sessions here have no wall around them, so only the owner of this computer may have some")
	}
	if n := s.running(); n >= maxSessions {
		return Session{}, fault.New(fault.Limited, "%d sessions run already", n).Do("End one of them.")
	}
	raw := make([]byte, 28)
	_, _ = rand.Read(raw)
	id, nonce := hex.EncodeToString(raw[:12]), hex.EncodeToString(raw[12:])
	var resumed *session
	if o.Resume != "" {
		var err error
		if resumed, err = s.resume(actor, &o); err != nil {
			return Session{}, err
		}
		resumed.mu.Lock()
		defer resumed.mu.Unlock()
	}
	p, err := s.plan(ctx, actor, id, nonce, o, resumed)
	if err != nil {
		_ = os.RemoveAll(s.dir(id))
		return Session{}, err
	}
	data := p.created
	back := func() {
		if resumed != nil { // the old session keeps its home
			_ = takeHome(s.dir(id), filepath.Join(resumed.dir, "home"))
		}
		_ = os.RemoveAll(s.dir(id))
	}
	data.Owner, data.Org = actor, actor.OrgID
	data.Owner.Via = ""
	// The intent is durable before the effect: a holder without an event is never
	// started, and an event without a holder is found and marked.
	events, err := s.o.Journal.Append(ctx, "session."+id, 0, journal.New(eventCreated, data).By(actor).Of(actor.Subject))
	if err != nil {
		back()
		return Session{}, err
	}
	f, err := fold(id, events)
	if err != nil {
		return Session{}, err
	}
	if err = hold.Prepare(s.dir(id), p.order); err == nil {
		err = s.o.Launcher.Launch(ctx, s.dir(id), p.secrets)
	}
	if err != nil {
		x := &session{id: id, dir: s.dir(id), f: f}
		x.mu.Lock()
		defer x.mu.Unlock()
		if _, e := s.append(ctx, x, journal.New(eventDeleted, struct{}{}).By(actor)); e != nil {
			s.o.Logger.Error("a session that did not start stays in the journal", slog.String("session", id), slog.String("error", e.Error()))
		}
		back()
		return Session{}, fault.New(fault.Unavailable, "the session did not start: %v", err)
	}
	s.tell(ctx, factCreated, id, actor, map[string]any{"agent": data.Agent, "isolation": data.Isolation})
	x := s.add(f)
	return x.view(hold.Owner), nil
}

// resume finds the session that goes on, and makes the options those of it: never
// wider than it was.
func (s *Service) resume(actor journal.Actor, o *CreateOptions) (*session, error) {
	x, err := s.own(actor, o.Resume)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.f.State != Ended && x.f.State != Lost:
		return nil, fault.New(fault.Conflict, "the session %q still runs", x.f.Name).At("resume").Do("Go on in it, or end it first.")
	case x.f.Agent == "" || o.Agent != "" && o.Agent != x.f.Agent || len(o.Command) > 0:
		return nil, fault.New(fault.Invalid, "only a session of the same agent can go on").At("resume")
	case s.o.Isolation != hold.Bwrap:
		return nil, fault.New(fault.Invalid, "without bubblewrap a session cannot go on in another").At("resume").Do("Start a new one.")
	case x.f.Isolation != s.o.Isolation:
		return nil, fault.New(fault.Conflict, "the session was behind another wall (%s)", x.f.Isolation).At("resume")
	}
	o.Agent = x.f.Agent
	if o.Mode == "" {
		o.Mode = x.f.Mode
	}
	if o.Mode.Wider(x.f.Mode) {
		return nil, fault.New(fault.Denied, "a session goes on with the permission mode that it had (%s), or a narrower one", x.f.Mode).At("mode").Do("Start a new session for a wider one.")
	}
	if o.Name == "" {
		o.Name = x.f.Name
	}
	if o.Dir == "" {
		o.Dir = x.f.Dir
	}
	if o.Repository == "" {
		o.Repository, o.Branch = x.f.Repository, x.f.Branch
	}
	return x, nil
}

func (s *Service) running() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessions {
		x.mu.Lock()
		if x.f.State != Ended && x.f.State != Lost {
			n++
		}
		x.mu.Unlock()
	}
	return n
}

func cut(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// append adds events to a session's history. x.mu is held.
func (s *Service) append(ctx context.Context, x *session, events ...journal.Event) ([]journal.Event, error) {
	for range 3 {
		out, err := s.o.Journal.Append(ctx, "session."+x.id, x.f.seq, events...)
		if fault.CodeOf(err) != fault.Conflict {
			if err != nil {
				return nil, err
			}
			for _, e := range out {
				if err := x.f.apply(e); err != nil {
					return nil, err
				}
			}
			x.wake()
			return out, nil
		}
		history, err := s.o.Journal.Load(ctx, "session."+x.id)
		if err != nil {
			return nil, err
		}
		if x.f, err = fold(x.id, history); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Conflict, "the session is changing too fast").Do("Try again.")
}

// wake tells everybody who follows the session. x.mu is held.
func (x *session) wake() {
	for c := range x.follow {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// tell publishes a fact for other systems. It is not needed for anything here,
// so that its failure is only logged.
func (s *Service) tell(ctx context.Context, fact, id string, actor journal.Actor, data map[string]any) {
	data["sessionId"] = id
	e := journal.New(fact, data).By(journal.Actor{Kind: actor.Kind, OrgID: actor.OrgID})
	e.Aggregate, e.TenantID = "session."+id, actor.OrgID
	if err := s.o.Journal.Publish(ctx, e); err != nil && ctx.Err() == nil {
		s.o.Logger.Warn("a fact was not published", slog.String("fact", fact), slog.String("error", err.Error()))
	}
}

// endWithin is how long ending a session may take.
const endWithin = 15 * time.Second
