// Package voice is the call: a person and the agent talking, over WebRTC.
//
// It knows nothing of provisioning. A call is one more way to say something in a
// conversation and to hear what is said in it ([Dialogue], which package
// conversation answers behind an adapter); what a turn is, what counts as a
// consent and what is kept are decided there.
//
// # What the person hears
//
// The agent's reply is spoken sentence by sentence while it is still being made.
// A media clock of 20 ms never stops: between sentences it sends silence, since
// browsers take a gap for loss. A person who speaks interrupts as among people:
// 200 ms of voice and a word pause the agent at once; a cough, a click or
// "mm-hmm" do not; if no words follow, it goes on where it was. Words like "stop"
// and "wait" always win; alone they make it silent and are no turn, and as nobody waits
// for what may follow, a short utterance is looked at after 180 ms. A sound that the
// recogniser takes for words at first may make it hesitate for some two seconds. The
// price and the question for consent are never interrupted.
//
// Where a loudspeaker is heard by the microphone and nobody cancels it, the agent's
// own voice comes back. It is told by getting loud and quiet as what was sent, up to
// half a second before, as its words come back garbled.
//
// # Who hears
//
// The service's recogniser hears every utterance. Who has chosen it is understood by the
// words of their own browser, which it tells over the call's data channel in pieces
// ([Event]); where they are missing, late, or were said while the agent was heard, it is
// the service's that count. What begins, ends and interrupts is for the service's ear.
//
// # What counts
//
//   - What is journalled as said by the agent is what was heard, to the word.
//   - Words consent only when the price and the question were heard to the end,
//     and when nothing of the agent's was playing while they were said: an echo
//     must not approve. They are the service's ear's, never a browser's.
//   - E-mail addresses, names of domains and secrets are never taken by ear: their
//     cards are on the screen.
//
// # Goroutines
//
// A [Call] owns five, ended and awaited by its Close: the reader of the track, the
// ear (endpointing and recognition), the mouth's clock, the mouth's maker of
// sound, and the follower of the dialogue. Nothing in the clock waits for any of
// the others.
package voice
