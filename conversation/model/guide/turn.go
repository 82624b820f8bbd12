package guide

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/openova-io/sandbox/conversation"
	"github.com/openova-io/sandbox/conversation/card"
)

// The tools that the guide uses.
const (
	toolDraftGet    = "catalyst.draft.get"
	toolDraftSet    = "catalyst.draft.set"
	toolPlan        = "catalyst.plan.create"
	toolDeployment  = "catalyst.deployments.get"
	toolSubdomain   = "catalyst.subdomains.check"
	toolCatalogue   = "marketplace.catalog.list"
	toolRegions     = "marketplace.region.list"
	toolSizes       = "marketplace.sku.list"
	toolAsk         = "card.ask"
	mostCalls       = 11 // with the text that is twelve steps
	callsBeforeSet  = 8  // look-ups that may come before the change itself
	mostSuggestions = 4  // Applications suggested at once
)

// pendingCall stops the turn's code where a tool's result is needed that is not
// there yet. It is not a failure.
type pendingCall struct{ call conversation.ToolCall }

func (p *pendingCall) Error() string { return "guide: waits for " + p.call.Name }

// errTool says that a tool gave nothing usable.
var errTool = errors.New("guide: a tool did not answer")

// refusal is what a tool said when it refused.
type refusal struct {
	Code       string      `json:"code"`
	Message    string      `json:"message"`
	Violations []violation `json:"violations"`
	text       string
}

func (r *refusal) Error() string { return r.text }

// turn is the working out of one turn.
type turn struct {
	*language
	req    conversation.Request
	id     string
	human  *conversation.Message
	system []string
	// results are those of this turn, in the order of the calls: ids are the
	// service's business, and it may give calls its own.
	results []*conversation.ToolResult
	tools   map[string]bool
	calls   int
	earlier []conversation.Message // before this turn

	draft draft
	open  asked
	// newest is the field of the newest card's first question.
	newest string
	said   []string // parts of the reply, in order
	// appInfo is the catalogue's word on Applications, once it was asked.
	appInfo map[string]appItem
	// changed is true once the draft was changed in this turn.
	changed bool
	// replied is true once a question of the person was answered.
	replied bool
	// ahead is true where the message says to go on to the plan.
	ahead bool
	// ownSuggestions is true where suggestions gave way to what was said.
	ownSuggestions bool
	// suggested is true once Applications were suggested in this turn.
	suggested bool
	// taken is true where what was only tried out before was agreed to.
	taken bool
	// lost is true where it was said that the data cannot stay where it must.
	lost bool
	// unread is true where a part of the message was said back as not understood.
	unread bool
	// was is the draft at the beginning of the turn.
	was draft
	// spoken is everything that the agent has said before, in one text, and last
	// what it said last.
	spoken, last string
	// previous is what the person said before, once it was asked for.
	previous *understanding
	// depth counts the messages between the turn and the one that is read for it.
	depth int
}

type appItem struct {
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	Tagline     string `json:"tagline"`
	Deployable  bool   `json:"deployable"`
	Nearest     string `json:"nearest"`
	NearestNote string `json:"nearestNote"`
	System      bool   `json:"system"`
}

func newTurn(l *language, req conversation.Request) *turn {
	t := &turn{language: l, req: req, tools: map[string]bool{}, open: asked{}}
	for _, tool := range req.Tools {
		t.tools[tool.Name] = true
	}
	var calls []conversation.ToolCall
	start := turnStart(req.Messages)
	t.earlier = req.Messages[:start]
	for i := start; i < len(req.Messages); i++ {
		m := &req.Messages[i]
		t.id = m.TurnID
		switch m.Role {
		case conversation.FromHuman:
			t.human = m
		case conversation.FromSystem:
			t.system = append(t.system, m.Text)
		case conversation.FromAgent:
			calls = append(calls, m.Calls...)
		case conversation.FromTool:
			if m.Result != nil {
				t.results = append(t.results, m.Result)
			}
		}
	}
	t.results = own(calls, t.results)
	t.readAsked()
	t.recall()
	return t
}

// recall collects what the agent has said before.
func (t *turn) recall() {
	var spoken strings.Builder
	for _, m := range t.earlier {
		if m.Role == conversation.FromAgent && m.Text != "" {
			t.last = m.Text
			spoken.WriteString(m.Text)
			spoken.WriteByte('\n')
		}
	}
	t.spoken = spoken.String()
}

