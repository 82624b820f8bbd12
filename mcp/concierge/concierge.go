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
	// Begin makes the conversation of an outside client; session tells one client
	// of a person from another.
	Begin func(ctx context.Context, actor journal.Actor, session string) (conversationID string, err error)
	// OpenAPI is the API's description, as JSON.
	OpenAPI func() ([]byte, error)
	// Waiting says why a plan has to wait now; empty or nil when it does not.
	Waiting func() string
	// PublicURL is where a person opens a conversation.
	PublicURL string
	Version   string
	Logger    *slog.Logger
}

const instructions = `Tools to plan a Sovereign: a Kubernetes platform on servers that its owner chooses.
Keep what is known in the draft (catalyst.draft.set), ask the person for what it lists as missing, then call
catalyst.plan.create. You cannot approve: give the person the link that it returns. They see the plan with its
price and press the button. catalyst.deployments.get then tells how far it is.`

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

// draft is the id of the draft that a call means.
func (t *tools) draft(ctx context.Context, caller mcp.Caller, named string) (string, error) {
	if named != "" {
		return named, nil // whether it is the caller's is checked where it is read
	}
	if caller.ConversationID != "" {
		return caller.ConversationID, nil
	}
	if t.Begin == nil {
		return "", fault.New(fault.Invalid, "no draft is named").At("draftId")
	}
	return t.Begin(ctx, caller.Actor, mcp.Session(ctx))
}

// nothing is the input of tools that take none.
type nothing struct{}
