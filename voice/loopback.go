package voice

import "math"

// Where the person's loudspeaker is heard by their microphone and nothing cancels
// it, the agent hears itself. Its words come back garbled, so that what they are says
// little; but they get loud and quiet as the agent's voice did, a little before.

const (
	// levelsKept is how much of both sides is remembered, in frames: 1.28 s.
	levelsKept = 64
	// compared is over how many frames they are compared, and wayBack how much later
	// the sound may come back: half a second each.
	compared = 25
	wayBack  = 25
	// alike is how much the two have to be alike, from -1 to 1. Two people's speech is
	// below 0.8 nine times in ten.
	alike = 0.8
)

// levels are how loud the last frames were; the newest is the last one.
type levels struct {
	at  int
	all [levelsKept]float64
}

// add takes a frame; nil is silence. Loudness is in steps, as people hear it.
func (l *levels) add(frame []int16) {
	sum := 0.0
	for _, s := range frame {
		sum += float64(s) * float64(s)
	}
	l.at = (l.at + 1) % levelsKept
	l.all[l.at] = math.Log1p(math.Sqrt(sum/float64(max(len(frame), 1))) / 50)
}

// before gives the frame so many before the newest.
func (l *levels) before(n int) float64 { return l.all[(l.at-n+2*levelsKept)%levelsKept] }

// follows tells whether what was heard is what was sent, a little later.
func (l *levels) follows(sent *levels) bool {
	for lag := range wayBack {
		if correlation(l, sent, lag) >= alike {
			return true
		}
	}
	return false
}

// correlation is Pearson's, of what was heard with what was sent so many frames
// before.
func correlation(heard, sent *levels, lag int) float64 {
	var x, y, xx, yy, xy float64
	for i := range compared {
		a, b := heard.before(i), sent.before(i+lag)
		x, y, xx, yy, xy = x+a, y+b, xx+a*a, yy+b*b, xy+a*b
	}
	const n = compared
	vx, vy := xx-x*x/n, yy-y*y/n
	if vx <= 0.01 || vy <= 0.01 {
		return 0
	}
	return (xy - x*y/n) / math.Sqrt(vx*vy)
}
