package guide

import (
	"strings"
)

func (t *turn) regionList(near, residency string) (regionList, error) {
	args := map[string]any{}
	if near != "" {
		args["near"] = near
	}
	if residency != "" {
		args["residency"] = residency
	}
	var out regionList
	err := t.call(toolRegions, args, &out)
	return out, err
}

// work collects the changes of one message with the words that tell of them.
type work struct {
	changes []change
	noted   []string // what is new, in words
	removed []string
	after   []string // remarks that follow
	offers  []string // Applications that come nearest to what cannot be had
	same    []string // what was said and is so already
	replace []string // fields whose clash is asked about
	ask     []any
}

func (w *work) put(field string, value any) {
	w.changes = append(w.changes, change{Field: field, Value: value})
}

func (w *work) note(s string) {
	if s != "" && !contains(w.noted, s) {
		w.noted = append(w.noted, s)
	}
}

// facts turns what was understood into changes of the draft.
func (t *turn) facts(u *understanding) (*work, error) {
	w := &work{}
	t.organisation(u, w)
	if err := t.address(u, w); err != nil {
		return nil, err
	}
	if err := t.place(u, w); err != nil {
		return nil, err
	}
	if err := t.applications(u, w); err != nil {
		return nil, err
	}
	if err := t.parts(u, w); err != nil {
		return nil, err
	}
	if err := t.servers(u, w); err != nil {
		return nil, err
	}
	return w, nil
}

// organisation sets name, e-mail, business, size and regimes.
func (t *turn) organisation(u *understanding, w *work) {
	s := &t.draft.Spec
	switch {
	case u.orgName != "" && u.orgName == s.OrgName:
		w.same = append(w.same, echo(u.orgName))
	case u.orgName != "":
		w.put(fieldName, u.orgName)
		w.note(echo(u.orgName))
	}
	switch {
	case len(u.emails) == 1:
		if strings.EqualFold(u.emails[0], s.OrgEmail) {
			w.same = append(w.same, u.emails[0])
			break
		}
		w.put(fieldEmail, u.emails[0])
		w.note(t.label("value", "email", "v", u.emails[0]))
	case len(u.emails) > 1:
		w.after = append(w.after, t.reply("whichemail"))
		w.ask = append(w.ask, t.choice(fieldEmail, t.reply("whichemail"), u.emails, nil, ""))
	case u.badEmail != "":
		id := "bademail"
		if !strings.Contains(u.badEmail, "@") {
			id = "bademailat"
		}
		w.after = append(w.after, t.reply(id, "value", echo(u.badEmail)))
	}
	if b, ok := t.language.business[u.business]; ok && !(u.bizInName && s.OrgName != "") {
		if s.OrgIndustry == "" || s.OrgIndustry != b.Industry && u.isBusiness && !u.bizInName {
			w.put(fieldIndustry, b.Industry)
			if u.orgName == "" || !u.name.covers(match{from: 0, to: 1}) {
				w.note(b.Label)
			}
		} else if u.isBusiness || u.msg.words() <= shortReply {
			w.same = append(w.same, b.Label)
		}
	}
	if n := u.counts.people; n > 0 && n != s.OrgSize {
		w.put(fieldSize, n)
		if n == 1 {
			w.note(t.label("value", "person"))
		} else {
			w.note(t.label("value", "people", "n", thousands(n)))
		}
	}
	list, added, dropped := merge(s.OrgCompliance, u.compliance)
	if len(added)+len(dropped) > 0 {
		w.put(fieldCompliance, list)
		if len(added) > 0 {
			w.after = append(w.after, t.reply("compliance", "list", t.join(added)))
		}
		w.removed = append(w.removed, dropped...)
	}
}

// merge applies wishes to a list of slugs.
func merge(have []string, wishes []wish) (list, added, dropped []string) {
	list = append(list, have...)
	for _, w := range wishes {
		switch {
		case w.asked:
		case w.drop:
			for i, s := range list {
				if s == w.slug {
					list = append(list[:i:i], list[i+1:]...)
					dropped = append(dropped, w.slug)
					break
				}
			}
		case !contains(list, w.slug):
			list = append(list, w.slug)
			added = append(added, w.slug)
		}
	}
	if list == nil {
		list = []string{}
	}
	return list, added, dropped
}

// address sets the subdomain or the own domain.
func (t *turn) address(u *understanding, w *work) error {
	s := &t.draft.Spec
	switch a := u.address; {
	case a.own != "":
		if strings.EqualFold(a.own, s.SovereignFQDN) {
			return nil
		}
		w.put(fieldMode, "byo-manual")
		w.put(fieldFQDN, a.own)
		w.note(t.label("value", "address", "v", a.own))
		w.after = append(w.after, t.reply("owndomain", "domain", a.own))
	case a.label != "":
		if a.label == s.SovereignSubdomain {
			return nil
		}
		var check struct {
			Available   bool     `json:"available"`
			Reason      string   `json:"reason"`
			Detail      string   `json:"detail"`
			FQDN        string   `json:"fqdn"`
			Suggestions []string `json:"suggestions"`
		}
		args := map[string]any{"subdomain": a.label}
		if a.pool != "" {
			args["poolDomain"] = a.pool
		}
		if err := t.call(toolSubdomain, args, &check); err != nil {
			if waits(err) {
				return err
			}
			check.Available = true // the draft's own rule has the last word
		}
		if !check.Available {
			reason := t.labels["reason"][check.Reason]
			if check.Detail != "" && reason == "" {
				reason = strings.TrimRight(check.Detail, ".")
			}
			if reason == "" {
				reason = t.labels["reason"]["taken"]
			}
			more := ""
			if len(check.Suggestions) > 0 {
				more = t.reply("takensuggest", "list", strings.Join(check.Suggestions[:min(3, len(check.Suggestions))], " "+t.reply("or")+" "))
			}
			fqdn := keep(check.FQDN, a.label)
			w.after = append(w.after, t.reply("taken", "fqdn", fqdn, "reason", reason, "suggestions", more))
			return nil
		}
		if s.SovereignDomainMode != "" && s.SovereignDomainMode != "pool" {
			w.put(fieldMode, "pool")
		}
		if a.pool != "" && a.pool != s.SovereignPoolDomain {
			w.put(fieldPool, a.pool)
		}
		w.put(fieldSubdomain, a.label)
		w.note(t.label("value", "address", "v", keep(check.FQDN, a.label)))
	case a.usePool && s.SovereignDomainMode != "" && s.SovereignDomainMode != "pool":
		w.put(fieldMode, "pool")
		w.put(fieldFQDN, nil)
		w.after = append(w.after, t.reply("pooldomain"))
	}
	return nil
}
