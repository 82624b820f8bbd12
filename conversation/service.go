package conversation

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
)

// Budget bounds what the agent may use. Zero values mean the default.
type Budget struct {
	// TurnTime is how long one turn may take, tools included; 15 minutes, which
	// leaves room for a plan whose tools are still being built.
	TurnTime time.Duration
	// ToolCalls is how many tools one turn may call; 32.
	ToolCalls int
	// Tokens is how many tokens one turn may use, where the model counts; 200,000.
	Tokens int
	// ConversationToolCalls is how many tools a whole conversation may call; 2,000.
	ConversationToolCalls int
	// ConversationTokens is how many tokens a whole conversation may use before
	// the last model, which needs none, answers alone; 2,000,000.
	ConversationTokens int
}

func (b Budget) orDefault() Budget {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	if b.TurnTime == 0 {
		b.TurnTime = 15 * time.Minute
	}
	or(&b.ToolCalls, 32)
	or(&b.Tokens, 200_000)
	or(&b.ConversationToolCalls, 2_000)
	or(&b.ConversationTokens, 2_000_000)
	return b
}

// Options are the parts that conversations are made of.
type Options struct {
	Journal *journal.Journal
	// Models: the first one thinks; the last takes over, visibly, when it fails.
	Models []Model
	// Toolbox gives the tools of one conversation of owner's, for one turn. A toolbox that is
	// an io.Closer is closed after the turn.
	Toolbox func(ctx context.Context, conversationID string, owner journal.Actor) (Toolbox, error)
	// Consent takes a person's decisions; nil where there is nothing to approve.
	Consent Consent
	// Secrets takes credentials that were caught in a text; nil drops them.
	Secrets Secrets
	// Budget bounds a turn and a conversation.
	Budget Budget
	// LeaseTime is how long a turn stays with an instance that went silent; 10
	// seconds, at least 1.
	LeaseTime time.Duration
	// Cooldown is how long the last model answers alone after another one failed,
	// before that one is tried again; 1 minute.
	Cooldown time.Duration
	// Logger gets no personal content; nil discards.
	Logger *slog.Logger
}

// Service runs conversations. Its methods may be used by many goroutines.
type Service struct {
	options Options
	texts   texts
	words   words
	list    list

	closing context.Context
	stop    context.CancelCauseFunc
	workers sync.WaitGroup

	mu     sync.Mutex
	closed bool
	rooms  map[string]*room
	jobs   map[string]*job
}

// New makes the service. It does nothing until it is asked; [Service.Run] takes
// over what a former process left. Faults: [fault.Invalid] for missing parts.
func New(options Options) (*Service, error) {
	if options.Journal == nil || options.Toolbox == nil || len(options.Models) == 0 {
		return nil, fault.New(fault.Invalid, "conversations need a journal, a toolbox and at least one model")
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Cooldown == 0 {
		options.Cooldown = time.Minute
	}
	if options.LeaseTime == 0 {
		options.LeaseTime = 10 * time.Second
	}
	options.Budget = options.Budget.orDefault()
	t, err := loadTexts()
	if err != nil {
		return nil, err
	}
	w, err := embeddedWords()
	if err != nil {
		return nil, err
	}
	s := &Service{options: options, texts: t, words: w, rooms: map[string]*room{}, jobs: map[string]*job{}}
	s.list.heads = map[string]head{}
	s.closing, s.stop = context.WithCancelCause(context.Background())
	return s, nil
}

// errClosing is why everything ends when the service closes.
var errClosing = errors.New("the service is closing")

// Run follows the journal, so that turns that nobody answers are taken over:
// those that a former process left, and in a cluster those of an instance that
// died. Wait and List see what other instances do only while it runs. It returns
// nil when ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	defer func() { cancel(); <-watch }()
	go func() { // ends with Run
		defer close(watch)
		ticker := time.NewTicker(time.Second / 4)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				for _, id := range s.list.waiting() {
					s.wake(id)
				}
			}
		}
	}()
	err := s.options.Journal.Follow(ctx, 0, []string{"conversation.*"}, func(e journal.Event) error {
		s.heard(ctx, strings.TrimPrefix(e.Aggregate, "conversation."), e)
		return nil
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Close ends the running turns, which are journalled as interrupted with what
// was said so far, and waits for them. Messages that wait are answered by the
// next process. It may be called again.
func (s *Service) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop(errClosing)
	s.workers.Wait()
	return nil
}

// CreateOptions say how a conversation begins.
type CreateOptions struct {
	// ID is 4 to 64 letters a-z, digits and hyphens; creating it again gives what
	// is there. Empty makes a new one.
	ID string
	// Channel is where it begins: web, chat, call, api or mcp.
	Channel string
	// Language is a BCP 47 tag; empty is "en".
	Language string
}

var (
	idPattern       = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{3,63}$`)
	languagePattern = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$`)
)

