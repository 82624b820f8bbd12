package guide

import (
	"encoding/json"
	"strconv"

	"github.com/openova-io/sandbox/conversation"
)

// tryOut gives the draft as changes would make it, and changes nothing.
func (t *turn) tryOut(changes []change) (draft, bool, error) {
	var raw json.RawMessage
	err := t.call(toolDraftSet, map[string]any{"changes": changes, "preview": true}, &raw)
	if waits(err) {
		return draft{}, false, err
	}
	if err != nil {
		return draft{}, false, nil
	}
	d, err := readDraft(raw)
	return d, err == nil && d.Estimate != nil && amount(d.Estimate.Monthly) != "", nil
}

// whatIf answers "what would it cost with ...?": by the same sum with the changes
// made, which are then offered and not set.
func (t *turn) whatIf(w *work) error {
	now := t.draft.Estimate
	if now == nil || amount(now.Monthly) == "" {
		t.costUnknown()
		return t.next(t.understand("", t.open), false)
	}
	if len(w.changes) == 0 {
		t.say("whatifsame", "cost", amount(now.Monthly))
		return nil
	}
	d, ok, err := t.tryOut(w.changes)
	if ok && d.region() == t.draft.region() && len(w.changes) == 1 && w.changes[0].Field == fieldRegion {
		t.say("whatifsame", "cost", amount(now.Monthly))
		return nil
	}
	switch {
	case err != nil:
		return err
	case !ok:
		t.say("whatifunknown")
		return nil
	case amount(d.Estimate.Monthly) == amount(now.Monthly):
		t.say("whatifnothing", "cost", amount(now.Monthly))
	default:
		held := t.draft
		t.draft = d
		servers := t.serversLabel()
		t.draft = held
		t.say("whatif", "cost", amount(d.Estimate.Monthly), "was", amount(now.Monthly), "servers", servers)
	}
	if d.Sizing != nil && d.Sizing.Shortfall != "" {
		t.said = append(t.said, t.reply("shortfall", "text", sentence(d.Sizing.Shortfall)))
	}
	t.say("whatifask")
	return nil
}

// supposed are the changes that the turn before has only tried out and asked
// about.
func (t *turn) supposed() []change {
	if !t.justSaid("whatifask") {
		return nil
	}
	var out []change
	for i := len(t.earlier) - 1; i >= 0; i-- {
		m := t.earlier[i]
		if m.Role == conversation.FromHuman {
			break
		}
		for _, c := range m.Calls {
			if args, ok := previewed(c); ok {
				out = args
			}
		}
	}
	return out
}

// previewed gives the changes of a call that only tried them out.
func previewed(c conversation.ToolCall) ([]change, bool) {
	var args struct {
		Changes []change `json:"changes"`
		Preview bool     `json:"preview"`
	}
	if c.Name != toolDraftSet || json.Unmarshal(c.Arguments, &args) != nil {
		return nil, false
	}
	return args.Changes, args.Preview
}

// saving is one way to spend less.
type saving struct {
	label   string
	changes []change
}

// atLeast is a monthly price, with a word of what has no known price.
func (t *turn) atLeast(c *cost) string {
	if len(c.Unknown) == 0 {
		return amount(c.Monthly)
	}
	return t.label("value", "atleast", "cost", amount(c.Monthly), "unknown", t.join(c.Unknown))
}

// savings lists what could lower the price of this draft, the surest first.
func (t *turn) savings() []saving {
	d := &t.draft
	var out []saving
	if d.ha() {
		out = append(out, saving{t.label("value", "noha"), []change{{Field: fieldHA, Value: false}}})
	}
	if n, ok := d.workers(); ok && d.Sizing != nil && n > d.Sizing.Workers && d.field(fieldWorkers, "workerCount").Source == "said" {
		out = append(out, saving{t.workersLabel(d.Sizing.Workers, ""), []change{{Field: fieldWorkers, Value: d.Sizing.Workers}}})
	}
	if d.field(fieldWorkerSize, "workerSize").Source == "said" {
		out = append(out, saving{t.label("value", "suggestedsize"), []change{{Field: fieldWorkerSize, Value: nil}, {Field: fieldWorkers, Value: nil}}})
	}
	for _, id := range sortedKeys(t.regions) {
		if r := t.regions[id]; r.Country != t.regions[d.region()].Country && !t.lost {
			out = append(out, saving{t.label("value", "servers", "v", t.regionName(id)), []change{{Field: fieldRegion, Value: id}}})
			break
		}
	}
	if len(d.Spec.Apps) > 1 {
		last := d.Spec.Apps[len(d.Spec.Apps)-1]
		out = append(out, saving{t.label("value", "without", "v", t.appName(last)), []change{{Field: fieldApps, Value: d.Spec.Apps[:len(d.Spec.Apps)-1]}}})
	}
	return out
}

