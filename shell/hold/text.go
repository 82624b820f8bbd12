package hold

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

// ascii is a run of printable characters.
func (e *emulator) ascii(p []byte) {
	for len(p) > 0 {
		e.wrap()
		g, n := e.grid, len(p)
		x, _ := g.at()
		if e.Mode(7) {
			n = min(n, e.cols-x) // so that halves are looked for on every line
		}
		halves := g.halves(x, x+n)
		g.feed(p[:n])
		g.mend(halves)
		g.phantom = e.Mode(7) && x+n == e.cols
		p = p[n:]
	}
}

// wrap begins the next line when the last column was written.
func (e *emulator) wrap() {
	if e.grid.phantom {
		e.grid.feeds("\r\x1bD")
		e.grid.phantom = false
		e.mayScroll(1)
	}
}

// char is one character above ASCII.
func (e *emulator) char(p []byte) {
	r, _ := utf8.DecodeRune(p)
	w := runeWidth(r)
	if w == 0 {
		e.join(p)
		return
	}
	e.wrap()
	g, wraps := e.grid, e.Mode(7)
	x, y := g.at()
	if w == 2 && x == e.cols-1 {
		if !wraps {
			return // there is no room, as in the browser
		}
		g.feed([]byte{' '})
		g.phantom = true
		e.wrap()
		x, y = g.at()
	}
	halves := g.halves(x, x+w)
	if ansi.GraphemeWidth.StringWidth(string(p)) == w {
		g.feed(p)
	} else {
		// The library has another opinion of the width: let it place a character of
		// the right one, and put ours there.
		if w == 2 {
			g.feeds("\u4e16")
		} else {
			g.feeds("\u00e9")
		}
		if c := g.vt.CellAt(x, y); c != nil {
			c = c.Clone()
			c.Content = string(p)
			g.vt.SetCell(x, y, c)
		}
	}
	g.mend(halves)
	g.phantom = wraps && x+w >= e.cols
}

// halves are the cells that lose their other half when what is between two columns of
// the cursor's line is written, which may reach behind its end.
func (g *grid) halves(from, to int) (left []place) {
	_, y := g.at()
	if c := g.vt.CellAt(from-1, y); from > 0 && from < g.vt.Width() && c != nil && c.Width == 2 {
		left = append(left, place{from - 1, y})
	}
	if c := g.vt.CellAt(to, y); to < g.vt.Width() && c != nil && c.IsZero() {
		left = append(left, place{to, y})
	}
	return left
}

// mend makes them blanks of the pen, as xterm.js does; the library leaves them the
// style that they had.
func (g *grid) mend(halves []place) {
	for _, at := range halves {
		cell := uv.EmptyCell
		cell.Style = g.pen
		g.vt.SetCell(at.x, at.y, &cell)
	}
}

type place struct{ x, y int }

// maxCluster bounds what combining characters add to a cell.
const maxCluster = 64

// join adds a character without a width to the cell before the cursor.
func (e *emulator) join(p []byte) {
	x, y := e.grid.at()
	if !e.grid.phantom {
		x--
	}
	c := e.grid.vt.CellAt(x, y)
	if c != nil && c.IsZero() {
		x--
		c = e.grid.vt.CellAt(x, y)
	}
	if c == nil || c.Content == "" || len(c.Content)+len(p) > maxCluster {
		return
	}
	c = c.Clone()
	c.Content += string(p)
	e.grid.vt.SetCell(x, y, c)
}

// text is an OSC, DCS, APC, PM or SOS. Only titles, links and colour questions
// mean something to a screen.
func (e *emulator) text(p []byte, cut bool) {
	if cut || len(p) < 4 || p[1] != ']' {
		return
	}
	body := bytes.TrimSuffix(bytes.TrimSuffix(p[2:], []byte{0x1b, '\\'}), []byte{7})
	name, value, _ := bytes.Cut(body, []byte{';'})
	switch string(name) {
	case "0", "2":
		e.title = CleanTitle(string(value))
	case "8":
		params, link, ok := bytes.Cut(value, []byte{';'})
		if !ok || len(link) > 2048 {
			return
		}
		clean := func(b []byte) string {
			return strings.Map(func(r rune) rune {
				if r < 0x21 || r >= 0x7f || r == ';' {
					return -1
				}
				return r
			}, string(b))
		}
		e.grid.Link = uv.Link{Params: clean(params), URL: clean(link)}
		e.grid.feeds("\x1b]8;" + e.grid.Params + ";" + e.grid.URL + "\x07")
	case "10", "11":
		if string(value) == "?" {
			colour := map[string]string{"10": "e6e6/e6e6/e6e6", "11": "1010/1212/1616"}[string(name)]
			e.reply([]byte("\x1b]" + string(name) + ";rgb:" + colour + "\x1b\\"))
		}
	}
}

// CleanTitle makes a title harmless: no controls, no characters that change the
// writing direction, at most 256 characters.
func CleanTitle(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > maxTitle {
		s = string(r[:maxTitle])
	}
	return strings.TrimSpace(s)
}