// mostBefore is how far back a short message is read by the ones before it.
const mostBefore = 3

// before is what the person wrote in the turn before, or nothing: read in the
// light of what came before that, as it was when it was written.
func (t *turn) before() *understanding {
	if t.previous != nil {
		return t.previous
	}
	text, at := "", 0
	for i, m := range t.earlier {
		if m.Role == conversation.FromHuman {
			text, at = m.Text, i
			if m.Press != nil {
				text = ""
			}
		}
	}
	t.previous = t.understand(text, asked{})
	if text != "" && t.depth < mostBefore && t.previous.msg.words() <= shortReply {
		then := &turn{language: t.language, earlier: t.earlier[:at], draft: t.draft, depth: t.depth + 1}
		then.recall()
		then.inContext(t.previous)
	}
	return t.previous
}

// own drops the results of calls that another model made in this turn before it
// failed: what it knew may be out of date. The guide's first call is known by its
// arguments, which spell out that the current draft is meant.
func own(calls []conversation.ToolCall, results []*conversation.ToolResult) []*conversation.ToolResult {
	first := len(results)
	for i, c := range calls {
		if i < len(results) && c.Name == toolDraftGet && strings.Join(strings.Fields(string(c.Arguments)), "") == firstArguments {
			first = i
		}
	}
	return results[first:]
}

// firstArguments are those of the guide's first call in every turn.
const firstArguments = `{"draftId":""}`

// turnStart finds where the running turn begins: at its first message by id, or,
// without ids, at the newest run of human and system messages.
func turnStart(ms []conversation.Message) int {
	n := len(ms)
	if n == 0 {
		return 0
	}
	if id := ms[n-1].TurnID; id != "" {
		i := n - 1
		for i > 0 && ms[i-1].TurnID == id {
			i--
		}
		return i
	}
	i := n - 1
	for i > 0 && ms[i].Role != conversation.FromHuman && ms[i].Role != conversation.FromSystem {
		i--
	}
	for i > 0 && (ms[i-1].Role == conversation.FromHuman || ms[i-1].Role == conversation.FromSystem) {
		i--
	}
	return i
}

// readAsked finds which questions the person may be answering: the open one,
// those of the newest card, and of older ones what only the person can tell.
func (t *turn) readAsked() {
	if t.human != nil && t.human.Open != nil && t.human.Open.Field != askReset {
		t.open[t.human.Open.Field] = true
	}
	newest, justNow := true, true
	for i := len(t.earlier) - 1; i >= 0; i-- {
		justNow = justNow && t.earlier[i].Role != conversation.FromHuman
		for _, c := range t.earlier[i].Calls {
			if c.Name != toolAsk {
				continue
			}
			var args struct {
				Questions []card.Question `json:"questions"`
			}
			if json.Unmarshal(c.Arguments, &args) == nil {
				for _, q := range args.Questions {
					switch q.Field {
					case fieldName, fieldEmail, fieldPlace:
						t.open[q.Field] = true
					case askReset: // a yes of later must not be taken for this
						t.open[q.Field] = t.open[q.Field] || justNow
					default:
						t.open[q.Field] = t.open[q.Field] || newest
					}
				}
			}
			if newest && len(args.Questions) > 0 {
				t.newest = args.Questions[0].Field
			}
			newest = false
		}
	}
}

// call runs a tool, or gives the result that it has given already.
func (t *turn) call(name string, args any, into any) error {
	if len(t.tools) > 0 && !t.tools[name] || t.calls >= mostCalls {
		return errTool
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("guide: arguments of %s: %w", name, err)
	}
	id := fmt.Sprintf("guide-%s-%d", t.id, t.calls)
	if t.id == "" {
		id = fmt.Sprintf("guide-%d-%d", len(t.earlier), t.calls)
	}
	t.calls++
	if t.calls > len(t.results) {
		return &pendingCall{call: conversation.ToolCall{ID: id, Name: name, Arguments: raw}}
	}
	res := t.results[t.calls-1]
	if res.Name != "" && res.Name != name {
		return errTool
	}
	body := res.Structured
	if len(body) == 0 {
		body = json.RawMessage(res.Text)
	}
	if res.IsError {
		r := &refusal{text: res.Text}
		if json.Unmarshal(body, r) != nil || r.Message == "" {
			r.Message = firstLine(res.Text)
		}
		return r
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return errTool
	}
	return nil
}

