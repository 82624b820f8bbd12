package guide

import (
	"strings"
)

// applications sets the Applications that were asked for, and says which cannot
// be installed yet.
func (t *turn) applications(u *understanding, w *work) error {
	live := false
	var wishes []wish
	for _, a := range u.apps {
		if strings.HasPrefix(a.slug, "need:") {
			if !a.drop {
				t.needless(a, u, w)
			}
			continue
		}
		wishes = append(wishes, a)
		live = live || !a.asked
	}
	have := t.draft.Spec.Apps
	if !live && u.refers && len(wishes) == 0 {
		for _, slug := range t.offered("app") {
			wishes = append(wishes, wish{slug: slug})
			live = true
		}
	}
	if u.noApps && !live {
		if len(have) > 0 || t.draft.field(fieldApps).Source == "" {
			w.put(fieldApps, []string{})
			w.removed = append(w.removed, t.names(have)...)
		}
		return nil
	}
	if !live {
		return nil
	}
	if err := t.catalogue(); err != nil {
		return err
	}
	if t.draft.field(fieldApps).Source == "suggested" && !u.onlyApps && t.tellsAll(u, wishes) {
		u.onlyApps = true
		t.ownSuggestions = true
	}
	for i := range wishes {
		if wishes[i].swap && len(wishes) > 1 && contains(have, wishes[i].slug) {
			wishes[i].drop = true
		}
	}
	if u.onlyApps {
		var rest []string
		for _, s := range have {
			for _, a := range wishes {
				if a.slug == s && !a.drop {
					rest = append(rest, s)
				}
			}
		}
		var out []string
		for _, s := range have {
			if !contains(rest, s) {
				out = append(out, t.appName(s))
			}
		}
		if t.ownSuggestions && len(out) > 0 {
			w.after = append(w.after, t.reply("leftsuggestions", "list", t.join(out)))
		} else {
			w.removed = append(w.removed, out...)
		}
		have = rest
	}
	var can []wish
	for _, a := range wishes {
		_, known := t.appInfo[a.slug]
		switch {
		case a.asked:
		case a.drop && !contains(have, a.slug):
			if a.need == "" {
				w.after = append(w.after, t.reply("notthere", "list", t.appName(a.slug)))
			}
			can = append(can, a)
		case a.drop, t.deployable(a.slug), !known && len(t.appInfo) == 0:
			can = append(can, a)
		default:
			t.notYet(a, wishes, have, w)
		}
	}
	t.offerNearest(w)
	list, added, dropped := merge(have, can)
	if t.draft.field(fieldApps).Source == "" && len(list) == 0 {
		w.put(fieldApps, list) // the wishes are known, so none is guessed
		return nil
	}
	if len(added)+len(dropped)+len(w.removed) == 0 && len(have) == len(t.draft.Spec.Apps) && !(len(can) > 0 && t.draft.field(fieldApps).Source == "suggested") {
		if kept := t.keptApps(can, have); len(kept) > 0 {
			id := "already"
			if len(can) == 1 && can[0].need != "" { // another product's name may have been said
				id = "alreadydoes"
			}
			w.after = append(w.after, t.reply(id, "list", t.join(kept)))
			t.replied = true
		}
		if t.draft.field(fieldApps).Source == "" && len(can) > 0 {
			w.put(fieldApps, list) // that none is wanted is known now
		}
		return nil
	}
	w.put(fieldApps, list)
	if len(added) == 0 {
		w.noted = append(w.noted, t.keptApps(can, have)...)
	}
	for _, s := range added {
		w.note(t.appFor(s))
	}
	w.removed = append(w.removed, t.names(dropped)...)
	return nil
}

// tellsAll is true where a person says what they need, after Applications were
// only suggested to them: that is the list then, and no addition to it.
func (t *turn) tellsAll(u *understanding, wishes []wish) bool {
	for _, w := range wishes {
		if w.drop || w.asked {
			return false
		}
	}
	return (len(wishes) > 1 || len(wishes) == 1 && !u.act("yes")) && !u.has("cue", "besides") && !u.refers
}

// needless says that no Application does what is wished for.
func (t *turn) needless(a wish, u *understanding, w *work) {
	need := t.needs[a.need]
	id := "needless"
	switch {
	case need.Near == "":
	case contains(t.draft.Spec.Apps, need.Near), wishedFor(u, need.Near):
		id = "needhave"
	default:
		id = "neednear"
	}
	if need.Say != "" {
		w.after = append(w.after, need.Say)
		t.replied = true
		return
	}
	w.after = append(w.after, t.reply(id, "what", need.Label, "note", space(need.Note), "nearest", t.language.apps[need.Near].Name))
	t.replied = true
}

