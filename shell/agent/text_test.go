package agent_test

import (
	"testing"
	"unicode/utf8"

	"github.com/openova-io/sandbox/shell/agent"
)

func TestPlainText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"a\r\nb\r\n", "a\nb\n"},
		{"\x1b[1;31mred\x1b[0m", "red"},
		{"10%\r 20%\r100%\r\n", "100%\n"},
		{"loading...\r\x1b[Kdone\r\n", "done\n"},
		{"abc\b\bX", "aXc"},
		{"a\tb", "a       b"},
		{"\x1b]0;title\x07x\x1b]8;;http://e\x1b\\link", "xlink"},
		{"\x1b]133;C;forged\x07y", "y"},
		{"\x1b(Bz\x1bP1$r\x1b\\", "z"},
		{"日本 é\xff", "日本 é"},
		{"cut \x1b[3", "cut"},
	} {
		if got := agent.PlainText([]byte(c.in)); got != c.want {
			t.Errorf("%q became %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzPlainText(f *testing.F) {
	f.Add([]byte("\x1b[2K\x1b]x\x1b\\\r\b\t"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if s := agent.PlainText(p); !utf8.ValidString(s) {
			t.Errorf("%q is no text", s)
		}
	})
}
