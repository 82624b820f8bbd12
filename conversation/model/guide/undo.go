package guide

import (
	"encoding/json"
	"strings"

	"github.com/openova-io/sandbox/conversation"
)

// undo takes the newest change of an earlier turn back.
func (t *turn) undo(u *understanding) error {
	var before draft
	var fields []string
	var last draft
	for i := range t.earlier {
		m := &t.earlier[i]
		if m.Role != conversation.FromTool || m.Result == nil || m.Result.IsError || m.Result.Name != toolDraftGet && m.Result.Name != toolDraftSet {
			continue
		}
		body := m.Result.Structured
		if len(body) == 0 {
			body = json.RawMessage(m.Result.Text)
		}
		d, err := readDraft(body)
		if err != nil {
			continue
		}
		if m.Result.Name == toolDraftSet {
			if t.triedOut(i, m.Result.CallID) {
				continue
			}
			if f := t.saidFields(i, m.Result.CallID); len(f) > 0 {
				before, fields = last, f
			}
		}
		last = d
	}
	if len(fields) == 0 {
		t.say("undonothing")
		return t.next(u, false)
	}
	w := &work{}
	var names []string
	for _, f := range fields {
		value := lookup(before.raw, f)
		if s := before.field(f).Source; s != "said" && s != "accepted" {
			value = nil // it was a suggestion, and will be one again
		}
		w.put(f, value)
		if n := t.labels["field"][f]; n != "" && !contains(names, n) {
			names = append(names, n)
		}
	}
	was := t.draft
	if err := t.set(w.changes); err != nil {
		return err
	}
	if t.changed {
		t.say("undone", "list", t.join(names))
	}
	return t.proceed(u, w, was.phase() == awaiting)
}

// triedOut is true where the call that a result answers changed nothing.
func (t *turn) triedOut(at int, callID string) bool {
	for i := at; i >= 0; i-- {
		for _, c := range t.earlier[i].Calls {
			if c.ID == callID {
				_, preview := previewed(c)
				return preview
			}
		}
	}
	return false
}

// saidFields are the fields of the call that a result answers, unless all of
// them were only suggestions.
func (t *turn) saidFields(at int, callID string) []string {
	for i := at; i >= 0; i-- {
		for _, c := range t.earlier[i].Calls {
			if c.ID != callID {
				continue
			}
			var args struct {
				Changes []change `json:"changes"`
				Preview bool     `json:"preview"`
			}
			if json.Unmarshal(c.Arguments, &args) != nil || args.Preview {
				return nil
			}
			var out []string
			said := false
			for _, ch := range args.Changes {
				said = said || ch.Source != "suggested"
				if ch.Field != fieldSimulated {
					out = append(out, ch.Field)
				}
			}
			if !said {
				return nil
			}
			return out
		}
	}
	return nil
}

// lookup reads a path such as regions[0].cloudRegion; nil where there is none.
func lookup(spec map[string]any, path string) any {
	var v any = spec
	for _, part := range strings.Split(path, ".") {
		name, index, has := strings.Cut(part, "[")
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
		if has {
			list, ok := v.([]any)
			n := atoi(index)
			if !ok || n >= len(list) {
				return nil
			}
			v = list[n]
		}
	}
	if s, ok := v.(string); ok && s == "" {
		return nil
	}
	return v
}

func (t *turn) confirmReset() error {
	if t.draft.empty() {
		t.say("resetempty")
		t.say("openask")
		return nil
	}
	switch t.draft.phase() {
	case building:
		return t.afterApproval(t.understand("", t.open))
	}
	t.say("resetask")
	return t.ask(t.reply("resettitle"), "", t.yesNo(askReset, t.reply("resetask"), "no", ""))
}

// reset clears every field that has a value of its own.
func (t *turn) reset() error {
	w := &work{}
	for _, f := range sortedKeys(t.draft.Fields) {
		switch t.draft.Fields[f].Source {
		case "default", "derived":
			continue
		}
		switch {
		case f == fieldApps || f == fieldComponents:
			w.put(f, nil)
		case strings.HasPrefix(f, "regions") && f != fieldRegion && f != fieldWorkers && f != fieldWorkerSize && f != fieldCPSize:
		case f == "region" || f == "workerCount" || f == "workerSize" || f == "controlPlaneSize":
		default:
			w.put(f, nil)
		}
	}
	if t.draft.SimulatedAccount {
		w.put(fieldSimulated, false)
	}
	if err := t.set(w.changes); err != nil {
		return err
	}
	t.say("resetdone")
	t.say("openask")
	return nil
}
