package concierge

import (
	"context"
	"log/slog"

	"github.com/openova-io/sandbox/conversation/card"
	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/mcp"
	"github.com/openova-io/sandbox/provisioner"
)

// Provisioner is what the tools need of the provisioner.
type Provisioner interface {
	Draft(ctx context.Context, actor journal.Actor, id string) (provisioner.Draft, error)
	ChangeDraft(ctx context.Context, actor journal.Actor, id string, changes []provisioner.Change) (provisioner.Draft, error)
	TryDraft(ctx context.Context, actor journal.Actor, id string, changes []provisioner.Change) (provisioner.Draft, error)
	Plan(ctx context.Context, actor journal.Actor, draftID string) (provisioner.Deployment, error)
	Start(ctx context.Context, actor journal.Actor, id string) (provisioner.Deployment, error)
	Deployment(ctx context.Context, actor journal.Actor, id string) (provisioner.Deployment, error)
	CheckSubdomain(ctx context.Context, subdomain, pool string) (provisioner.SubdomainCheck, error)
}

// Stage shows cards to the person of a conversation.
type Stage interface {
	Show(ctx context.Context, conversationID string, cards ...card.Card) error
}

// Skill is one industry pack.
type Skill struct {
	Name       string   `json:"name"`
	Title      string   `json:"title"`
	Industries []string `json:"industries"`
	Text       string   `json:"text,omitempty"`
	Facts      any      `json:"facts,omitempty"`
}

// Skills are the industry packs.
type Skills interface {
	List() []Skill
	Get(name string) (Skill, error)
}

// Options are the parts that the tools reach.
type Options struct {
	Provisioner Provisioner
	Catalogue   *provisioner.Catalogue
	Stage       Stage
	Skills      Skills
	// Begin gives the conversation of an outside client's session, made with its
	// first call; an empty session makes a new conversation every time.
	Begin func(ctx context.Context, actor journal.Actor, session string) (conversationID string, err error)
	// Own is nil for a conversation of the actor's and fault.NotFound for any other.
	Own func(ctx context.Context, actor journal.Actor, conversationID string) error
	// OpenAPI is the API's description, as JSON.
	OpenAPI func() ([]byte, error)
	// Waiting says why a plan has to wait now; empty or nil when it does not.
	Waiting func() string
	// PublicURL is where a person opens a conversation.
	PublicURL string
	Version   string
	Logger    *slog.Logger
}

const instructions = `Tools to plan a Sovereign: a Kubernetes platform on servers that its owner chooses and pays for.
1. Keep what the person says in the draft (catalyst.draft.set) and ask them for what it lists as missing.
2. Call catalyst.plan.create and give the person its link. You cannot approve, and nothing you call can: the person
   opens the link, signed in, sees the plan with its price, and presses the button.
3. catalyst.deployments.get tells how far it is, until the status is ready, failed or cancelled.
Never ask for a password, token or key: card.ask shows a box for them whose contents only the vault sees.`

// tools carries the options to the tools' functions.
type tools struct{ Options }

// New makes the toolbox.
func New(o Options) *mcp.Registry {
	r := mcp.NewRegistry("openova-sandbox-concierge", o.Version, instructions, o.Logger)
	t := &tools{o}
	t.drafts(r)
	t.plans(r)
	t.deployments(r)
	t.marketplace(r)
	t.skills(r)
	t.ask(r)
	t.openAPI(r)
	return r
}

// newDraft is the draftId that begins a draft.
const newDraft = "new"

// draft is the id of the draft that a call means. A name that is not the caller's
// is not found: a mistyped one begins nothing.
func (t *tools) draft(ctx context.Context, caller mcp.Caller, named string) (string, error) {
	session := mcp.Session(ctx)
	switch {
	case caller.ConversationID != "": // an agent in a conversation has this one draft
		if named != "" && named != caller.ConversationID {
			return "", noDraft(named).Do("Leave draftId out: the conversation has a draft of its own.")
		}
		return caller.ConversationID, nil
	case named != "" && named != newDraft:
		if err := t.Own(ctx, caller.Actor, named); err != nil {
			if fault.CodeOf(err) == fault.NotFound {
				err = noDraft(named).Do(`Take the id from an answer, or begin a draft with catalyst.draft.set and draftId "new".`)
			}
			return "", err
		}
		return named, nil
	case named == "" && session != "":
		return t.Begin(ctx, caller.Actor, session)
	}
	return "", fault.New(fault.Invalid, "the call has to name its draft, since this client has no session").At("draftId").
		Do(`Begin one with catalyst.draft.set and draftId "new"; the answer has its id.`)
}

func noDraft(id string) *fault.Error {
	return fault.New(fault.NotFound, "there is no draft %q", id).At("draftId")
}

// nothing is the input of tools that take none.
type nothing struct{}
