package hold

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestSecretsInPieces: however output is cut, no secret is left in it, and nothing else
// is gone.
func TestSecretsInPieces(t *testing.T) {
	r := newRedactor([]string{"DEPLOY_TOKEN=abcabcabd", "API_KEY=abcabxyz", "PATH=/usr/bin:/bin", "SHORT_KEY=abc", "GIT_CONFIG_KEY_0=url.http.insteadOf", "MONKEY=aaaaaaaaaa"})
	if len(r.plain) != 2 {
		t.Fatalf("it takes %q for secrets", r.plain)
	}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"abcabcabd", "abcabxyz", "abc", "ab", "c", "x", "abcabcab", "\x1b[1m", "é"})).Draw(t, "parts")
		var all, out, rest []byte
		for _, p := range parts {
			all = append(all, p...)
		}
		for left := all; len(left) > 0; {
			n := rapid.IntRange(1, min(7, len(left))).Draw(t, "piece")
			var clean []byte
			clean, rest = r.stream(append(bytes.Clone(rest), left[:n]...))
			out, rest, left = append(out, clean...), bytes.Clone(rest), left[n:]
		}
		out = append(out, rest...)
		for _, s := range r.plain {
			if bytes.Contains(out, s) {
				t.Fatalf("%q is in %q", s, out)
			}
		}
		if back := bytes.Count(out, []byte(redacted)); back == 0 && !bytes.Equal(out, all) {
			t.Fatalf("%q became %q", all, out)
		}
	})
}