// wishedFor is true where the message asks for an Application by itself.
func wishedFor(u *understanding, slug string) bool {
	for _, a := range u.apps {
		if a.slug == slug && !a.drop && !a.asked {
			return true
		}
	}
	return false
}

// notYet says that an Application cannot be installed, and which comes nearest.
func (t *turn) notYet(a wish, wishes []wish, have []string, w *work) {
	info := t.appInfo[a.slug]
	if info.Nearest == "" || !t.deployable(info.Nearest) {
		w.after = append(w.after, t.reply("notyet", "app", t.appName(a.slug)+" ("+t.language.apps[a.slug].For+")"))
		return
	}
	note := space(info.NearestNote)
	id := "notyetnearest"
	if contains(have, info.Nearest) {
		id = "notyethave"
	}
	for _, o := range wishes {
		if o.slug == info.Nearest && !o.drop {
			id = "notyethave"
		}
	}
	if id == "notyetnearest" && !contains(w.offers, t.appName(info.Nearest)) {
		w.offers = append(w.offers, t.appName(info.Nearest))
	}
	what := t.language.apps[a.slug].For
	if a.need != "" {
		what = t.needs[a.need].Label
	}
	w.after = append(w.after, t.reply(id, "app", t.appName(a.slug), "what", what, "nearest", t.appName(info.Nearest), "note", note))
}

// offerNearest says once how to take what comes nearest to what was wished for.
func (t *turn) offerNearest(w *work) {
	if len(w.offers) > 0 {
		w.after = append(w.after, t.reply("offernearest", "list", t.join(w.offers)))
	}
	w.offers = nil
}

func (t *turn) names(slugs []string) []string {
	out := make([]string, 0, len(slugs))
	for _, s := range slugs {
		out = append(out, t.appName(s))
	}
	return out
}

// offered are the Applications or components that the newest reply offered and
// that are not on the list: what "add it" means.
func (t *turn) offered(kind string) []string {
	for i := len(t.earlier) - 1; i >= 0; i-- {
		m := t.earlier[i]
		if m.Role == "agent" && m.Text != "" {
			var out []string
			r := t.parse(m.Text)
			for _, hit := range r.byKind[kind] {
				for _, c := range r.matches {
					if c.kind == "cue" && c.id == "pos" && (c.to == hit.from || c.to < hit.from && r.listBetween(c.to, hit.from)) && !contains(t.draft.Spec.Apps, hit.id) && !contains(t.draft.Spec.Components, hit.id) && !contains(out, hit.id) {
						out = append(out, hit.id)
					}
				}
			}
			return out
		}
		if m.Role == "human" {
			return nil
		}
	}
	return nil
}

// suggest proposes Applications for a kind of organisation that named none.
func (t *turn) suggest(u *understanding, w *work) error {
	b, ok := t.language.business[u.business]
	if !ok && u.act("advise") {
		b, ok = t.businessOf(t.draft.Spec.OrgIndustry)
	}
	if !ok || len(t.draft.Spec.Apps) > 0 || t.draft.field(fieldApps).Source != "" && !u.act("advise") || u.noApps {
		return nil
	}
	for _, c := range w.changes {
		if c.Field == fieldApps {
			return nil
		}
	}
	for _, a := range u.apps {
		if !a.asked && !a.drop {
			return nil
		}
	}
	if t.calls+3 >= callsBeforeSet {
		return nil
	}
	if err := t.catalogue(); err != nil {
		return err
	}
	names, err := t.usual(b)
	if err != nil {
		return err
	}
	var list, shown []string
	for _, s := range names {
		if t.deployable(s) && len(list) < mostSuggestions {
			list, shown = append(list, s), append(shown, t.appFor(s))
		}
	}
	if len(list) == 0 {
		return nil
	}
	text := t.reply("suggestapps", "business", b.Label, "apps", t.join(shown))
	w.changes = append(w.changes, change{Field: fieldApps, Value: list, Source: "suggested", Why: firstSentence(text)})
	w.after = append(w.after, text)
	t.suggested = true
	return nil
}

