package hold

import (
	"fmt"

	uv "github.com/charmbracelet/ultraviolet"
)

// Mode is whether a DEC private mode is set.
func (e *emulator) Mode(n int) bool {
	on, ok := e.modes[n]
	if !ok {
		return n == 7 || n == 25 // these are set from the start
	}
	return on
}

func (e *emulator) setMode(prefix byte, n int, on bool) {
	if prefix == 0 {
		if n == 20 {
			e.insertLNM = on
			e.grid.feeds(fmt.Sprintf("\x1b[20%c", setter(on)))
		}
		return
	}
	if prefix != '?' {
		return
	}
	switch n {
	case 47, 1047, 1049:
		e.switchTo(on, n)
		return
	case 1048:
		if on {
			e.save()
		} else {
			e.restore()
		}
		return
	case 9, 1000, 1002, 1003:
		e.mouse = 0
		if on {
			e.mouse = n
		}
	case 1006, 1016:
		e.encoding = 0
		if on {
			e.encoding = n
		}
	case 6, 7:
		e.grid.unwrap()
		e.modes[n] = on
		e.grid.feeds(fmt.Sprintf("\x1b[?%d%c", n, setter(on)))
		if n == 6 {
			e.grid.feeds("\x1b[H")
		}
	case 1, 12, 25, 45, 66, 1004, 1007, 2004, 2026, 2031:
		e.modes[n] = on
	}
}

func setter(on bool) byte {
	if on {
		return 'h'
	}
	return 'l'
}

// switchTo shows the alternate or the main screen.
func (e *emulator) switchTo(alt bool, n int) {
	if alt == (e.alt != nil) {
		return
	}
	x, y := e.grid.at()
	pen, link := e.grid.pen, e.grid.Link
	if alt {
		if n == 1049 {
			e.save()
		}
		e.drain()
		if e.alt, e.spare = e.spare, nil; e.alt == nil {
			e.alt = newGrid(e.cols, e.rows)
		} else {
			e.alt.reset(e.cols, e.rows)
		}
		e.grid = e.alt
		e.share()
		e.grid.setPen(pen)
		e.setLink(link)
		e.grid.goTo(x, y)
		return
	}
	e.alt, e.spare, e.grid = nil, e.alt, e.main
	e.share()
	if n == 1049 {
		e.restore()
		return
	}
	e.grid.unwrap()
	e.grid.setPen(pen)
	e.setLink(link)
	e.grid.goTo(x, y)
}

// share brings what both screens have in common to the one that is shown now.
func (e *emulator) share() {
	x, y := e.grid.at()
	for _, n := range []int{6, 7} {
		e.grid.feeds(fmt.Sprintf("\x1b[?%d%c", n, setter(e.Mode(n))))
	}
	e.grid.feeds(fmt.Sprintf("\x1b[20%c", setter(e.insertLNM)))
	e.grid.feeds(e.charsetSequence())
	e.grid.goTo(x, y)
}

func (e *emulator) softReset() {
	g := e.grid
	x, y := g.at()
	delete(e.modes, 1)
	delete(e.modes, 6)
	delete(e.modes, 25)
	e.keypad, e.charsets, e.shift = false, [2]byte{'B', 'B'}, false
	g.unwrap()
	e.drain()
	g.top, g.bottom, g.saved = 0, e.rows, nil
	g.feeds("\x1b[?6l\x1b[r" + e.charsetSequence())
	g.setPen(uv.Style{})
	g.goTo(x, y)
}
