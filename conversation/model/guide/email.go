package guide

import "strings"

func (u *understanding) findEmails(open asked) {
	toks := u.msg.tokens
	for i := range toks {
		if toks[i].kind != emailToken {
			continue
		}
		wanted := u.wanted(match{from: i, to: i + 1})
		if !wanted {
			continue
		}
		if !contains(u.emails, toks[i].norm) {
			u.emails = append(u.emails, toks[i].norm)
		}
	}
	if len(u.emails) > 1 && (u.corrects() || u.has("more", "set")) {
		u.emails = u.emails[len(u.emails)-1:]
	}
	if len(u.emails) == 0 && strings.Contains(u.msg.text, "@") {
		for _, w := range strings.Fields(u.msg.text) {
			if at := strings.IndexByte(w, '@'); at > 0 && !emailRE.MatchString(w) { // a whole one is not wanted
				u.badEmail = strings.Trim(w, ".,;:<>()\"'")
			}
		}
	}
	if len(u.emails) == 0 && u.badEmail == "" && open["orgEmail"] && u.msg.words() <= 3 {
		for i := range toks {
			if toks[i].kind == domainToken && !u.msg.asks[toks[i].sentence] && !u.isAppName(hostOf(toks[i].norm)) && !u.nearAddress(i) && !strings.HasPrefix(toks[i].norm, "www.") && !strings.Contains(toks[i].norm, "://") {
				u.badEmail = toks[i].norm // "jane.doe.com"
			}
		}
	}
}

func (r *reading) hasEmail() bool {
	for i := range r.msg.tokens {
		if r.msg.tokens[i].kind == emailToken {
			return true
		}
	}
	return false
}
