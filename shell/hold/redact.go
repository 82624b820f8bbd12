package hold

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// redacted stands for a secret.
const redacted = "•••"

// secretName are the variables whose values are secrets.
var secretName = regexp.MustCompile(`(?i)(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|CREDENTIALS?)(_|$)|APIKEY`)

// redactor takes the secrets that a session was given out of what is kept of it: the
// recording, and the records that cards are made of. What is shown while it runs is as
// it is. Values of fewer than eight characters are no secrets.
type redactor struct{ plain, quoted [][]byte }

func newRedactor(env []string) redactor {
	var r redactor
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		if !secretName.MatchString(name) || strings.HasPrefix(name, "GIT_CONFIG_") || len(value) < 8 {
			continue
		}
		quoted, err := json.Marshal(value)
		if err != nil {
			continue
		}
		r.plain, r.quoted = append(r.plain, []byte(value)), append(r.quoted, quoted[1:len(quoted)-1])
	}
	return r
}

// whole takes them out of a text.
func (r redactor) whole(p []byte) []byte {
	for _, s := range r.plain {
		if bytes.Contains(p, s) {
			p = bytes.ReplaceAll(p, s, []byte(redacted))
		}
	}
	return p
}

// json takes them out of a record.
func (r redactor) json(raw []byte) []byte {
	for _, q := range r.quoted {
		if bytes.Contains(raw, q) {
			raw = bytes.ReplaceAll(raw, q, []byte(redacted))
		}
	}
	return raw
}

// stream takes them out of a stretch of output. rest is its end that may be the
// beginning of one, which waits for what comes next.
func (r redactor) stream(p []byte) (clean, rest []byte) {
	p = r.whole(p)
	held := 0
	for _, s := range r.plain {
		for n := min(len(s)-1, len(p)); n > held; n-- {
			if bytes.HasPrefix(s, p[len(p)-n:]) {
				held = n
				break
			}
		}
	}
	return p[:len(p)-held], p[len(p)-held:]
}
