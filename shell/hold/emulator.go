package hold

import (
	"fmt"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

// NewScreen makes a screen on charmbracelet/x/vt. reply gets what the terminal
// answers to questions of the child; nil drops it. It must not block.
//
// The library keeps the cells; everything that it does not let one read back
// (pen, saved cursors, modes, pending wrap) or does differently from the
// terminal in the browser (width of characters, wide characters at the right
// edge, erasing into the scrollback) is done here. The alternate screen is an
// emulator of its own, so that the main one can be painted while it is hidden.
func NewScreen(cols, rows int, reply func([]byte)) Screen {
	cols, rows = Clamp(cols, rows)
	if reply == nil {
		reply = func([]byte) {}
	}
	e := &emulator{cols: cols, rows: rows, reply: reply}
	e.sequencer.out = e
	e.hardReset()
	return e
}

type emulator struct {
	sequencer
	cols, rows int
	reply      func([]byte)

	main, alt *grid // alt is nil while the main screen is shown
	spare     *grid // an alternate screen that was left: making one costs megabytes
	pens      *ansi.Parser
	*grid     // the one that is shown
	scroll    scrollback

	modes       map[int]bool // DEC private modes that differ from their default or were named
	insertLNM   bool         // ANSI mode 20
	mouse       int          // 0, 9, 1000, 1002 or 1003: the last one wins
	encoding    int          // 0, 1006 or 1016
	keypad      bool
	charsets    [2]byte
	shift       bool // G1 is in use
	cursorStyle int
	title       string
	gaps        int // lines that were left out, for tests and metrics
}

func (e *emulator) hardReset() {
	if e.alt != nil {
		e.alt, e.spare = nil, e.alt
	}
	if e.main == nil {
		e.main = newGrid(e.cols, e.rows)
	} else {
		e.main.reset(e.cols, e.rows)
	}
	e.grid = e.main
	e.scroll.clear()
	e.modes = map[int]bool{}
	e.insertLNM, e.mouse, e.encoding, e.keypad = false, 0, 0, false
	e.charsets, e.shift, e.cursorStyle = [2]byte{'B', 'B'}, false, 0
}

func (e *emulator) Write(p []byte) {
	e.sequencer.write(p)
	e.drain()
}

func (e *emulator) Text() string    { return e.grid.vt.String() }
func (e *emulator) Title() string   { return e.title }
func (e *emulator) Alternate() bool { return e.alt != nil }
func (e *emulator) Close()          { _ = e.main.vt.Close() }

// drain takes the lines that scrolled off out of the library, which would keep
// them at a hundred bytes a cell, and keeps them painted.
func (e *emulator) drain() {
	e.grid.scrolled = 0
	sb := e.grid.vt.Scrollback()
	lines := sb.Lines()
	for i, l := range lines {
		if e.alt == nil && e.grid.top == 0 {
			e.scroll.push(paintLine(l))
		}
		lines[i] = nil
	}
	sb.Clear()
}

// discard drops what the library took for scrollback and is not: lines that a
// program deleted.
func (e *emulator) discard() {
	sb := e.grid.vt.Scrollback()
	clear(sb.Lines())
	sb.Clear()
}

func (e *emulator) mayScroll(n int) {
	if e.grid.scrolled += n; e.grid.scrolled > 200 {
		e.drain()
	}
}

func (e *emulator) control(c byte) {
	g := e.grid
	switch c {
	case '\n', '\v', '\f':
		g.feed([]byte{c})
		g.phantom = false
		e.mayScroll(1)
	case '\r', '\b':
		g.feed([]byte{c})
		g.phantom = false
	case '\t':
		g.feed([]byte{c})
	case 0x0e, 0x0f:
		e.shift = c == 0x0e
		g.feed([]byte{c})
	}
}

// sequence is a complete escape sequence.
func (e *emulator) sequence(p []byte) {
	if p[1] == '[' {
		e.csi(parseCSI(p))
		return
	}
	g := e.grid
	if len(p) == 3 {
		switch set := p[1]; {
		case (set == '(' || set == ')') && (p[2] == '0' || p[2] == 'A' || p[2] == 'B'):
			e.charsets[set-'('] = p[2]
			g.feed(p)
		case set == '#' && p[2] == '8': // DECALN
			g.unwrap()
			for y := range e.rows {
				for x := range e.cols {
					g.vt.SetCell(x, y, &uv.Cell{Content: "E", Width: 1})
				}
			}
			g.goTo(0, 0)
		}
		return
	}
	switch p[1] {
	case '7':
		e.save()
	case '8':
		e.restore()
	case '=', '>':
		e.keypad = p[1] == '='
	case 'c':
		e.hardReset()
		e.title = ""
	case 'D', 'E', 'M':
		g.unwrap()
		if p[1] == 'E' {
			g.feeds("\r\x1bD")
		} else {
			g.feed(p)
		}
		e.mayScroll(1)
	case 'H':
		g.feed(p)
	}
}

func (e *emulator) save() {
	x, y := e.grid.at()
	e.grid.saved = &saved{x, y, e.grid.pen, e.grid.Link}
}

func (e *emulator) restore() {
	g := e.grid
	g.unwrap()
	s := saved{}
	if g.saved != nil {
		s = *g.saved
	}
	g.goTo(min(s.x, e.cols-1), min(s.y, e.rows-1))
	g.setPen(s.pen)
	e.setLink(s.link)
}

func (e *emulator) setLink(l uv.Link) {
	e.grid.Link = l
	e.grid.feeds("\x1b]8;" + l.Params + ";" + l.URL + "\x07")
}

func (e *emulator) csi(c command) {
	g := e.grid
	switch {
	case c.final == 'm' && c.prefix == 0 && c.inter == 0:
		g.feed(c.raw)
		e.readPen(c.raw, &g.pen)
		return
	case (c.final == 'h' || c.final == 'l') && c.inter == 0:
		for _, n := range c.params {
			e.setMode(c.prefix, n, c.final == 'h')
		}
		return
	case c.final == 'c' || c.final == 'n' || c.final == 'p' && c.inter == '$' || c.final == 'q' && c.prefix == '>':
		e.answer(c)
		return
	case c.final == 'q' && c.inter == ' ':
		if e.cursorStyle = c.param(0, 1); e.cursorStyle > 6 {
			e.cursorStyle = 0
		}
		return
	case c.final == 'p' && c.inter == '!':
		e.softReset()
		return
	case c.prefix != 0 || c.inter != 0:
		return
	case g.phantom && (c.final == 'J' || c.final == 'K'):
		e.eraseBeyond(c)
		return
	}
	g.unwrap()
	switch c.final {
	case 's':
		e.save()
	case 'u':
		e.restore()
	case 'J':
		e.erase(c)
	case 'r':
		top, bottom := max(c.param(0, 1), 1), c.param(1, e.rows)
		if bottom < 1 || bottom > e.rows {
			bottom = e.rows
		}
		if top >= bottom {
			return
		}
		e.drain()
		g.top, g.bottom = top-1, bottom
		g.feeds(fmt.Sprintf("\x1b[%d;%dr", top, bottom))
	case 'S', 'T', 'L', 'M':
		e.drain()
		g.feeds(fmt.Sprintf("\x1b[%d%c", min(max(c.param(0, 1), 1), e.rows), c.final))
		e.discard()
	case 'b':
		n := min(max(c.param(0, 1), 1), e.cols*e.rows)
		if g.phantom {
			return
		}
		g.feeds(fmt.Sprintf("\x1b[%db", n))
		g.goTo(g.at())
		e.mayScroll(n/e.cols + 1)
	case '@', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'I', 'K', 'P', 'X', 'Z', '`', 'a', 'd', 'e', 'g':
		g.feeds(bounded(c, e))
	case 'H', 'f':
		g.feeds(fmt.Sprintf("\x1b[%d;%dH", max(c.param(0, 1), 1), max(c.param(1, 1), 1)))
	}
}

// bounded is a sequence with one count, which is at least 1 where 0 means 1 and
// never larger than a screen.
func bounded(c command, e *emulator) string {
	if c.final == 'K' || c.final == 'g' {
		return fmt.Sprintf("\x1b[%d%c", c.param(0, 0), c.final)
	}
	return fmt.Sprintf("\x1b[%d%c", min(max(c.param(0, 1), 1), max(e.cols, e.rows)), c.final)
}

// erase is ED. The library moves an erased screen into the scrollback, which no
// other terminal does, and erases the screen with the scrollback.
func (e *emulator) erase(c command) {
	switch n := c.param(0, 0); n {
	case 0, 1:
		e.grid.feeds(fmt.Sprintf("\x1b[%dJ", n))
	case 2:
		e.blank(0, e.rows)
	case 3:
		e.drain()
		e.scroll.clear()
	}
}

// eraseBeyond is ED and EL while the next character wraps. In xterm.js the cursor is
// behind the last column then, and stays there: what it is on is not erased.
func (e *emulator) eraseBeyond(c command) {
	_, y := e.grid.at()
	switch n := c.param(0, 0); {
	case c.final == 'K' && (n == 1 || n == 2):
		e.blank(y, y+1)
	case c.final == 'J' && n == 0:
		e.blank(y+1, e.rows)
	case c.final == 'J' && n == 1:
		e.blank(0, y+1)
	case c.final == 'J':
		e.erase(c)
	}
}

// blank erases lines, in the background of the pen.
func (e *emulator) blank(from, to int) {
	cell := uv.EmptyCell
	cell.Style.Bg = e.grid.pen.Bg
	for y := from; y < to; y++ {
		for x := range e.cols {
			e.grid.vt.SetCell(x, y, &cell)
		}
	}
}

func (e *emulator) charsetSequence() string {
	s := "\x1b(" + string(e.charsets[0]) + "\x1b)" + string(e.charsets[1])
	if e.shift {
		return s + "\x0e"
	}
	return s + "\x0f"
}

// answer replies to questions about the terminal. Only this screen does: a
// browser that also answered would type into the child.
func (e *emulator) answer(c command) {
	x, y := e.grid.at()
	if e.Mode(6) {
		y -= e.grid.top
	}
	say := func(format string, args ...any) { e.reply(fmt.Appendf(nil, format, args...)) }
	switch {
	case c.final == 'c' && c.prefix == 0 && c.param(0, 0) == 0:
		say("\x1b[?62;22c")
	case c.final == 'c' && c.prefix == '>' && c.param(0, 0) == 0:
		say("\x1b[>1;10;0c")
	case c.final == 'n' && c.prefix == 0 && c.param(0, 0) == 5:
		say("\x1b[0n")
	case c.final == 'n' && c.prefix == 0 && c.param(0, 0) == 6:
		say("\x1b[%d;%dR", y+1, x+1)
	case c.final == 'n' && c.prefix == '?' && c.param(0, 0) == 6:
		say("\x1b[?%d;%dR", y+1, x+1)
	case c.final == 'q':
		say("\x1bP>|OpenOva Sandbox\x1b\\")
	case c.final == 'p' && c.prefix == '?':
		n := c.param(0, 0)
		value := 0
		if _, known := e.modes[n]; known || n == 7 || n == 25 || n == 2004 || n == 2026 || n == 1 || n == 6 {
			value = 2
			if e.Mode(n) {
				value = 1
			}
		}
		say("\x1b[?%d;%d$y", n, value)
	}
}

// Resize keeps what is above the cursor: lines that no longer fit leave through
// the top, as they do in a terminal, and not through the bottom.
func (e *emulator) Resize(cols, rows int) {
	cols, rows = Clamp(cols, rows)
	if cols == e.cols && rows == e.rows {
		return
	}
	e.drain()
	for _, g := range []*grid{e.main, e.alt} {
		if g == nil {
			continue
		}
		g.unwrap()
		x, y := g.at()
		if g == e.main && y >= rows {
			n := y - rows + 1
			g.feeds("\x1b[?6l\x1b[r\x1b[m")
			for i := range n {
				e.scroll.push(paintLine(rowOf(g.vt, i, e.cols)))
			}
			g.feeds(fmt.Sprintf("\x1b[%dS", n))
			clear(g.vt.Scrollback().Lines())
			g.vt.Scrollback().Clear()
			g.feeds(sgr(g.pen))
			y -= n
			if g.saved != nil {
				g.saved.y = max(g.saved.y-n, 0)
			}
		}
		if g.saved != nil {
			g.saved.x, g.saved.y = min(g.saved.x, cols-1), min(g.saved.y, rows-1)
		}
		g.vt.Resize(cols, rows)
		for y := range rows { // half of a wide character is none
			if c := g.vt.CellAt(cols-1, y); c != nil && c.Width == 2 {
				c.Empty()
			}
		}
		g.top, g.bottom = 0, rows
		g.feeds(fmt.Sprintf("\x1b[?6%c", setter(e.Mode(6))))
		g.goTo(min(x, cols-1), min(y, rows-1))
	}
	e.cols, e.rows = cols, rows
}
