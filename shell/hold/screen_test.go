package hold_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/shell/hold"
)

// tokens are what terminal programs write; streams are made of them.
var tokens = []string{
	"hello", "x", " ", strings.Repeat("wide text ", 12), "\r\n", "\n", "\r", "\b", "\t",
	"é", "日本", "👨‍👩‍👧", "🇩🇪", "e\u0301", "│─┘", "✳",
	"\x1b[31m", "\x1b[1;4;38;2;1;200;3m", "\x1b[48;5;17m", "\x1b[m", "\x1b[7m", "\x1b[4:3m",
	"\x1b[H", "\x1b[5;3H", "\x1b[999;999H", "\x1b[A", "\x1b[3B", "\x1b[2C", "\x1b[D", "\x1b[G", "\x1b[4d",
	"\x1b[J", "\x1b[1J", "\x1b[2J", "\x1b[3J", "\x1b[K", "\x1b[1K", "\x1b[2K", "\x1b[2X", "\x1b[3@", "\x1b[2P",
	"\x1b[2L", "\x1b[M", "\x1b[S", "\x1b[T", "\x1bM", "\x1bD", "\x1bE", "\x1b7", "\x1b8", "\x1b[s", "\x1b[u",
	"\x1b[2;5r", "\x1b[r", "\x1b[?6h", "\x1b[?6l", "\x1b[?7l", "\x1b[?7h", "\x1b[?25l", "\x1b[?25h",
	"\x1b[?1049h", "\x1b[?1049l", "\x1b[?47h", "\x1b[?47l", "\x1b[?1h", "\x1b=", "\x1b>", "\x1b[?2004h", "\x1b[?1003;1006h", "\x1b[?1000l",
	"\x1b(0lqqk\x1b(B", "\x1b)0\x0eqq\x0f", "\x1b[5 q", "\x1b[!p", "\x1bc",
	"\x1b]0;✳ Working\x07", "\x1b]2;title\x1b\\", "\x1b]8;;https://example.org/a\x07link\x1b]8;;\x07", "\x1b]52;c;aGk=\x07",
	"\x1bP1$r0m\x1b\\", "\x1b_Ga=q;\x9c\x1b\\", "\x1b]133;A\x07", "\xff\xfe", "\xe2\x9c", "\x1b[", "\x1b]0;cut",
}

var size = rapid.Custom(func(t *rapid.T) [2]int {
	return [2]int{rapid.IntRange(2, 40).Draw(t, "cols"), rapid.IntRange(1, 12).Draw(t, "rows")}
})

func stream(t *rapid.T, name string) []byte {
	return []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(tokens), 0, 60).Draw(t, name), ""))
}

// TestSnapshotThenRest: whoever starts from a snapshot at any byte and goes on
// with the stream shows the same as the screen that saw everything.
func TestSnapshotThenRest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sz, p := size.Draw(t, "size"), stream(t, "stream")
		cut := rapid.IntRange(0, len(p)).Draw(t, "cut")
		server := hold.NewScreen(sz[0], sz[1], nil)
		server.Write(p[:cut])
		client := hold.NewScreen(sz[0], sz[1], nil)
		client.Write(server.Snapshot())
		same(t, "at the cut", client, server)
		server.Write(p[cut:])
		client.Write(p[cut:])
		same(t, "at the end", client, server)
	})
}

// TestCutAnywhere: how a stream is cut into pieces makes no difference.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sz, p := size.Draw(t, "size"), stream(t, "stream")
		whole, bytewise := hold.NewScreen(sz[0], sz[1], nil), hold.NewScreen(sz[0], sz[1], nil)
		whole.Write(p)
		for i := range p {
			bytewise.Write(p[i : i+1])
		}
		same(t, "byte by byte", bytewise, whole)
	})
}

// TestResizeAnywhere: sizes may change at any byte, and a snapshot afterwards is
// the screen.
func TestResizeAnywhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sz := size.Draw(t, "size")
		server := hold.NewScreen(sz[0], sz[1], nil)
		for range rapid.IntRange(1, 6).Draw(t, "times") {
			server.Write(stream(t, "stream"))
			sz = size.Draw(t, "resized")
			server.Resize(sz[0], sz[1])
			client := hold.NewScreen(sz[0], sz[1], nil)
			client.Write(server.Snapshot())
			// Lines in the scrollback keep the width they had; a narrower client wraps
			// them when it paints them. So what is compared is the screens.
			client.Write([]byte("\x18\x1b[3J"))
			server.Write([]byte("\x18\x1b[3J"))
			same(t, "after the resize", client, server)
		}
	})
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func same(t fataler, when string, got, want hold.Screen) {
	t.Helper()
	if g, w := got.Snapshot(), want.Snapshot(); !bytes.Equal(g, w) {
		t.Fatalf("%s the client shows\n%q\nand the server\n%q", when, g, w)
	}
}

