package guide

import "unicode"

// machine is a wish for other servers.
type machine struct {
	control, worker bool
	id              string // for the workers, or for what is meant
	controlID       string // named for the control plane
	step            int    // +1 bigger, -1 smaller, +9 biggest, -9 smallest
	category        string
	memory, cores   int
}

func (m machine) wished() bool {
	return m.id != "" || m.controlID != "" || m.step != 0 || m.category != "" || m.memory > 0 || m.cores > 0
}

func (u *understanding) findMachine() {
	m := machine{memory: u.counts.memory, cores: u.counts.cores}
	for _, s := range u.byKind["size"] {
		if u.name.covers(s) {
			continue
		}
		mode := u.mode(u.sentence(s))
		plain := !mode.asks || mode.requests
		switch s.id {
		case "control":
			m.control = true
		case "worker":
			m.worker = true
		case "bigger":
			if plain && u.wanted(s) {
				m.step = 1
			}
		case "smaller":
			if plain && m.step == 0 {
				m.step = -1
			}
		case "biggest":
			if plain {
				m.step = 9
			}
		case "smallest":
			if plain {
				m.step = -9
			}
		case "dedicated", "arm", "x86":
			if plain && u.wanted(s) {
				m.category = s.id
			}
		}
	}
	if m.step < 0 && !m.control && !m.worker && u.has("act", "price") {
		m.step = 0 // "too much, make it smaller" is about the price
	}
	if u.counts.memory > 0 && m.control && m.worker { // "HA control plane, 4 workers with 16 GB"
		m.control, m.worker = u.rolesAround(u.counts.memoryAt)
	}
	for i := range u.msg.tokens {
		t := &u.msg.tokens[i]
		if !u.sizeAt(i) || !u.wanted(match{from: i, to: i + 1}) {
			continue
		}
		if mode := u.mode(t.sentence); mode.asks && !mode.requests && !mode.hypothetical {
			continue
		}
		if u.sizeFor(i) == "control" {
			m.controlID = t.norm
		} else {
			m.id = t.norm
		}
	}
	if (m.id != "" || m.controlID != "") && m.step == 0 && m.category == "" && m.memory == 0 && m.cores == 0 {
		m.control = false
	}
	if u.counts.control > 0 && m.id == "" && m.step == 0 {
		m.control = false
	}
	u.machine = m
}

// sizeAt is true where a machine type is named.
func (r *reading) sizeAt(i int) bool {
	return i >= 0 && i < len(r.msg.tokens) && r.msg.tokens[i].kind == wordToken && sizeID(r.msg.tokens[i].norm)
}

// sizeFor says whether the machine type at token i is for the control plane or
// for the workers: by the word that follows it, or stands before it in its part of
// the sentence.
func (r *reading) sizeFor(i int) string {
	toks := r.msg.tokens
	role := func(at int) string {
		for _, m := range r.byKind["size"] {
			if (m.id == "control" || m.id == "worker") && at >= m.from && at < m.to {
				return m.id
			}
		}
		return ""
	}
	for j := i + 1; j < len(toks) && j <= i+4 && toks[j].norm != "," && !r.sizeAt(j) && toks[j].sentence == toks[i].sentence; j++ {
		if toks[j].norm == r.andWord {
			break
		}
		if id := role(j); id != "" {
			return id
		}
	}
	for j := i - 1; j >= 0 && j >= i-6 && toks[j].norm != "," && !r.sizeAt(j) && toks[j].sentence == toks[i].sentence; j-- {
		if id := role(j); id != "" {
			return id
		}
	}
	return "worker"
}

// rolesAround says whether a property of machines at token i is of the control
// plane, of the workers or of both: of those that its part of the sentence names,
// else of both.
func (r *reading) rolesAround(i int) (control, worker bool) {
	toks := r.msg.tokens
	from, to := i, i
	for from > 0 && toks[from-1].norm != "," && toks[from-1].sentence == toks[i].sentence {
		from--
	}
	for to < len(toks) && toks[to].norm != "," && toks[to].sentence == toks[i].sentence {
		to++
	}
	for _, m := range r.byKind["size"] {
		if m.from >= from && m.to <= to {
			control, worker = control || m.id == "control", worker || m.id == "worker"
		}
	}
	if !control && !worker {
		return true, true
	}
	return control, worker
}

// sizeCounted finds the machine type that the number at token i counts: "2x
// ccx23", "3 cpx32", "ccx23 x 2".
func (r *reading) sizeCounted(i int) (int, bool) {
	toks := r.msg.tokens
	for j := i + 1; j <= i+2 && j < len(toks); j++ {
		if r.sizeAt(j) {
			return j, true
		}
		if !r.times[toks[j].norm] {
			break
		}
	}
	if i >= 2 && r.times[toks[i-1].norm] && r.sizeAt(i-2) {
		return i - 2, true
	}
	return 0, false
}

// sizeID is true for the shape of the provider's machine types: two or three
// letters and two digits. Whether there is such a one is the catalogue's word.
func sizeID(s string) bool {
	letters, digits := 0, 0
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z' && digits == 0:
			letters++
		case unicode.IsDigit(c):
			digits++
		default:
			return false
		}
	}
	return (letters == 2 || letters == 3) && (digits == 2 || digits == 3) && s[0] == 'c'
}
