package voice

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Relay are TURN servers (RFC 8656) through which callers come whose network lets
// nothing else through, and STUN servers. The zero value is none.
type Relay struct {
	// URLs are stun:, turn: and turns: addresses (RFC 7064, 7065).
	URLs []string
	// Secret is what the TURN servers share with this service. A caller gets a name and
	// a password that are good for a time, as coturn's use-auth-secret and others
	// take them.
	Secret string
}

// relayFor is how long a caller's password is good: longer than a call may last.
const relayFor = 12 * time.Hour

// Check says what is wrong with the addresses. Fault: [fault.Invalid].
func (r Relay) Check() error {
	for _, u := range r.URLs {
		scheme, rest, _ := strings.Cut(u, ":")
		parsed, err := url.Parse("x://" + rest)
		switch {
		case err != nil || parsed.Hostname() == "" || parsed.Path != "" || parsed.User != nil || strings.ContainsAny(u, "<>\" "):
			return fault.New(fault.Invalid, "%q is no address of a TURN server", u).Do("Write turn:turn.example.com:3478 or turns:turn.example.com:443?transport=tcp.")
		case scheme == "stun" || scheme == "stuns":
		case scheme != "turn" && scheme != "turns":
			return fault.New(fault.Invalid, "%q is no address of a TURN server", u).Do("It begins with turn:, turns: or stun:.")
		case r.Secret == "":
			return fault.New(fault.Invalid, "%q wants a secret", u).Do("Name a file that has it.")
		}
	}
	return nil
}

// Links are the servers for one caller, as the Link fields of WHIP's answer (RFC 9725,
// 4.6). subject tells the callers apart in the servers' logs.
func (r Relay) Links(subject string, now time.Time) []string {
	name := fmt.Sprintf("%d:%s", now.Add(relayFor).Unix(), base64.RawURLEncoding.EncodeToString([]byte(subject)))
	sum := hmac.New(sha1.New, []byte(r.Secret))
	sum.Write([]byte(name))
	password := base64.StdEncoding.EncodeToString(sum.Sum(nil))
	var out []string
	for _, u := range r.URLs {
		link := "<" + u + `>; rel="ice-server"`
		if strings.HasPrefix(u, "turn") {
			link += fmt.Sprintf(`; username="%s"; credential="%s"; credential-type="password"`, name, password)
		}
		out = append(out, link)
	}
	return out
}
