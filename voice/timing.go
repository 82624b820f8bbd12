package voice

import (
	"log/slog"
	"time"
)

// timing is how long the parts of an answer took, from the end of the person's last
// word to the first sound of the agent's. It is logged with every answer, at debug,
// for who wants to know where the time of a slow call goes.
type timing struct {
	// waited is the silence after which the person was taken to have finished, and far
	// how far their words answered what was asked. recognised is how long the words
	// took from there.
	waited     time.Duration
	far        Completeness
	recognised time.Duration
	// asked is when the words were given to the conversation, answered when the first
	// sentence of the answer came.
	asked, answered time.Time
}

// asks begins the timing of an answer.
func (c *Call) asks(t timing) {
	t.asked = time.Now()
	c.mu.Lock()
	c.timing = t
	c.mu.Unlock()
}

// times takes that a line of the agent's is heard from now on.
func (c *Call) times(l *line) {
	c.mu.Lock()
	t := c.timing
	if l.turnID == "" || t.asked.IsZero() || t.answered.IsZero() {
		c.mu.Unlock()
		return
	}
	c.timing = timing{}
	c.mu.Unlock()
	ms := func(name string, d time.Duration) slog.Attr {
		return slog.Float64(name+"Ms", float64(d.Microseconds())/1000)
	}
	c.logger.LogAttrs(c.ctx, slog.LevelDebug, "an answer is heard", slog.String("call", c.ID), slog.Bool("complete", t.far == Wholly),
		ms("waited", t.waited), ms("recognised", t.recognised), ms("answered", t.answered.Sub(t.asked)), ms("voiced", time.Since(t.answered)))
}
