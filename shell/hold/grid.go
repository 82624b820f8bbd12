package hold

import (
	"fmt"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
)

// grid is one of the two screens.
type grid struct {
	vt  *vt.Emulator
	pen uv.Style
	uv.Link
	top, bottom int // margins, bottom is exclusive
	saved       *saved
	// phantom: the last column was written and the next character wraps. The library
	// does not know of all such cases.
	phantom  bool
	scrolled int // lines that may have scrolled since the last drain
}

type saved struct {
	x, y int
	pen  uv.Style
	link uv.Link
}

func newGrid(cols, rows int) *grid {
	return &grid{vt: vt.NewEmulator(cols, rows), bottom: rows}
}

// reset makes a grid as good as new.
func (g *grid) reset(cols, rows int) {
	g.feeds("\x1bc")
	g.vt.Resize(cols, rows)
	clear(g.vt.Scrollback().Lines())
	g.vt.Scrollback().Clear()
	*g = grid{vt: g.vt, bottom: rows}
}

func (g *grid) feed(p []byte)     { _, _ = g.vt.Write(p) }
func (g *grid) feeds(s string)    { _, _ = g.vt.WriteString(s) }
func (g *grid) at() (x, y int)    { p := g.vt.CursorPosition(); return p.X, p.Y }
func (g *grid) goTo(x, y int)     { g.feeds(fmt.Sprintf("\x1b[%d;%df", y+1, x+1)) }
func (g *grid) setPen(p uv.Style) { g.pen = p; g.feeds(sgr(p)) }

// unwrap forgets that the next character wraps.
func (g *grid) unwrap() {
	if g.phantom {
		x, _ := g.at()
		g.feeds(fmt.Sprintf("\x1b[%dG", x+1))
		g.phantom = false
	}
}