// waits is true for the error that is no failure and must be handed up.
func waits(err error) bool {
	var p *pendingCall
	return errors.As(err, &p)
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

// run works the turn out and gives its text.
func (t *turn) run() (string, error) {
	if t.human == nil && len(t.system) == 0 {
		return t.reply("greeting") + "\n" + t.reply("openask"), nil
	}
	if err := t.getDraft(); err != nil {
		if waits(err) {
			return "", err
		}
		return t.reply("toolfailed"), nil
	}
	var err error
	switch {
	case t.human == nil:
		err = t.onSystem()
	case t.human.Press != nil:
		err = t.onPress(*t.human.Press)
	default:
		err = t.onText(t.human.Text)
	}
	if err != nil {
		return "", err
	}
	return t.text(), nil
}

func (t *turn) getDraft() error {
	var raw json.RawMessage
	if err := t.call(toolDraftGet, json.RawMessage(firstArguments), &raw); err != nil {
		return err
	}
	d, err := readDraft(raw)
	if err != nil {
		return errTool
	}
	t.draft, t.was = d, d
	for _, f := range []string{fieldName, fieldEmail} {
		if !d.missing(f) {
			delete(t.open, f)
		}
	}
	if d.Spec.OrgName != "" {
		t.open[nameKnown] = true
	}
	if d.Spec.OrgHeadquarters != "" {
		delete(t.open, fieldPlace)
		t.open[placeKnown] = true
	}
	return nil
}

// set changes the draft. What it refuses is explained, and the rest is tried
// once more.
func (t *turn) set(changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	var raw json.RawMessage
	err := t.call(toolDraftSet, map[string]any{"changes": changes}, &raw)
	var refused *refusal
	if errors.As(err, &refused) {
		rest, bad := split(changes, refused.Violations)
		for _, v := range bad {
			t.say("refused", "message", sentence(v.Message), "suggestion", space(v.Suggestion))
		}
		if len(bad) == 0 {
			t.say("refused", "message", sentence(refused.Message), "suggestion", "")
			return nil
		}
		if len(rest) == 0 {
			return nil
		}
		err = t.call(toolDraftSet, map[string]any{"changes": rest}, &raw)
		if errors.As(err, &refused) {
			t.say("refused", "message", sentence(refused.Message), "suggestion", "")
			return nil
		}
		changes = rest
	}
	if err != nil {
		if waits(err) {
			return err
		}
		t.say("toolfailed")
		return nil
	}
	d, err := readDraft(raw)
	if err != nil {
		t.say("toolfailed")
		return nil
	}
	d.DeploymentID, d.DeploymentStatus = keep(d.DeploymentID, t.draft.DeploymentID), keep(d.DeploymentStatus, t.draft.DeploymentStatus)
	d.ApprovalState, d.ApprovalObject = keep(d.ApprovalState, t.draft.ApprovalState), keep(d.ApprovalObject, t.draft.ApprovalObject)
	t.draft, t.changed = d, true
	return nil
}

func keep(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// split parts the changes that break a rule from the others.
func split(changes []change, violations []violation) (rest []change, bad []violation) {
	for _, v := range violations {
		for _, c := range changes {
			if touches(v.Path, c.Field) {
				bad = append(bad, v)
				break
			}
		}
	}
	for _, c := range changes {
		ok := true
		for _, v := range bad {
			ok = ok && !touches(v.Path, c.Field)
		}
		if ok {
			rest = append(rest, c)
		}
	}
	return rest, bad
}

// touches is true where a violation's path is a field or a part of it, under
// either of its names.
func touches(path, field string) bool {
	if path == field || strings.HasPrefix(path, field+"[") || strings.HasPrefix(path, field+".") || strings.HasPrefix(field, path+"[") {
		return true
	}
	mirror := map[string]string{"region": fieldRegion, "workerCount": fieldWorkers, "workerSize": fieldWorkerSize, "controlPlaneSize": fieldCPSize}
	return mirror[path] == field || path == fieldFQDN && field == fieldSubdomain
}
