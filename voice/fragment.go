package voice

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// mostCandidates is how many addresses of a caller are tried in one ICE session:
	// every one of them is sent packets.
	mostCandidates = 64
	// The lengths of the credentials (RFC 8839, 5.4), in characters.
	minUfrag, minPwd, mostCredential = 4, 22, 256
)

// fragment is what an SDP fragment says of ICE (RFC 8840, 9; as WHIP has it,
// RFC 9725, 4.3: of the one section that all media are bundled in).
type fragment struct {
	ufrag, pwd string
	// candidates without the name of the attribute.
	candidates []string
	end        bool
}

// parseFragment reads a fragment. Fault: [fault.Invalid] for what is none.
func parseFragment(text string) (f fragment, err error) {
	malformed := func(format string, args ...any) (fragment, error) {
		return fragment{}, fault.New(fault.Invalid, format, args...).Do("send the ICE credentials and candidates as application/trickle-ice-sdpfrag").At("fragment")
	}
	if len(text) > maxOffer {
		return malformed("the fragment has %d bytes, and %d is the most", len(text), maxOffer)
	}
	set := func(into *string, value string) bool {
		if *into != "" && *into != value {
			return false
		}
		*into = value
		return true
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		kind, rest, ok := strings.Cut(line, "=")
		if !ok || len(kind) != 1 {
			return malformed("a line of the fragment is no SDP")
		}
		if kind != "a" {
			continue
		}
		key, value, _ := strings.Cut(rest, ":")
		value = strings.TrimSpace(value)
		switch key {
		case "ice-ufrag":
			ok = set(&f.ufrag, value)
		case "ice-pwd":
			ok = set(&f.pwd, value)
		case "candidate":
			f.candidates = append(f.candidates, value)
		case "end-of-candidates":
			f.end = true
		}
		if !ok {
			return malformed("the fragment has credentials of two ICE sessions")
		}
	}
	switch {
	case !credential(f.ufrag, minUfrag) || !credential(f.pwd, minPwd):
		return malformed("the fragment has no ICE credentials")
	case len(f.candidates) > mostCandidates:
		return malformed("the fragment has %d candidates, and %d is the most", len(f.candidates), mostCandidates)
	}
	return f, nil
}

// credential tells whether a text is a username fragment or a password of ICE.
func credential(s string, least int) bool {
	if len(s) < least || len(s) > mostCredential {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '/')
	})
}

// iceAttributes are those that an ICE session has anew.
var iceAttributes = []string{"ice-ufrag", "ice-pwd", "candidate", "end-of-candidates", "remote-candidates"}

// description is a session description with the ICE session of a fragment, and
// all else as it was (RFC 9725, 4.3.3).
func (f fragment) description(was *webrtc.SessionDescription) (webrtc.SessionDescription, error) {
	d, err := (&webrtc.SessionDescription{Type: was.Type, SDP: was.SDP}).Unmarshal()
	if err != nil {
		return webrtc.SessionDescription{}, err
	}
	old := func(a sdp.Attribute) bool { return slices.Contains(iceAttributes, a.Key) }
	d.Attributes = slices.DeleteFunc(d.Attributes, old)
	for i, m := range d.MediaDescriptions {
		m.Attributes = append(slices.DeleteFunc(m.Attributes, old), sdp.NewAttribute("ice-ufrag", f.ufrag), sdp.NewAttribute("ice-pwd", f.pwd))
		if i > 0 {
			continue
		}
		for _, c := range f.candidates {
			m.Attributes = append(m.Attributes, sdp.NewAttribute("candidate", c))
		}
	}
	d.Origin.SessionVersion++
	raw, err := d.Marshal()
	return webrtc.SessionDescription{Type: was.Type, SDP: string(raw)}, err
}

// fragmentOf gives the ICE session of a description, as a fragment.
func fragmentOf(was *webrtc.SessionDescription) (fragment, *sdp.SessionDescription, error) {
	d, err := (&webrtc.SessionDescription{Type: was.Type, SDP: was.SDP}).Unmarshal()
	if err != nil {
		return fragment{}, nil, err
	}
	var f fragment
	for i, m := range d.MediaDescriptions {
		for _, a := range slices.Concat(d.Attributes, m.Attributes) {
			switch {
			case a.Key == "ice-ufrag" && f.ufrag == "":
				f.ufrag = a.Value
			case a.Key == "ice-pwd" && f.pwd == "":
				f.pwd = a.Value
			case a.Key == "candidate" && i == 0:
				f.candidates = append(f.candidates, a.Value)
			}
		}
	}
	return f, d, nil
}

// text writes the fragment for the first section of a description, complete with
// candidates.
func (f fragment) text(d *sdp.SessionDescription) string {
	var b strings.Builder
	line := func(parts ...string) { b.WriteString(strings.Join(parts, "") + "\r\n") }
	for _, key := range []string{"ice-lite", "ice-options", "group"} {
		if v, ok := d.Attribute(key); ok && v != "" {
			line("a=", key, ":", v)
		} else if ok {
			line("a=", key)
		}
	}
	if len(d.MediaDescriptions) > 0 {
		m := d.MediaDescriptions[0]
		line("m=", m.MediaName.Media, " ", strconv.Itoa(m.MediaName.Port.Value), " ", strings.Join(m.MediaName.Protos, "/"), " ", strings.Join(m.MediaName.Formats, " "))
		if mid, ok := m.Attribute("mid"); ok {
			line("a=mid:", mid)
		}
	}
	line("a=ice-ufrag:", f.ufrag)
	line("a=ice-pwd:", f.pwd)
	for _, c := range f.candidates {
		line("a=candidate:", c)
	}
	line("a=end-of-candidates")
	return b.String()
}
