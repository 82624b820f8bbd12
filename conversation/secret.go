package conversation

import (
	"cmp"
	"context"
	"math"
	"regexp"
	"slices"
	"strings"
)

// Secrets takes credentials to where they are safe. The vault implements it.
type Secrets interface {
	// Put keeps value under a purpose of owner, the id of a draft (which is the
	// conversation's).
	Put(ctx context.Context, owner, purpose string, value []byte) error
}

// hidden stands in a text where a credential was.
const hidden = "•••"

// Secret is a credential that was found in a text.
type Secret struct {
	// Kind says what it looks like, for people: "private key".
	Kind string
	// Purpose is the vault's name for it where it is evident; else empty.
	Purpose string

	value []byte
}

// Value gives the credential itself.
func (s Secret) Value() []byte { return s.value }

// String hides the credential from logs.
func (s Secret) String() string { return s.Kind + " " + hidden }

// pattern is one form of credential. Where the expression has a group, the group
// is the credential and the rest stays in the text.
type pattern struct {
	kind    string
	purpose string
	find    *regexp.Regexp
	// check, where there is one, decides on what was found.
	check func(value string) bool
}

// patterns are tried in this order; what an earlier one found is not looked at
// again.
var patterns = []pattern{
	{kind: "private key", find: regexp.MustCompile(`-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-{4,5}(?s:.*?)(?:-{4,5} ?END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-{4,5}|\z)`)},
	{kind: "private key", find: regexp.MustCompile(`AGE-SECRET-KEY-1[A-Z0-9]{20,}`)},
	{kind: "signed token", find: regexp.MustCompile(`\bey[A-Za-z0-9_-]{8,}\.ey[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,3}`)},
	{kind: "AWS access key", find: regexp.MustCompile(`\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b`)},
	{kind: "API key", find: regexp.MustCompile(`\b(?:sk|rk|pk|whsec)[-_][A-Za-z0-9_-]{16,}`), check: mixed},
	{kind: "GitHub token", find: regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})`)},
	{kind: "GitLab token", find: regexp.MustCompile(`\bgl(?:pat|oas|cbt|dt|rt|ptt|ft|soat|agent)-[A-Za-z0-9_.-]{16,}[A-Za-z0-9_-]`)},
	{kind: "access token", find: regexp.MustCompile(`\b(?:xox[abeoprs]-|xapp-|hf_|npm_|pypi-|dckr_pat_|dop_v1_|shp(?:at|ca|pa|ss)_|hv[sb]\.|ya29\.|SG\.|tskey-|AIza|NRAK-|EAACEdEose0cBA)[A-Za-z0-9_.-]{15,}[A-Za-z0-9_-]`)},
	{kind: "password", find: regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^\s/:@]*:([^\s/@]{3,})@`)},
	{kind: "access token", find: regexp.MustCompile(`(?i)\bbearer\s+([A-Za-z0-9._~+/-]{16,}=*)`), check: mixed},
	{kind: "secret key for object storage", purpose: "object-storage-secret-key", check: mixed,
		find: regexp.MustCompile(`(?i)\bsecret[ _-]?(?:access[ _-]?)?key["']?\s*(?:is\s+|[:=]\s*)["']?([A-Za-z0-9/+_-]{32,128})(?:[^A-Za-z0-9/+_-]|\z)`)},
	{kind: "access key for object storage", purpose: "object-storage-access-key", check: mixed,
		find: regexp.MustCompile(`(?i)\baccess[ _-]?key(?:[ _-]?id)?["']?\s*(?:is\s+|[:=]\s*)["']?([A-Za-z0-9_-]{16,64})(?:[^A-Za-z0-9_-]|\z)`)},
	{kind: "Hetzner API token", purpose: "hetzner-token", find: regexp.MustCompile(`(?:^|[^A-Za-z0-9])([A-Za-z0-9]{64})(?:[^A-Za-z0-9]|\z)`), check: hetzner},
	{kind: "password", check: strong,
		find: regexp.MustCompile(`(?i)(?:\b(?:password|passwd|pwd|passphrase|passwort|kennwort|contraseña|clave|mot de passe|parola|şifre|token|api[ _-]?key|api[ _-]?token|secret(?:[ _-]?key)?|client[ _-]?secret)|كلمة المرور|كلمة السر)["']?\s*(?::|=|\bis\b|\bist\b|\bes\b|\best\b|هي)\s*["']?([^\s"']{8,})`)},
	{kind: "key or token", find: regexp.MustCompile(`[A-Za-z0-9+/_=-]{32,}`), check: random},
}

