package agent

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openova-io/sandbox/shell/hold"
)

func durationOf(r hold.Record) time.Duration { return time.Duration(r.Millis) * time.Millisecond }

// PlainText is what a terminal would be left with of a command's output, as
// text: without escape sequences, and with carriage returns, backspaces and
// erased lines carried out, so that a progress bar is its last state.
func PlainText(p []byte) string {
	var out strings.Builder
	var line []rune
	col := 0
	for i := 0; i < len(p); {
		switch c := p[i]; {
		case c == 0x1b:
			n, final, param := escape(p[i:])
			if final == 'K' {
				switch param {
				case "", "0":
					line = line[:min(col, len(line))]
				case "2":
					line = line[:0]
				}
			}
			i += n
			continue
		case c == '\n':
			out.WriteString(strings.TrimRight(string(line), " "))
			out.WriteByte('\n')
			line, col = line[:0], 0
		case c == '\r':
			col = 0
		case c == '\b':
			col = max(col-1, 0)
		case c == '\t':
			for ok := true; ok; ok = col%8 != 0 {
				line, col = put(line, col, ' '), col+1
			}
		case c < 0x20 || c == 0x7f:
		default:
			r, n := utf8.DecodeRune(p[i:])
			if r != utf8.RuneError || n > 1 {
				line, col = put(line, col, r), col+1
			}
			i += n
			continue
		}
		i++
	}
	out.WriteString(strings.TrimRight(string(line), " "))
	return out.String()
}

// maxLine bounds a line, so that a cursor that runs away costs nothing.
const maxLine = 16 << 10

func put(line []rune, col int, r rune) []rune {
	if col >= maxLine {
		return line
	}
	for len(line) <= col {
		line = append(line, ' ')
	}
	line[col] = r
	return line
}

// escape measures the escape sequence that p begins with.
func escape(p []byte) (n int, final byte, param string) {
	if len(p) < 2 {
		return len(p), 0, ""
	}
	switch p[1] {
	case '[':
		for i := 2; i < len(p); i++ {
			if p[i] >= 0x40 && p[i] < 0x7f {
				return i + 1, p[i], string(p[2:i])
			}
		}
		return len(p), 0, ""
	case ']', 'P', '_', '^', 'X':
		for i := 2; i < len(p); i++ {
			if p[i] == 7 {
				return i + 1, 0, ""
			}
			if p[i] == 0x1b {
				if i+1 < len(p) && p[i+1] == '\\' {
					return i + 2, 0, ""
				}
				return i, 0, ""
			}
		}
		return len(p), 0, ""
	}
	n = 1
	for n < len(p) && p[n] >= 0x20 && p[n] < 0x30 {
		n++
	}
	return min(n+1, len(p)), 0, ""
}