// moreApps names what an industry usually wants and is not on the list.
func (t *turn) moreApps(u *understanding) error {
	if err := t.catalogue(); err != nil {
		return err
	}
	b, ok := t.language.business[u.business]
	if !ok {
		b = businessData{Industry: t.draft.Spec.OrgIndustry}
	}
	names, err := t.usual(b)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = t.usualApps
	}
	var list []string
	for _, s := range names {
		if t.deployable(s) && !contains(t.draft.Spec.Apps, s) && len(list) < mostSuggestions {
			list = append(list, t.appFor(s))
		}
	}
	if len(list) == 0 {
		t.say("nomore")
	} else {
		t.say("advicemore", "list", t.join(list))
	}
	t.replied = true
	return nil
}

// usual lists what a kind of business usually wants.
func (t *turn) usual(b businessData) ([]string, error) {
	if len(b.Suggest) > 0 {
		return b.Suggest, nil
	}
	var out struct {
		Items []struct {
			Slug          string   `json:"slug"`
			SuggestedApps []string `json:"suggestedApps"`
		} `json:"items"`
	}
	if err := t.call(toolCatalogue, map[string]any{"kind": "industries"}, &out); err != nil {
		if waits(err) {
			return nil, err
		}
		return nil, nil
	}
	for _, i := range out.Items {
		if i.Slug == b.Industry {
			return i.SuggestedApps, nil
		}
	}
	return nil, nil
}

// businessOf is an industry as a kind of business, for a draft that knows no more.
func (t *turn) businessOf(industry string) (businessData, bool) {
	label := t.labels["industry"][industry]
	return businessData{Label: label, Industry: industry}, label != "" && industry != "other"
}

func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i > 0 {
		return s[:i+1]
	}
	return s
}

// keptApps are the wished Applications that were on the list before.
func (t *turn) keptApps(wishes []wish, have []string) []string {
	var out []string
	for _, w := range wishes {
		if !w.drop && contains(have, w.slug) {
			out = append(out, t.appName(w.slug))
		}
	}
	return out
}

// live is true where a list has a wish that was not only asked about.
func live(wishes []wish) bool {
	for _, w := range wishes {
		if !w.asked {
			return true
		}
	}
	return false
}

// parts sets the platform's extra components.
func (t *turn) parts(u *understanding, w *work) error {
	if u.refers && len(u.components) == 0 && len(u.apps) == 0 {
		for _, slug := range t.offered("component") {
			u.components = append(u.components, wish{slug: slug})
		}
	}
	if len(u.components) == 0 || len(u.topics) > 0 && !live(u.components) || t.calls >= callsBeforeSet {
		return nil
	}
	var out struct {
		Items []struct {
			ID     string `json:"id"`
			Slug   string `json:"slug"`
			Name   string `json:"name"`
			Tier   string `json:"tier"`
			Reason string `json:"reason"`
		} `json:"items"`
	}
	if err := t.call(toolCatalogue, map[string]any{"kind": "components"}, &out); err != nil {
		if waits(err) {
			return err
		}
		return nil
	}
	var can []wish
	names := map[string]string{}
	for _, c := range u.components {
		found := false
		for _, item := range out.Items {
			if item.ID != c.slug && item.Slug != c.slug {
				continue
			}
			found, names[c.slug] = true, keep(item.Name, c.slug)
			switch {
			case c.asked && item.Reason == "" && item.Tier != "mandatory":
				w.after = append(w.after, t.reply("componentoffer", "component", names[c.slug]))
				t.replied = true
			case c.asked && item.Tier == "mandatory":
				w.after = append(w.after, t.reply("componentadded", "list", names[c.slug]))
				t.replied = true
			case item.Reason != "":
				w.after = append(w.after, t.reply("componentnot", "component", names[c.slug], "reason", strings.TrimRight(item.Reason, ".")))
			case item.Tier == "mandatory" && c.drop:
				w.after = append(w.after, t.reply("componentfixed", "component", names[c.slug]))
			case item.Tier == "mandatory":
				w.after = append(w.after, t.reply("componentadded", "list", names[c.slug]))
			default:
				can = append(can, c)
			}
		}
		if !found && !c.asked {
			w.after = append(w.after, t.reply("componentunknown", "component", c.slug))
		}
	}
	list, added, dropped := merge(t.draft.Spec.Components, can)
	if len(added)+len(dropped) == 0 {
		return nil
	}
	w.put(fieldComponents, list)
	for _, s := range added {
		w.note(names[s])
	}
	for _, s := range dropped {
		w.removed = append(w.removed, names[s])
	}
	return nil
}