// Create begins a conversation of the actor's; the agent's greeting is part of
// it, except on the channel mcp. Faults: [fault.Unauthenticated] for nobody, [fault.Invalid] for a
// malformed id or language, [fault.Conflict] when the id is somebody else's.
func (s *Service) Create(ctx context.Context, actor journal.Actor, o CreateOptions) (Conversation, error) {
	if err := somebody(actor); err != nil {
		return Conversation{}, err
	}
	if o.ID == "" {
		o.ID = newID()
	}
	if !idPattern.MatchString(o.ID) {
		return Conversation{}, fault.New(fault.Invalid, "%q is not an id of a conversation", cut(o.ID, 64)).
			Do("use 4 to 64 small letters, digits and hyphens").At("id")
	}
	if o.Language == "" {
		o.Language = "en"
	}
	if !languagePattern.MatchString(o.Language) {
		return Conversation{}, fault.New(fault.Invalid, "%q is not a language tag", cut(o.Language, 40)).
			Do("use a tag such as en or de").At("language")
	}
	events := []journal.Event{journal.New(EventCreated, Created{Channel: cut(o.Channel, 20), Language: o.Language}).By(actor)}
	if o.Channel != "mcp" { // where an outside agent talks, nobody is greeted
		events = append(events, journal.New(EventTurnFinished,
			TurnFinished{TurnID: newTurnID(), State: TurnDone, Text: s.texts.say(o.Language, "greeting")}))
	}
	for i := range events {
		s.sign(&events[i], actor)
	}
	_, err := s.options.Journal.Append(ctx, aggregate(o.ID), 0, events...)
	if err != nil && fault.CodeOf(err) != fault.Conflict {
		return Conversation{}, err
	}
	c, err := s.look(ctx, o.ID)
	if err == nil && !owns(actor, c.Owner) {
		return Conversation{}, fault.New(fault.Conflict, "there is a conversation %s already", o.ID).Do("leave the id out to get a new one").At("id")
	}
	return c, err
}

// Get gives a conversation of the actor's. Somebody else's is [fault.NotFound],
// as is one that does not exist.
func (s *Service) Get(ctx context.Context, actor journal.Actor, id string) (Conversation, error) {
	c, err := s.look(ctx, id)
	if err == nil && !owns(actor, c.Owner) {
		err = noConversation()
	}
	if err != nil {
		return Conversation{}, err
	}
	return c, nil
}

// Adopt gives a conversation that was begun before anybody had signed in to the
// one who now has. The caller has checked that it was begun by the same browser
// or terminal. Faults: [fault.Denied] when the owner is a known person already.
func (s *Service) Adopt(ctx context.Context, id string, actor journal.Actor) error {
	if err := somebody(actor); err != nil {
		return err
	}
	_, err := s.append(ctx, id, func(c *Conversation) ([]journal.Event, error) {
		switch {
		case c.Owner.Subject == actor.Subject:
			return nil, nil
		case c.Owner.EmailVerified || c.Owner.LocalOwner:
			return nil, fault.New(fault.Denied, "the conversation belongs to somebody else")
		}
		return []journal.Event{journal.New(EventAdopted, AdoptedData{From: c.Owner.Subject}).By(actor).Of(actor.Subject)}, nil
	})
	return err
}

// owns is true for the owner in their Organization, and for the service's own parts.
func owns(actor, owner journal.Actor) bool {
	return actor.Kind == journal.System || actor.Owns(owner)
}

func somebody(actor journal.Actor) error {
	if actor.Subject == "" {
		return fault.New(fault.Unauthenticated, "it is not known who is calling").Do("sign in first")
	}
	return nil
}

// newID gives a conversation's id: 128 random bits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// newTurnID gives a turn's id, short enough that a call's id, which is made from
// it, fits what model providers take (40 characters).
func newTurnID() string {
	var b [10]byte
	_, _ = rand.Read(b[:])
	return "t" + hex.EncodeToString(b[:])
}