// spared are what looks random and is public: keys of SSH, ids, digests with
// their algorithm, addresses.
var spared = regexp.MustCompile(`(?:sk-)?(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+)(?:-cert-v01)?(?:@openssh\.com)?[ \t]+AAAA[A-Za-z0-9+/]+={0,3}` +
	`|(?i:\bsha(?:256|384|512):[0-9a-f]{64,128}\b)|\bSHA256:[A-Za-z0-9+/]{43}` +
	`|(?i:\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)`)

// address is a web or mail address or a domain name: the last pattern, which
// goes by looks alone, does not look into it.
var address = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|https?://\S+|\b[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}\b(?:/\S*)?`)

// span is a part of a text, in bytes.
type span struct{ from, to int }

func (s span) meets(others []span) bool {
	return slices.ContainsFunc(others, func(o span) bool { return s.from < o.to && o.from < s.to })
}

func spans(re *regexp.Regexp, text string) []span {
	var out []span
	for _, m := range re.FindAllStringIndex(text, -1) {
		out = append(out, span{m[0], m[1]})
	}
	return out
}

// Catch finds the credentials in a text: private keys, tokens of well-known
// forms, what is said to be a password, and whatever is long and random. It
// gives the text with ••• in their place. Public keys, ids, digests and
// addresses stay. What it gives has no credentials that it would find again.
func Catch(text string) (string, []Secret) {
	var all []Secret
	for {
		next, found := catchOnce(text)
		if len(found) == 0 {
			return text, all
		}
		text, all = next, append(all, found...)
	}
}

func catchOnce(text string) (string, []Secret) {
	keep, inAddress := spans(spared, text), spans(address, text)
	type hit struct {
		span
		Secret
	}
	var hits []hit
	var taken []span
	for i, p := range patterns {
		for _, m := range p.find.FindAllStringSubmatchIndex(text, -1) {
			at := span{m[len(m)-2], m[len(m)-1]}
			value := text[at.from:at.to]
			switch {
			case at.meets(keep), at.meets(taken), strings.Contains(value, hidden):
			case p.check != nil && !p.check(value):
			case i == len(patterns)-1 && at.meets(inAddress):
			default:
				taken = append(taken, at)
				hits = append(hits, hit{at, Secret{p.kind, p.purpose, []byte(value)}})
			}
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Compare(a.from, b.from) })
	var out strings.Builder
	var found []Secret
	end := 0
	for _, h := range hits {
		out.WriteString(text[end:h.from] + hidden)
		end = h.to
		found = append(found, h.Secret)
	}
	out.WriteString(text[end:])
	return out.String(), found
}

// classes counts letters by case, digits and the rest.
func classes(s string) (lower, upper, digit, other int) {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z':
			lower++
		case c >= 'A' && c <= 'Z':
			upper++
		case c >= '0' && c <= '9':
			digit++
		default:
			other++
		}
	}
	return
}

// entropy is that of a text's own characters, in bits each.
func entropy(s string) float64 {
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(s))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// mixed is true where letters and digits are mixed, or both cases of letters.
func mixed(s string) bool {
	lower, upper, digit, _ := classes(s)
	return digit > 0 && lower+upper > 0 || lower > 3 && upper > 3
}

// strong is true for what is a password and not a word of a sentence.
func strong(s string) bool {
	s = strings.TrimRight(s, ".,;:!?)")
	lower, upper, digit, _ := classes(s)
	return len(s) >= 8 && (digit > 0 && lower+upper > 0 || strings.ContainsAny(s, "!@#$%^&*?~"))
}

// hetzner is true for 64 letters and digits as the provider makes them.
func hetzner(s string) bool {
	lower, upper, digit, _ := classes(s)
	return lower > 0 && upper > 0 && digit > 0 && entropy(s) > 3
}

// random is true for what no language and no name looks like: hexadecimal of 32
// characters and more, or three kinds of characters well mixed.
func random(s string) bool {
	s = strings.Trim(s, "-_=/+")
	lower, upper, digit, other := classes(s)
	if len(s) < 32 {
		return false
	}
	if other == 0 && digit >= 4 && lower+upper >= 2 && strings.Trim(strings.ToLower(s), "0123456789abcdef") == "" {
		return entropy(s) > 2.8
	}
	return lower >= 4 && upper >= 4 && digit >= 3 && other*6 <= len(s) && entropy(s) > 3.6
}
