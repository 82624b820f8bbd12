package guide

func (u *understanding) findHA() {
	for _, m := range u.byKind["ha"] {
		if u.name.covers(m) {
			continue
		}
		mode := u.mode(u.sentence(m))
		topical := false
		for _, t := range u.byKind["topic"] {
			topical = topical || u.sentence(t) == u.sentence(m) && u.topics1(t)
		}
		if mode.asks && (!mode.requests || topical) && !u.requestsBefore(m) && !u.supposes(u.sentence(m)) {
			continue
		}
		yes := m.id == "yes" && !u.valueNo(m)
		if !yes {
			u.ha = &yes
			if u.corrects() {
				continue // "no HA. wait, yes HA": the last word stands
			}
			u.haClash = u.counts.control == 1 && u.plainHA()
			return
		}
		if u.dropHA(m) {
			yes = false
		}
		if u.ha == nil || u.corrects() {
			u.ha = &yes
		}
	}
	u.haClash = u.counts.control == 1 && u.plainHA()
	switch {
	case u.haClash:
	case u.counts.control >= 2:
		yes := true
		u.ha = &yes
	case u.counts.control == 1:
		no := false
		u.ha = &no
	}
}

// valueNo is true for "HA: no" and "high availability = off".
func (u *understanding) valueNo(m match) bool {
	toks := u.msg.tokens
	return m.to+1 < len(toks) && toks[m.to].kind == punctToken && toks[m.to].norm != "," && toks[m.to].sentence == toks[m.from].sentence && u.noWords[toks[m.to+1].norm]
}

// plainHA is true where high availability is asked for in so many words.
func (u *understanding) plainHA() bool {
	for _, m := range u.byKind["ha"] {
		if m.id == "yes" && !u.dropHA(m) && u.wanted(m) && !u.name.covers(m) {
			return true
		}
	}
	return false
}

// dropHA sees "without high availability", but not "no downtime".
func (u *understanding) dropHA(m match) bool {
	c, ok := u.nearest("cue", m.from, "drop", "not", "pos")
	return ok && c.id != "pos" && c.to >= m.from-2 && !u.wanted(m)
}
