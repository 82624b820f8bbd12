package guide

import "strings"

// unread are the parts of a message that nothing was made of. They are said back,
// so that nothing that a person writes is passed over in silence.
type unread struct {
	wishes    []string // what was asked for and matches nothing
	questions []string // what was asked and has no answer
	words     []string // words that the language does not have
}

const (
	longestWish  = 6 // words of a wish that is said back
	mostSaidBack = 2
)

// meanings are the kinds of phrases that something is made of.
var meanings = map[string]bool{
	"app": true, "need": true, "component": true, "compliance": true, "business": true, "region": true, "place": true,
	"demonym": true, "count": true, "ha": true, "size": true, "budget": true, "period": true, "account": true, "address": true,
	"residency": true,
}

// findUnread looks for what is left of a message once all is understood.
func (u *understanding) findUnread() unread {
	var out unread
	read := make([]bool, len(u.msg.tokens))
	mark := func(from, to int) {
		for i := from; i < to && i < len(read); i++ {
			read[i] = true
		}
	}
	mark(u.name.from, u.name.to)
	for _, m := range u.matches {
		switch {
		case m.kind == "count" && !u.counting(m):
		case meanings[m.kind], m.kind == "act" && m.id != "yes" && m.id != "go" && m.id != "no" && m.id != "greet":
			mark(m.from, m.to)
		case m.kind == "topic" && contains(u.topics, m.id):
			mark(m.from, m.to)
		}
	}
	for i := range u.msg.tokens {
		if k := u.msg.tokens[i].kind; k == emailToken || k == domainToken || k == numberToken || u.sizeAt(i) {
			read[i] = true
		}
	}
	for _, p := range u.where.people {
		mark(p.at, p.at+len(strings.Fields(p.text)))
	}
	for _, p := range u.where.machines {
		mark(p.at, p.at+len(strings.Fields(p.text)))
	}
	u.unreadWishes(&out, read)
	u.unreadQuestions(&out, read)
	for i := range u.msg.tokens {
		t := &u.msg.tokens[i]
		if t.kind == wordToken && !read[i] && !u.ordinary(t) && !u.fillers[t.norm] && !u.closers[t.norm] && !u.shrugs[t.norm] && !u.words[t.norm] && !u.words[t.stem] && !u.inflected(t.norm) && !u.person.covers(match{from: i, to: i + 1}) {
			out.words = append(out.words, u.msg.slice(i, i+1))
		}
	}
	return out
}

// counting is true for a phrase that a number belongs to.
func (u *understanding) counting(m match) bool {
	for i := max(m.from-2, 0); i < m.to+2 && i < len(u.msg.tokens); i++ {
		if u.msg.tokens[i].kind == numberToken {
			return true
		}
	}
	return m.id == "workers" || m.id == "controlplanes" || m.id == "single" || m.id == "one"
}

// unreadWishes goes through the lists that follow "we need" and its kin.
func (u *understanding) unreadWishes(out *unread, read []bool) {
	toks := u.msg.tokens
	for s := range u.msg.asks {
		if !u.bareList(s, read) {
			continue
		}
		for i := 0; i < len(toks); {
			to := i
			for to < len(toks) && toks[to].sentence == s && !u.parts(to) {
				to++
			}
			if to > i && to-i <= 3 {
				if w := u.unreadWish(i, to, read); w != "" && len(out.wishes) < mostSaidBack {
					out.wishes = append(out.wishes, w)
				}
			}
			i = to + 1
		}
	}
	for _, c := range u.byKind["cue"] {
		if c.id != "asksfor" || u.name.covers(c) || !u.wanted(match{from: min(c.to, len(toks)-1), to: c.to + 1}) {
			continue
		}
		if m := u.mode(u.sentence(c)); m.asks && !m.requests && !m.offers {
			continue
		}
		for i := c.to; i < len(toks) && toks[i].sentence == u.sentence(c); {
			to := i
			for to < len(toks) && toks[to].sentence == u.sentence(c) && !u.parts(to) {
				to++
			}
			if s := u.unreadWish(i, to, read); s != "" && !u.sharesPlace(to, read) && len(out.wishes) < mostSaidBack && !contains(out.wishes, s) {
				out.wishes = append(out.wishes, s)
			}
			i = to + 1
		}
	}
}