// mostTried is how many ways to save are worked out for one answer.
const mostTried = 3

// cheaper says what would lower the price, worked out and not guessed.
func (t *turn) cheaper() error {
	d := &t.draft
	now, err := strconv.ParseFloat(d.Estimate.Monthly.Amount, 64)
	if err != nil {
		return nil
	}
	var list []string
	for i, s := range t.savings() {
		if i == mostTried || t.calls >= mostCalls-1 {
			break
		}
		tried, ok, err := t.tryOut(s.changes)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		cost, err := strconv.ParseFloat(tried.Estimate.Monthly.Amount, 64)
		if err == nil && cost < now && len(tried.Violations) == 0 && (tried.Sizing == nil || tried.Sizing.Shortfall == "" || d.Sizing != nil && d.Sizing.Shortfall != "") {
			list = append(list, t.label("value", "saving", "what", s.label, "cost", t.atLeast(tried.Estimate)))
		}
	}
	switch {
	case len(list) > 0:
		t.say("cheaper", "list", t.join(list))
	case d.Sizing != nil && d.Sizing.Shortfall != "":
		t.said = append(t.said, t.reply("shortfall", "text", sentence(d.Sizing.Shortfall)))
	default:
		t.say("cheapestis")
	}
	return nil
}

// fewer answers whether fewer servers are cheaper, and whether they would do.
func (t *turn) fewer(u *understanding) error {
	n, known := t.draft.workers()
	if t.draft.Estimate == nil || !known || n < 1 {
		t.costUnknown()
		return nil
	}
	if n--; len(u.counts.workers) > 0 {
		n = u.counts.workers[len(u.counts.workers)-1]
	}
	d, ok, err := t.tryOut([]change{{Field: fieldWorkers, Value: n}, {Field: fieldWorkerSize, Value: t.draft.workerSize()}})
	if err != nil || !ok {
		return err
	}
	id := "fewer"
	if d.Sizing != nil && d.Sizing.Shortfall != "" {
		id = "fewertoofew"
	}
	t.say(id, "count", t.workersLabel(n, ""), "cost", amount(d.Estimate.Monthly), "was", amount(t.draft.Estimate.Monthly), "size", t.draft.workerSize())
	return nil
}

// budgetMessages is how many messages are searched for a limit, newest first.
const budgetMessages = 20

// readBudget finds what the person said before that it may cost.
func (t *turn) readBudget() (n int, currency string) {
	seen := 0
	for i := len(t.earlier) - 1; i >= 0 && seen < budgetMessages; i-- {
		m := t.earlier[i]
		if m.Role != conversation.FromHuman || m.Press != nil {
			continue
		}
		seen++
		if c := t.parse(m.Text).findCounts(); c.budget > 0 {
			return c.budget, c.currency
		}
	}
	return 0, ""
}

// weighBudget compares the estimate with what it may cost.
func (t *turn) weighBudget(n int, currency string) error {
	monthly := t.draft.Estimate.Monthly
	code := t.currencies[currency]
	if code != "" && code != monthly.Currency {
		t.say("budgetcurrency", "cost", amount(monthly), "currency", monthly.Currency)
		return t.cheaper()
	}
	limit := amount(money{Amount: strconv.Itoa(n), Currency: monthly.Currency})
	figure, err := strconv.ParseFloat(monthly.Amount, 64)
	switch {
	case err == nil && (int(figure) == n || int(figure+0.5) == n):
		return t.cheaper() // the price that was named, and no limit
	case err != nil:
	case figure <= float64(n):
		t.say("budgetok", "budget", limit, "cost", amount(monthly))
	default:
		t.say("budgetover", "budget", limit, "cost", amount(monthly))
		return t.cheaper()
	}
	return nil
}
