package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// subjectRoot is the subject of everything durable.
	subjectRoot = "sbx."
	// claimNoun is the token under which claims live; no aggregate may use it.
	claimNoun = "claim"
	// liveRoot is the subject of everything ephemeral. It lies outside the
	// stream, so that a streamed piece of text costs no disk write.
	liveRoot = "sandbox."
	// factRoot is upstream's prefix for facts that other systems care about.
	factRoot = "catalyst."

	maxToken = 128
)

// subjectOf gives the subject of an aggregate such as "conversation.4f1c".
func subjectOf(aggregate string) (string, error) {
	noun, id, ok := strings.Cut(aggregate, ".")
	if !ok || !isToken(noun) || !isToken(id) || noun == claimNoun {
		return "", fault.New(fault.Invalid, "%q is not the name of an aggregate", clip(aggregate)).
			Do("use a noun, a dot and an id of letters, digits, - and _, such as conversation.4f1c").At("aggregate")
	}
	return subjectRoot + aggregate, nil
}

// nounOf gives the part of an aggregate's name before the dot.
func nounOf(aggregate string) string {
	noun, _, _ := strings.Cut(aggregate, ".")
	return noun
}

// subjectsOf turns filters into subjects, without those that another one
// covers: a consumer's filters may not overlap. No filters are all aggregates.
func subjectsOf(filters []string) ([]string, error) {
	if len(filters) == 0 {
		return []string{subjectRoot + "*.*"}, nil
	}
	for i, f := range filters {
		noun, id, ok := strings.Cut(f, ".")
		if !ok || noun == claimNoun || !isTokenOrAny(noun) || !isTokenOrAny(id) {
			return nil, fault.New(fault.Invalid, "%q is not a filter of the journal", clip(f)).
				Do("use conversation.<id>, or * for one of the two parts").At(fmt.Sprintf("filters[%d]", i))
		}
	}
	sorted := slices.Clone(filters)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	var subjects []string
	for _, f := range sorted {
		covered := slices.ContainsFunc(sorted, func(g string) bool { return g != f && covers(g, f) })
		if !covered {
			subjects = append(subjects, subjectRoot+f)
		}
	}
	return disjoint(subjects), nil
}

// disjoint replaces filters that overlap without one covering the other, as
// "conversation.*" and "*.7" do, by the one filter that covers everything; the
// reader then matches each event itself.
func disjoint(subjects []string) []string {
	for i, a := range subjects {
		for _, b := range subjects[i+1:] {
			if overlaps(a, b) {
				return []string{subjectRoot + "*.*"}
			}
		}
	}
	return subjects
}

// covers tells whether filter g matches every aggregate that filter f matches.
func covers(g, f string) bool {
	gNoun, gID, _ := strings.Cut(g, ".")
	fNoun, fID, _ := strings.Cut(f, ".")
	return (gNoun == "*" || gNoun == fNoun) && (gID == "*" || gID == fID)
}

// overlaps tells whether some aggregate matches both subjects.
func overlaps(a, b string) bool {
	aNoun, aID, _ := strings.Cut(strings.TrimPrefix(a, subjectRoot), ".")
	bNoun, bID, _ := strings.Cut(strings.TrimPrefix(b, subjectRoot), ".")
	return (aNoun == bNoun || aNoun == "*" || bNoun == "*") && (aID == bID || aID == "*" || bID == "*")
}

// claimSubject names a claim after its value without showing it.
func (j *Journal) claimSubject(noun, value string) (string, error) {
	if !isToken(noun) || value == "" {
		return "", fault.New(fault.Invalid, "a claim needs a noun of letters, digits, - and _ and a value that is not empty").At("claim")
	}
	return subjectRoot + claimNoun + "." + noun + "." + hex.EncodeToString(j.blind(noun, value)), nil
}

func (j *Journal) blind(noun, value string) []byte {
	if b, ok := j.sealer.(Blinder); ok {
		return b.Blind(noun, []byte(value))
	}
	sum := sha256.Sum256([]byte(noun + "\x00" + value))
	return sum[:]
}

// liveSubject gives the subject of an ephemeral topic such as "live.4f1c".
func liveSubject(topic string) (string, error) {
	for token := range strings.SplitSeq(topic, ".") {
		if !isToken(token) {
			return "", fault.New(fault.Invalid, "%q is not a topic", clip(topic)).
				Do("use words of letters, digits, - and _ with dots between them").At("topic")
		}
	}
	return liveRoot + topic, nil
}

func isTokenOrAny(s string) bool { return s == "*" || isToken(s) }

// isToken tells whether s can be one part of a subject as it is. Only
// characters that mean nothing to NATS, to a shell or in a URL pass.
func isToken(s string) bool {
	if s == "" || len(s) > maxToken {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// isEventType tells whether s is dotted lower-case words, such as
// "conversation.turn.started".
func isEventType(s string) bool {
	if len(s) > maxToken || !strings.Contains(s, ".") {
		return false
	}
	for token := range strings.SplitSeq(s, ".") {
		if !isToken(token) || strings.ToLower(token) != token {
			return false
		}
	}
	return true
}

// clip shortens a hostile string for a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
