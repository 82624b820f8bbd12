package identity

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// slip is something that this instance has signed for itself: what a code, a link
// in a mail or an invitation stands for. It is kept nowhere until it is used.
type slip struct {
	kid, payload string
	key          *signingKey
}

// newSlip writes a slip.
func (id *Identity) newSlip(v any) (slip, error) {
	key, err := id.ring.signing()
	if err != nil {
		return slip{}, err
	}
	raw, err := json.Marshal(v)
	return slip{key.KID, base64.RawURLEncoding.EncodeToString(raw), key}, err
}

// text is the slip for a purpose, by which it is good for no other.
func (s slip) text(purpose string) string {
	return strings.Join([]string{s.kid, s.payload, base64.RawURLEncoding.EncodeToString(s.key.mac(purpose, s.payload))}, ".")
}

// readSlip reads what text gave for a purpose into v.
func (id *Identity) readSlip(purpose, text string, v any) (slip, bool) {
	part := strings.Split(text, ".")
	if len(text) > 2048 || len(part) != 3 {
		return slip{}, false
	}
	key := id.ring.named(part[0])
	mac, err := base64.RawURLEncoding.Strict().DecodeString(part[2])
	if key == nil || err != nil || !hmac.Equal(mac, key.mac(purpose, part[1])) {
		return slip{}, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part[1])
	if err != nil || json.Unmarshal(raw, v) != nil {
		return slip{}, false
	}
	return slip{part[0], part[1], key}, true
}
