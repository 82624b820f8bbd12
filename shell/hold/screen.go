package hold

// Screen is what a terminal shows: the server's own copy of what every client
// sees. One goroutine at a time may use it. It is an interface so that the
// emulator behind it can be replaced without touching the holder.
type Screen interface {
	// Write feeds output of the child, cut at any byte. It never fails.
	Write(p []byte)
	// Resize changes the size in cells, each from 1 to [MaxCells].
	Resize(cols, rows int)
	// Snapshot is a byte stream that paints this screen on a fresh terminal of
	// the same size: scrollback, main screen, alternate screen, modes, margins,
	// cursor, pen, title and the sequence that was received in part.
	Snapshot() []byte
	// Skip takes over a stretch of plain output without painting it, and marks
	// the gap in the scrollback. It says how many bytes it took; 0 when the
	// stretch cannot be left out without changing what is shown at its end.
	Skip(p []byte) int
	// Text is what is shown, a line a row, without colours.
	Text() string
	// Title is the window title, at most 256 characters and without controls.
	Title() string
	// Mode says whether a private mode is set, by its number: 2004 for one.
	Mode(n int) bool
	// Alternate says whether the alternate screen is shown.
	Alternate() bool
	// Close frees the screen.
	Close()
}

const (
	// MaxCells bounds each side of a screen.
	MaxCells = 1000
	// scrollbackLines is how many lines that left the main screen are kept.
	scrollbackLines = 5000
	// scrollbackBytes bounds their size.
	scrollbackBytes = 4 << 20
	maxTitle        = 256
)

// Clamp brings a size into the range that a screen takes; 0 stands for the
// usual 80 by 24.
func Clamp(cols, rows int) (int, int) {
	if cols <= 0 {
		cols = 80
	}
	if rows <= 0 {
		rows = 24
	}
	return min(max(cols, 2), MaxCells), min(max(rows, 1), MaxCells)
}

// scrollback are the lines that left the main screen, painted already: a line
// costs its text and colours and not a cell of a hundred bytes a column.
type scrollback struct {
	lines [][]byte
	bytes int
}

func (s *scrollback) push(line []byte) {
	s.lines = append(s.lines, line)
	s.bytes += len(line)
	drop := 0
	for len(s.lines)-drop > scrollbackLines || s.bytes > scrollbackBytes && drop < len(s.lines)-1 {
		s.bytes -= len(s.lines[drop])
		s.lines[drop] = nil
		drop++
	}
	if drop > 0 {
		s.lines = s.lines[drop:]
	}
}

func (s *scrollback) clear() { s.lines, s.bytes = nil, 0 }
