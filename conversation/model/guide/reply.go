package guide

import (
	"strings"
)

// say adds a reply from the data to the text.
func (t *turn) say(id string, pairs ...string) { t.add(t.reply(id, pairs...)) }

func (t *turn) add(s string) {
	if s = strings.TrimSpace(s); s == "" || contains(t.said, s) {
		return
	}
	t.said = append(t.said, s)
}

// text joins the parts: sentences go on in one paragraph, lists begin a new line.
// No sentence is said twice, and no more than mostAsked things are asked.
func (t *turn) text() string {
	var b strings.Builder
	r, before := sayer{said: map[string]bool{}}, ""
	for _, s := range t.said {
		if s = r.once(s); s == "" {
			continue
		}
		if before != "" {
			if strings.Contains(s, "\n") || strings.Contains(before, "\n") {
				b.WriteByte('\n')
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteString(s)
		before = s
	}
	return b.String()
}

// reply picks a text of the data and fills its placeholders in. Where there are
// several, the first one is taken that was not said in this conversation yet, and
// when all were, the one that was said longest ago.
func (t *turn) reply(id string, pairs ...string) string {
	list := t.replies[id]
	if len(list) == 0 {
		return ""
	}
	best, at := 0, len(t.spoken)+1
	for i, text := range list {
		if len(list) == 1 {
			break
		}
		last := strings.LastIndex(t.spoken, literal(text))
		if last < at {
			best, at = i, last
		}
		if last < 0 {
			break
		}
	}
	return fill(list[best], pairs...)
}

// literal is the longest part of a text without placeholders.
func literal(text string) string {
	best := ""
	for rest := text; ; {
		part, after, open := strings.Cut(rest, "{")
		if len(part) > len(best) {
			best = part
		}
		if !open {
			return best
		}
		_, rest, _ = strings.Cut(after, "}")
	}
}

// justSaid is true where the agent's last words had this reply already.
func (t *turn) justSaid(id string) bool {
	for _, text := range t.replies[id] {
		if l := literal(text); l != "" && strings.Contains(t.last, l) {
			return true
		}
	}
	return false
}

// everSaid is true where the agent has said this reply before.
func (t *turn) everSaid(id string) bool {
	for _, text := range t.replies[id] {
		if l := literal(text); l != "" && strings.Contains(t.spoken, l) {
			return true
		}
	}
	return false
}

// remind says what is still open, unless it was just said and the person has got
// another answer in the meantime.
func (t *turn) remind(id string) {
	if t.replied && t.justSaid(id) {
		return
	}
	t.say(id)
}

// label fills a label of the data in.
func (t *turn) label(group, id string, pairs ...string) string {
	return fill(t.labels[group][id], pairs...)
}

func fill(text string, pairs ...string) string {
	if len(pairs) == 0 {
		return text
	}
	old := make([]string, len(pairs))
	for i := range pairs {
		old[i] = pairs[i]
		if i%2 == 0 {
			old[i] = "{" + pairs[i] + "}"
		}
	}
	return strings.NewReplacer(old...).Replace(text)
}

// join writes a list: "a, b and c".
func (t *turn) join(list []string) string {
	switch n := len(list); n {
	case 0:
		return ""
	case 1:
		return list[0]
	default:
		return strings.Join(list[:n-1], ", ") + " " + t.reply("and") + " " + list[n-1]
	}
}

// sentence makes a message into a sentence.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.ContainsRune(".!?", rune(s[len(s)-1])) {
		s += "."
	}
	return s
}

func space(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return ""
	}
	return " " + sentence(s)
}
