package shell

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/hold"
)

// find gives a session and what the actor may do with it. invitation is the token
// of one, or empty. Whoever may do nothing with it learns nothing of it.
func (s *Service) find(actor journal.Actor, id, invitation string) (*session, hold.Role, error) {
	s.mu.Lock()
	x := s.sessions[id]
	s.mu.Unlock()
	if x == nil || actor.Subject == "" {
		return nil, "", unknown(id)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if actor.Owns(x.f.owner) && x.f.owner.LocalOwner == actor.LocalOwner {
		return x, hold.Owner, nil
	}
	if invitation != "" && x.f.owner.OrgID == actor.OrgID {
		sum := sha256.Sum256([]byte(invitation))
		hash := hex.EncodeToString(sum[:])
		for _, i := range x.f.invitations {
			if subtle.ConstantTimeCompare([]byte(i.Hash), []byte(hash)) == 1 && time.Now().Before(i.Expires) {
				return x, i.Role, nil
			}
		}
	}
	return nil, "", unknown(id)
}

// own is find for what only the owner may do.
func (s *Service) own(actor journal.Actor, id string) (*session, error) {
	x, _, err := s.find(actor, id, "")
	return x, err
}

// view is the session as it is now, for somebody with a role.
func (x *session) view(role hold.Role) Session {
	x.mu.Lock()
	defer x.mu.Unlock()
	v := x.f.Session
	v.State = x.doing()
	v.Role, v.Title, v.PID = role, x.title, x.pid
	v.Cols, v.Rows, v.Watchers = x.size.Cols, x.size.Rows, slices.Clone(x.size.Watchers)
	return v
}

// List gives the actor's sessions, the newest first.
func (s *Service) List(actor journal.Actor) []Session {
	s.mu.Lock()
	all := make([]*session, 0, len(s.sessions))
	for _, x := range s.sessions {
		all = append(all, x)
	}
	s.mu.Unlock()
	out := []Session{}
	for _, x := range all {
		if _, role, err := s.find(actor, x.id, ""); err == nil {
			out = append(out, x.view(role))
		}
	}
	slices.SortFunc(out, func(a, b Session) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Of gives all sessions of a person, in whichever Organization.
func (s *Service) Of(person journal.Actor) []Session {
	out := []Session{}
	for _, x := range s.of(person) {
		out = append(out, x.view(hold.Owner))
	}
	return out
}

func (s *Service) of(person journal.Actor) (out []*session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessions {
		x.mu.Lock()
		as := person
		as.OrgID = x.f.owner.OrgID
		if as.Owns(x.f.owner) && x.f.owner.LocalOwner == person.LocalOwner {
			out = append(out, x)
		}
		x.mu.Unlock()
	}
	return out
}

// Forget ends all sessions of a person and removes what they kept, and their keys.
func (s *Service) Forget(ctx context.Context, person journal.Actor) error {
	for _, x := range s.of(person) {
		x.mu.Lock()
		owner := x.f.owner
		x.mu.Unlock()
		if err := s.Delete(ctx, owner, x.id); err != nil {
			return err
		}
	}
	for api := range providers {
		if err := s.RemoveModel(ctx, person, Person, api); err != nil {
			return err
		}
	}
	return nil
}

// Get gives one session.
func (s *Service) Get(actor journal.Actor, id, invitation string) (Session, error) {
	x, role, err := s.find(actor, id, invitation)
	if err != nil {
		return Session{}, err
	}
	return x.view(role), nil
}

// Rename gives a session another name of 1 to 80 characters.
func (s *Service) Rename(ctx context.Context, actor journal.Actor, id, name string) (Session, error) {
	x, err := s.own(actor, id)
	if err != nil {
		return Session{}, err
	}
	clean := hold.CleanTitle(name)
	if clean == "" || len([]rune(clean)) > 80 {
		return Session{}, fault.New(fault.Invalid, "a name has 1 to 80 characters").At("name")
	}
	x.mu.Lock()
	_, err = s.append(ctx, x, journal.New(eventRenamed, renamed{clean}).By(actor).Of(x.f.owner.Subject))
	x.mu.Unlock()
	if err != nil {
		return Session{}, err
	}
	return x.view(hold.Owner), nil
}

// invitationFor is how long an invitation is good.
const invitationFor = 24 * time.Hour

// Invite makes a token with which people of the same Organization come in as
// driver or observer, for a day. Only its hash is kept.
func (s *Service) Invite(ctx context.Context, actor journal.Actor, id string, role hold.Role) (token string, expires time.Time, err error) {
	x, err := s.own(actor, id)
	if err != nil {
		return "", time.Time{}, err
	}
	if role != hold.Driver && role != hold.Observer {
		return "", time.Time{}, fault.New(fault.Invalid, "an invitation is for a driver or an observer").At("role")
	}
	raw := make([]byte, 24)
	_, _ = rand.Read(raw)
	token = hex.EncodeToString(raw)
	sum := sha256.Sum256([]byte(token))
	expires = time.Now().Add(invitationFor).UTC().Truncate(time.Second)
	x.mu.Lock()
	defer x.mu.Unlock()
	_, err = s.append(ctx, x, journal.New(eventInvited, invited{hex.EncodeToString(sum[:]), role, expires}).By(actor))
	return token, expires, err
}

// manager gives the connection of a running session's watcher.
func (x *session) manager() (*hold.Conn, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.f.State == Ended || x.f.State == Lost {
		return nil, fault.New(fault.Conflict, "the session has ended")
	}
	if x.control == nil {
		return nil, fault.New(fault.Unavailable, "the session does not answer yet").Do("Try again in a moment.")
	}
	return x.control, nil
}

// Signal sends INT, QUIT, TERM, HUP or KILL to what runs in the foreground.
func (s *Service) Signal(actor journal.Actor, id, signal string) error {
	x, err := s.own(actor, id)
	if err != nil {
		return err
	}
	if !slices.Contains(hold.SignalNames(), signal) {
		return fault.New(fault.Invalid, "%q is no signal that a session takes", cut(signal)).At("signal").Do("Choose one of: %s.", strings.Join(hold.SignalNames(), ", "))
	}
	c, err := x.manager()
	if err != nil {
		return err
	}
	return fault.Wrap(c.Send(hold.JSON(hold.Signal, map[string]any{"signal": signal})), fault.Unavailable, "the session does not answer")
}

// Resize gives the terminal a size of 1 to 1000 columns and rows.
func (s *Service) Resize(actor journal.Actor, id string, cols, rows int) error {
	x, err := s.own(actor, id)
	if err != nil {
		return err
	}
	if cols < 1 || rows < 1 || cols > hold.MaxCells || rows > hold.MaxCells {
		return fault.New(fault.Invalid, "a size has 1 to %d columns and rows", hold.MaxCells).At("cols")
	}
	c, err := x.manager()
	if err != nil {
		return err
	}
	return fault.Wrap(c.Send(hold.JSON(hold.Signal, map[string]any{"cols": cols, "rows": rows})), fault.Unavailable, "the session does not answer")
}

// Delete ends a session with all its processes, and removes what it kept. A
// session that is gone already is no fault for its owner's second call.
func (s *Service) Delete(ctx context.Context, actor journal.Actor, id string) error {
	x, err := s.own(actor, id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, endWithin)
	defer cancel()
	changed, stop := x.changes()
	defer stop()
	for asked := false; ; {
		if c, err := x.manager(); err == nil && !asked {
			asked = c.Send(hold.JSON(hold.Signal, map[string]any{"signal": "END"})) == nil
		} else if fault.CodeOf(err) == fault.Conflict {
			break // it has ended
		}
		select {
		case <-changed:
		case <-time.After(time.Second): // a holder that does not answer yet
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "the session has not ended yet").Do("Try again in a moment.")
		}
	}
	x.mu.Lock()
	_, err = s.append(ctx, x, journal.New(eventDeleted, struct{}{}).By(actor))
	x.mu.Unlock()
	if err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.sessions, id)
	s.mu.Unlock()
	return fault.Wrap(os.RemoveAll(x.dir), fault.Unavailable, "the session's files could not be removed")
}

// Recording gives the path of a session's recording (asciicast v3).
func (s *Service) Recording(actor journal.Actor, id string) (string, error) {
	x, err := s.own(actor, id)
	if err != nil {
		return "", err
	}
	return hold.RecordingPath(x.dir), nil
}

// changes gives a channel that gets something whenever the session changes.
func (x *session) changes() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.follow[c] = struct{}{}
	return c, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.follow, c)
	}
}
