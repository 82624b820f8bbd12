package guide

import "strings"

// address is what a message says of the Sovereign's address.
type address struct {
	label   string // under the pool
	pool    string // where it was named
	own     string // a domain that the Organization owns
	usePool bool
	quiet   bool // the label was only asked about
}

// findAddress reads a wished label or an own domain. asked is true while the
// address is being asked for, loose while nothing else of that kind is.
func (r *reading) findAddress(asked, loose bool) address {
	var a address
	toks := r.msg.tokens
	for i := range toks {
		t := &toks[i]
		if t.kind != domainToken {
			continue
		}
		host := hostOf(t.norm)
		if r.dotted[host] || r.isAppName(host) || r.name.covers(match{from: i, to: i + 1}) && !r.nearAddress(i) {
			continue
		}
		if pool, ok := r.poolOf(host); ok {
			if label := strings.TrimSuffix(host, "."+pool); label != host {
				a.label, a.pool = lastLabel(label), pool
			}
			continue
		}
		ask := r.mode(t.sentence)
		if ask.asks && !ask.requests {
			continue
		}
		if !r.wanted(match{from: i, to: i + 1}) {
			continue
		}
		if r.has("cue", "already", t.sentence) && !asked {
			continue // "our website is acme.com already"
		}
		if asked || r.nearAddress(i) || r.ours(i) || loose && r.msg.words() <= 7 && len(r.byKind["app"]) == 0 {
			a.own = host
		}
	}
	if a.label != "" || a.own != "" {
		return a
	}
	for _, m := range r.byKind["address"] {
		switch m.id {
		case "pool":
			a.usePool = true
		case "label":
			ask := r.mode(r.sentence(m))
			if ask.asks && !ask.requests {
				continue
			}
			if label, ok := r.labelAt(m.to); ok {
				a.label = label
			}
		case "after":
			if label, ok := r.labelBefore(m.from); ok && a.label == "" {
				a.label = label
			}
		}
	}
	if a.label == "" && asked && r.msg.words() <= 2 && len(r.byKind["act"]) == 0 && len(r.byKind["topic"]) == 0 {
		if label, ok := r.labelAt(0); ok {
			a.label = label
		}
	}
	return a
}

// ours is true for a domain that is said to belong to them, or that is used as
// the address: "alfajr.com is ours, use that".
func (r *reading) ours(i int) bool {
	for _, m := range r.byKind["address"] {
		if m.id == "ours" && r.sentence(m) == r.msg.tokens[i].sentence && m.from >= i && m.from-i <= 3 {
			return true
		}
	}
	return false
}

// isAppName is true for "cal.com" and its kin.
func (r *reading) isAppName(host string) bool {
	for _, a := range r.apps {
		if fold(a.Name) == host {
			return true
		}
	}
	return false
}

// poolOf gives the pool that a host is under.
func (r *reading) poolOf(host string) (string, bool) {
	for _, p := range strings.Fields(r.Pools) {
		if host == p || strings.HasSuffix(host, "."+p) {
			return p, true
		}
	}
	return "", false
}

func lastLabel(s string) string { return s[strings.LastIndexByte(s, '.')+1:] }

// nearAddress is true where the sentence speaks of an own domain.
func (r *reading) nearAddress(i int) bool {
	for _, m := range r.byKind["address"] {
		if (m.id == "own" || m.id == "label") && r.sentence(m) == r.msg.tokens[i].sentence && m.to <= i && i-m.to <= 6 {
			return true
		}
		if m.id == "after" && m.from >= i && m.from-i <= 5 && r.sentence(m) == r.msg.tokens[i].sentence {
			return true
		}
	}
	return false
}

// labelAt reads a label that stands at token i, after an opening quote, a colon
// or an article.
func (r *reading) labelAt(i int) (string, bool) {
	i, _ = r.nameStart(i)
	if i < 0 {
		return "", false
	}
	to := i
	toks := r.msg.tokens
	for to < len(toks) && to-i < 5 {
		t := &toks[to]
		if t.kind == punctToken {
			if (t.norm == "-" || t.norm == "_") && to+1 < len(toks) && toks[to+1].start == t.end && to > i && toks[to-1].end == t.start {
				to++
				continue
			}
			break
		}
		if t.kind == emailToken || t.kind == domainToken || r.names.stops[t.norm] || r.articles[t.norm] || r.labelStops[t.norm] {
			break
		}
		to++
	}
	return makeLabel(r.msg.slice(i, to))
}

// labelBefore reads "use alnoor as the address".
func (r *reading) labelBefore(end int) (string, bool) {
	toks := r.msg.tokens
	from := end
	for from > 0 && end-from < 3 && toks[from-1].kind != punctToken && !r.names.stops[toks[from-1].norm] && !r.common[toks[from-1].norm] && toks[from-1].sentence == toks[min(end, len(toks)-1)].sentence {
		from--
	}
	return makeLabel(r.msg.slice(from, end))
}

// makeLabel writes words as a label of a domain name.
func makeLabel(s string) (string, bool) {
	var b strings.Builder
	for _, c := range fold(s) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case c == '-' || c == ' ' || c == '_':
			if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
				b.WriteByte('-')
			}
		}
	}
	label := strings.Trim(b.String(), "-")
	return label, label != ""
}