// sharesPlace is true where an unread thing is joined to a read one that says
// where both belong: "our menus and news on a site".
func (u *understanding) sharesPlace(and int, read []bool) bool {
	toks := u.msg.tokens
	if and >= len(toks) || toks[and].norm != u.andWord {
		return false
	}
	known, place := false, false
	for i := and + 1; i < len(toks) && toks[i].sentence == toks[and].sentence && toks[i].kind != punctToken; i++ {
		known = known || read[i]
		place = place || u.wishFor[toks[i].norm]
	}
	return known && place
}

// bareList is true for a sentence that is a list of wishes and nothing else:
// "Git, wiki, Jupyter."
func (u *understanding) bareList(s int, read []bool) bool {
	parts, wishes := 1, 0
	for i := range u.msg.tokens {
		if u.msg.tokens[i].sentence == s && u.parts(i) && i > 0 && u.msg.tokens[i-1].sentence == s {
			parts++
		}
		if n := &u.msg.tokens[i]; n.sentence == s && (u.speakers[n.norm] || n.kind == emailToken || n.kind == domainToken) {
			return false
		}
	}
	for _, kind := range []string{"app", "need", "component"} {
		for _, m := range u.byKind[kind] {
			if u.sentence(m) == s && !u.name.covers(m) {
				wishes++
			}
		}
	}
	return parts >= 2 && wishes > 0 && !u.mode(s).asks
}

// parts is true for what stands between two things of a list.
func (r *reading) parts(i int) bool {
	t := &r.msg.tokens[i]
	return t.norm == r.andWord || r.wishParts[t.norm] || t.kind == punctToken && !joins(t.norm)
}

// unreadWish gives the words of one wished thing where nothing in it was read and
// it says something in particular: "a wifi voucher system", but not "something
// nice".
func (u *understanding) unreadWish(from, to int, read []bool) string {
	toks := u.msg.tokens
	for i := from; i < to; i++ {
		if read[i] {
			return ""
		}
		for _, c := range u.byKind["cue"] {
			if c.from == i && (c.id == "drop" || c.id == "not" || c.id == "neutral") {
				return ""
			}
		}
	}
	// Of "a way to track camels" the second part says what is wanted, of "a
	// platform for citizens" the first.
	for i := from; i < to; i++ {
		if u.wishFor[toks[i].norm] && i > from {
			to = i
			break
		}
	}
	for i := from; i < to; i++ {
		if u.wishTo[toks[i].norm] {
			from = i + 1
		}
	}
	for from < to && (u.ordinarySmall(from) || toks[from].kind == punctToken) {
		from++
	}
	special := false
	for i := from; i < to; i++ {
		t := &toks[i]
		special = special || t.kind == wordToken && !u.common[t.norm] && !u.common[t.stem] && !u.fillers[t.norm] && !u.closers[t.norm] && !u.names.stops[t.norm] && !u.shrugs[t.norm] && !u.vague[t.norm]
	}
	if !special || to-from > longestWish {
		return ""
	}
	return strings.TrimSpace(u.msg.slice(from, to))
}

// ordinarySmall is true for articles and other small words before a thing.
func (r *reading) ordinarySmall(i int) bool {
	n := r.msg.tokens[i].norm
	return r.articles[n] || r.links[n] || r.fillers[n] || r.listWords[n] || r.names.stops[n]
}

// unreadQuestions finds sentences that ask something of which nothing was read.
func (u *understanding) unreadQuestions(out *unread, read []bool) {
	for s, asks := range u.msg.asks {
		if !asks || u.sentenceWords(s) < 2 || u.sentenceWords(s) < 4 && u.msg.words() > 4 || len(out.questions) == mostSaidBack {
			continue
		}
		from, to, known := -1, 0, false
		for i := range u.msg.tokens {
			if u.msg.tokens[i].sentence != s {
				continue
			}
			if from < 0 {
				from = i
			}
			to = i + 1
			known = known || read[i]
		}
		for _, m := range u.byKind["topic"] {
			known = known || u.sentence(m) == s && contains(u.topics, m.id)
		}
		for _, m := range u.byKind["act"] {
			known = known || u.sentence(m) == s
		}
		if !known {
			for from < to && u.msg.tokens[from].kind == punctToken {
				from++
			}
			out.questions = append(out.questions, strings.TrimSpace(u.msg.slice(from, to)))
		}
	}
}
