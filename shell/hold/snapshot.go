package hold

import (
	"bytes"
	"fmt"
	"slices"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// Snapshot paints the whole screen.
func (e *emulator) Snapshot() []byte {
	var b bytes.Buffer
	b.WriteString("\x1bc")
	for _, l := range e.scroll.lines {
		b.Write(l)
		b.WriteString("\r\n")
	}
	for y := range e.rows {
		if y > 0 {
			b.WriteString("\r\n")
		}
		b.Write(paintLine(rowOf(e.main.vt, y, e.cols)))
	}
	if e.alt != nil {
		e.place(&b, e.main)
		fmt.Fprintf(&b, "\x1b[?1047h\x1b[m")
		for y := range e.rows {
			fmt.Fprintf(&b, "\x1b[%d;1H", y+1)
			b.Write(paintLine(rowOf(e.alt.vt, y, e.cols)))
		}
	}
	// The scrollback may hold no more than the terminal shows; modes come after
	// painting, since margins and origin change what painting means.
	for _, n := range slices.Sorted(func(yield func(int) bool) {
		for n, on := range e.modes {
			if n != 2026 && n != 6 && on != (n == 7 || n == 25) && !yield(n) {
				return
			}
		}
	}) {
		fmt.Fprintf(&b, "\x1b[?%d%c", n, setter(e.Mode(n)))
	}
	if e.mouse != 0 {
		fmt.Fprintf(&b, "\x1b[?%dh", e.mouse)
	}
	if e.encoding != 0 {
		fmt.Fprintf(&b, "\x1b[?%dh", e.encoding)
	}
	if e.insertLNM {
		b.WriteString("\x1b[20h")
	}
	if e.keypad {
		b.WriteString("\x1b=")
	}
	if e.cursorStyle != 0 {
		fmt.Fprintf(&b, "\x1b[%d q", e.cursorStyle)
	}
	if e.title != "" {
		fmt.Fprintf(&b, "\x1b]2;%s\x07", e.title)
	}
	e.place(&b, e.grid)
	b.WriteString(e.charsetSequence())
	b.Write(e.sequencer.half())
	return b.Bytes()
}

// place brings margins, saved cursor, cursor, pen and link of a screen.
func (e *emulator) place(b *bytes.Buffer, g *grid) {
	if g.saved != nil {
		fmt.Fprintf(b, "\x1b[%d;%dH%s%s\x1b7", g.saved.y+1, g.saved.x+1, sgr(g.saved.pen), link(g.saved.link))
	}
	top := 0
	if g.top != 0 || g.bottom != e.rows {
		fmt.Fprintf(b, "\x1b[%d;%dr", g.top+1, g.bottom)
	}
	if g == e.grid && e.Mode(6) {
		b.WriteString("\x1b[?6h")
		top = g.top
	}
	x, y := g.at()
	if g.phantom {
		// The last cell is written once more, so that the next character wraps.
		last := g.vt.CellAt(x, y)
		if last != nil && last.IsZero() && x > 0 {
			x--
			last = g.vt.CellAt(x, y)
		}
		fmt.Fprintf(b, "\x1b[%d;%dH", y-top+1, x+1)
		if last != nil {
			b.WriteString(sgr(last.Style))
			b.WriteString(link(last.Link))
			b.WriteString(last.Content)
		}
	} else {
		fmt.Fprintf(b, "\x1b[%d;%dH", y-top+1, x+1)
	}
	b.WriteString(sgr(g.pen))
	b.WriteString(link(g.Link))
}

func link(l uv.Link) string { return "\x1b]8;" + l.Params + ";" + l.URL + "\x07" }

// sgr sets exactly this style.
func sgr(s uv.Style) string {
	if s.IsZero() {
		return "\x1b[m"
	}
	return "\x1b[m" + s.String()
}

// readPen applies an SGR sequence to a style as the emulator does.
func (e *emulator) readPen(raw []byte, pen *uv.Style) {
	if e.pens == nil {
		e.pens = ansi.NewParser()
		e.pens.SetDataSize(16) // there are only numbers in it
	}
	p := e.pens
	p.SetHandler(ansi.Handler{HandleCsi: func(_ ansi.Cmd, params ansi.Params) { uv.ReadStyle(params, pen) }})
	for _, b := range raw {
		p.Advance(b)
	}
}

func rowOf(t *vt.Emulator, y, cols int) uv.Line {
	line := make(uv.Line, cols)
	for x := range line {
		if c := t.CellAt(x, y); c != nil {
			line[x] = *c
		}
	}
	return line
}

// paintLine is a line as the bytes that paint it from its first column, with
// the pen back at its default and without blanks at the end.
func paintLine(line uv.Line) []byte {
	end := len(line)
	for end > 0 && (line[end-1].IsZero() && (end < 2 || line[end-2].Width < 2) || line[end-1].Equal(&uv.EmptyCell)) {
		end--
	}
	var b bytes.Buffer
	var style uv.Style
	var at uv.Link
	for x := 0; x < end; x++ {
		c := line[x]
		if c.Content == "" {
			if x > 0 && line[x-1].Width == 2 {
				continue
			}
			c.Content = " "
		}
		if !c.Style.Equal(&style) {
			style = c.Style
			b.WriteString(sgr(style))
		}
		if c.Link != at {
			at = c.Link
			b.WriteString(link(at))
		}
		b.WriteString(c.Content)
	}
	if !style.IsZero() {
		b.WriteString("\x1b[m")
	}
	if at != (uv.Link{}) {
		b.WriteString(link(uv.Link{}))
	}
	return b.Bytes()
}

// keptLines is how many lines after a gap are painted beside the screen itself.
const keptLines = 200

// Skip leaves out whole lines of plain text that scroll away anyway: text,
// colours and line ends, on the main screen without margins. The pen is carried
// over, and the scrollback says how many lines are missing.
func (e *emulator) Skip(p []byte) int {
	if e.alt != nil || e.state != ground || e.grid.top != 0 || e.grid.bottom != e.rows || e.Mode(6) || !e.Mode(7) || e.shift || e.charsets[0] != 'B' {
		return 0
	}
	plain := plainPrefix(p)
	end := plain
	for range keptLines + 2*e.rows {
		if end = bytes.LastIndex(p[:end], []byte("\r\n")); end < 0 {
			return 0
		}
	}
	end += 2
	if end < 32<<10 {
		return 0
	}
	lines := bytes.Count(p[:end], []byte("\n"))
	pen := e.grid.pen
	for rest := p[:end]; ; {
		i := bytes.IndexByte(rest, 0x1b)
		if i < 0 {
			break
		}
		n := bytes.IndexByte(rest[i:], 'm') + 1
		e.readPen(rest[i:i+n], &pen)
		rest = rest[i+n:]
	}
	e.gaps += lines
	e.Write(fmt.Appendf(nil, "\x1b[m\r\n\x1b[2m[%d lines were printed faster than they could be kept]\x1b[m\r\n", lines))
	e.grid.setPen(pen)
	return end
}

// plainPrefix is how far p is text, colours and simple controls only.
func plainPrefix(p []byte) int {
	for i := 0; i < len(p); i++ {
		switch b := p[i]; {
		case b >= 0x20 && b != 0x7f, b == '\n', b == '\r', b == '\t', b == '\b':
		case b == 0x1b:
			n := i + 1
			if n >= len(p) || p[n] != '[' {
				return i
			}
			for n++; n < len(p) && (p[n] >= '0' && p[n] <= ';'); n++ {
			}
			if n >= len(p) || p[n] != 'm' {
				return i
			}
			i = n
		default:
			return i
		}
	}
	return len(p)
}
