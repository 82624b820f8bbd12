package guide

import "strings"

// fits answers "is that something you do?" by what was noted.
func (t *turn) fits(u *understanding) {
	switch {
	case t.lost || t.everSaid("residencylost") && !t.everSaid("trialok") && !u.act("trial"):
		t.say("residencyadvice")
	case len(t.draft.Spec.Apps) > 0:
		t.say("fitsapps", "apps", t.appNames(t.draft.Spec.Apps))
	default:
		t.say("fits")
	}
}

func (t *turn) listApps() error {
	if t.suggested {
		return nil // some were suggested just now
	}
	if err := t.catalogue(); err != nil {
		return err
	}
	var can, not []string
	for _, slug := range sortedKeys(t.appInfo) {
		if t.appInfo[slug].Deployable {
			can = append(can, t.appFor(slug))
		} else {
			not = append(not, t.appName(slug))
		}
	}
	if len(can) == 0 {
		t.say("toolfailed")
		return nil
	}
	again := t.everSaid("apps")
	if !again {
		t.say("apps", "list", t.join(can))
	}
	if len(not) > 0 && (again || len(can) < 8) {
		t.say("appsnotyet", "list", t.join(not))
	}
	return nil
}

func (t *turn) whyApps(u *understanding) {
	if t.suggested {
		return // the suggestion of this turn names its reason
	}
	d := &t.draft
	f := d.field(fieldApps)
	switch {
	case len(d.Spec.Apps) == 0:
		t.say("whyappsnone")
	case f.Source == "suggested":
		t.say("whyappssuggested", "apps", t.appNames(d.Spec.Apps), "why", f.Why)
	default:
		t.say("whyapps", "apps", t.appNames(d.Spec.Apps))
	}
}

// aboutApps answers questions about Applications by name or by what they do.
func (t *turn) aboutApps(u *understanding) error {
	var names []wish
	for _, a := range u.apps {
		if a.asked && strings.HasPrefix(a.slug, "need:") {
			t.replied = true // applications has said it
			continue
		}
		if a.asked && len(names) < 2 {
			names = append(names, a)
		}
	}
	if len(names) == 0 || contains(u.topics, "whyapps") {
		return nil
	}
	for _, id := range u.topics {
		if t.language.topics[id].Weight >= 8 {
			return nil // the question is another one
		}
	}
	if err := t.catalogue(); err != nil {
		return err
	}
	var offers []string
	w := &work{}
	for _, a := range names {
		info := t.language.apps[a.slug]
		t.say("appabout", "about", info.About)
		switch {
		case contains(t.draft.Spec.Apps, a.slug):
			t.say("apphave")
		case !t.deployable(a.slug):
			near := t.appInfo[a.slug].Nearest
			if near == "" || !t.deployable(near) {
				t.say("appcannot")
				break
			}
			t.notYet(a, nil, t.draft.Spec.Apps, w)
		default:
			offers = append(offers, t.appName(a.slug))
		}
	}
	t.offerNearest(w)
	for _, s := range w.after {
		t.add(s)
	}
	if len(offers) > 0 {
		t.say("appoffer", "app", t.join(offers))
	}
	t.replied = true
	drop := []string{"included", "apps", "why"}
	var rest []string
	for _, id := range u.topics {
		if !contains(drop, id) {
			rest = append(rest, id)
		}
	}
	u.topics = rest
	return nil
}
