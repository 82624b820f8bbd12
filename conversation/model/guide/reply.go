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
func (t *turn) text() string {
	var b strings.Builder
	for i, s := range t.said {
		if i > 0 {
			if strings.Contains(s, "\n") || strings.Contains(t.said[i-1], "\n") {
				b.WriteByte('\n')
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteString(s)
	}
	return b.String()
}

// reply picks a text of the data and fills its placeholders in. Where there are
// several, the length of the conversation decides, so that they take turns.
func (t *turn) reply(id string, pairs ...string) string {
	list := t.replies[id]
	if len(list) == 0 {
		return ""
	}
	return fill(list[len(t.earlier)%len(list)], pairs...)
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