func paint(cols, rows int, pieces ...string) string {
	s := hold.NewScreen(cols, rows, nil)
	for _, p := range pieces {
		s.Write([]byte(p))
	}
	return strings.TrimSuffix(string(s.Snapshot()), "\x1b(B\x1b)B\x0f")
}

// TestScreen says what a few streams look like, written down as the paint that
// they leave.
func TestScreen(t *testing.T) {
	t.Parallel()
	end := func(row, col int) string { return fmt.Sprintf("\x1b[%d;%dH\x1b[m\x1b]8;;\x07", row, col) }
	for _, c := range []struct {
		name, in, want string
	}{
		{"text wraps", "abcdef", "abcd\r\nef" + end(2, 3)},
		{"a wide character does not hang over the edge", "abc日", "abc\r\n日" + end(2, 3)},
		{"after a wide character at the edge comes a wrap", "ab日x", "ab日\r\nx" + end(2, 2)},
		{"a combining mark joins, also in another piece", "e\u0301x", "e\u0301x\r\n" + end(1, 3)},
		{"lines leave through the top", "1\r\n2\r\n3", "1\r\n2\r\n3" + end(2, 2)},
		{"erasing the screen leaves no trace in the scrollback", "1\x1b[2J\x1b[Hx", "x\r\n" + end(1, 2)},
		{"a star in a title stays there", "\x1b]0;✳ hi\x07x", "x\r\n\x1b]2;✳ hi\x07" + end(1, 2)},
		{"controls in a title do not", "\x1b]0;a\u202eb\u0085c\x07", "\r\n\x1b]2;abc\x07" + end(1, 1)},
		{"a line that a program deletes is not history", "1\x1b[H\x1b[M2", "2\r\n" + end(1, 2)},
	} {
		if got := strings.TrimPrefix(paint(4, 2, c.in), "\x1bc"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestAnswers: the screen answers what programs ask, and a snapshot asks nothing.
func TestAnswers(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	s := hold.NewScreen(80, 24, func(p []byte) { got.Write(p) })
	s.Write([]byte("\x1b[c\x1b[>c\x1b[5n\x1b[3;7H\x1b[6n\x1b[?2004$p\x1b]11;?\x07"))
	const want = "\x1b[?62;22c\x1b[>1;10;0c\x1b[0n\x1b[3;7R\x1b[?2004;2$y\x1b]11;rgb:1010/1212/1616\x1b\\"
	if got.String() != want {
		t.Errorf("it answered %q, want %q", got.String(), want)
	}
	got.Reset()
	s.Write(s.Snapshot())
	if got.Len() != 0 {
		t.Errorf("a snapshot made it answer %q", got.String())
	}
}

// TestSkip: leaving plain output out does not change what is shown at its end,
// and the scrollback says that something is missing.
func TestSkip(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for i := range 20000 {
		fmt.Fprintf(&b, "\x1b[3%dmline %d\r\n", i%8, i)
	}
	b.WriteString("\x1b[Hand a cursor")
	all, short := hold.NewScreen(80, 24, nil), hold.NewScreen(80, 24, nil)
	all.Write(b.Bytes())
	n := short.Skip(b.Bytes())
	if n == 0 {
		t.Fatal("nothing was left out")
	}
	short.Write(b.Bytes()[n:])
	tail := func(s hold.Screen) string {
		lines := strings.Split(string(s.Snapshot()), "\r\n")
		return strings.Join(lines[len(lines)-24:], "\n")
	}
	if tail(all) != tail(short) {
		t.Errorf("the screen is\n%q, want\n%q", tail(short), tail(all))
	}
	if !strings.Contains(string(short.Snapshot()), "lines were printed faster than they could be kept") {
		t.Error("the gap is not marked")
	}
	if short.Skip([]byte(strings.Repeat("\x1b[H\x1b[2Jx\r\n", 20000))) != 0 {
		t.Error("a full-screen program's output was left out")
	}
}

func FuzzScreen(f *testing.F) {
	f.Add([]byte(strings.Join(tokens, "")))
	f.Fuzz(func(t *testing.T, p []byte) {
		s := hold.NewScreen(20, 5, nil)
		s.Write(p)
		c := hold.NewScreen(20, 5, nil)
		c.Write(s.Snapshot())
		same(t, "after anything", c, s)
	})
}

// TestMain: SANDBOX_SOAK=1 makes the properties try 10,000 times and not 300. The
// holder that was built goes with the tests.
func TestMain(m *testing.M) {
	flag.Parse()
	checks := "300"
	if os.Getenv("SANDBOX_SOAK") != "" {
		checks = "10000"
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set(checks)
	}
	code := m.Run()
	os.RemoveAll(programDir)
	os.Exit(code)
}
