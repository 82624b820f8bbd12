package voice

import "time"

// hushedPatience is how much longer a person is waited for who reads and types: as a
// multiple of the other waiting.
const hushedPatience = 10

// lives notes that something was said or shown.
func (c *Call) lives() { c.alive.Store(time.Now().UnixNano()) }

// waitForSigns asks a person who is silent for long whether they are there, and ends
// the call when they do not answer; the conversation is kept. Where the mouth is
// hushed, silence means little, and nothing is asked.
func (c *Call) waitForSigns() {
	check := time.NewTicker(c.options.Prompt / 20)
	defer check.Stop()
	prompted := false
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-check.C:
		}
		silent := time.Since(time.Unix(0, c.alive.Load()))
		patience := c.options.Prompt
		if c.mouth.isHushed() {
			patience *= hushedPatience
		} else if now, _ := c.mouth.speaking(); now && !prompted {
			c.lives()
			continue
		}
		switch {
		case silent < patience:
			prompted = false
		case silent > 3*patience:
			c.logger.Info("a call is paused, since nobody speaks in it", "call", c.ID)
			c.end("silence")
			return
		case !prompted && !c.mouth.isHushed():
			prompted = true
			c.speak("call.silence", prompting)
		}
	}
}
