package guide

// choose makes a chosen value what the message says.
func (t *turn) choose(u *understanding, field, value string) {
	switch field {
	case fieldEmail:
		u.emails = []string{value}
	case fieldRegion, "region":
		r := t.regions[value]
		u.where.machines = []placeHit{{text: r.Name + ", " + r.Country, region: value, known: true}}
	case fieldWorkers:
		u.counts.workers = []int{atoi(value)}
	case fieldName:
		u.orgName = value
	case fieldIndustry:
		if _, ok := t.language.business[value]; ok {
			u.business, u.isBusiness = value, true
		}
	}
}

func atoi(s string) int {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > 1_000_000 {
			return n
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// economise answers "the cheapest" by leaving out what is dear and was not asked
// for by name.
func (t *turn) economise(u *understanding, w *work) {
	if !u.act("cheapest") || u.ha != nil || !t.draft.ha() || u.whatIf {
		return
	}
	for i := range u.topics {
		if u.topics[i] == "cost" && !u.act("price") {
			return
		}
	}
	w.put(fieldHA, false)
	w.note(t.label("value", "noha"))
}

// apply sets the changes and says what was noted.
func (t *turn) apply(w *work) error {
	if err := t.set(w.changes); err != nil {
		return err
	}
	if t.changed {
		id := "noted"
		if t.draft.phase() == awaiting {
			id = "changed"
		}
		if len(w.noted) > 0 {
			t.say(id, "list", t.join(w.noted))
		}
		if len(w.removed) > 0 {
			t.say("removed", "list", t.join(w.removed))
		}
	}
	for _, s := range w.after {
		t.add(s)
	}
	return nil
}

// suggestRegion makes sure that there is a place with a reason: the draft may
// have found it by itself, else the nearest is suggested here.
func (t *turn) suggestRegion(u *understanding, w *work, before draft) error {
	if t.draft.empty() || t.draft.regionField().Source == "said" {
		return nil
	}
	d := &t.draft
	home := d.Spec.OrgHeadquarters
	moved := home != before.Spec.OrgHeadquarters
	if r := d.region(); r != "" {
		if r != before.region() && moved && !w.sets(fieldRegion) && d.regionField().Why != "" {
			if !t.lost {
				t.say("suggestregion", "region", t.regionName(r), "why", sentences(d.regionField().Why, 2))
			}
		}
		if d.regionField().Source != "" || !moved {
			return nil
		}
	}
	if home == "" && (d.missing(fieldName) || d.missing(fieldEmail)) {
		return nil // it may still be told
	}
	list, err := t.regionList(home, "")
	if err != nil {
		if waits(err) {
			return err
		}
		return nil
	}
	best, ok := list.best()
	if !ok || best.Region == d.region() {
		return nil
	}
	if home == "" {
		t.say("suggestnowhere", "region", best.title())
	} else {
		t.say("suggestregion", "region", best.title(), "why", sentence(best.Why))
	}
	return t.set([]change{{Field: fieldRegion, Value: best.Region, Source: "suggested", Why: best.Why}})
}

func (w *work) sets(field string) bool {
	for _, c := range w.changes {
		if c.Field == field {
			return true
		}
	}
	return false
}

// regionName is a region as a person reads it.
func (t *turn) regionName(id string) string {
	if r, ok := t.regions[id]; ok {
		return r.Name + ", " + r.Country
	}
	return id
}
