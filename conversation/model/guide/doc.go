// Package guide is the built-in concierge: a [conversation.Model] that needs no
// network and no weights. It is what an air-gapped installation runs, and what
// takes over when another model fails.
//
// # How it reads
//
// A message is taken apart into tokens with their places in the text (text.go),
// numbers are joined (number.go), and unknown words are corrected to known ones
// one typing error away (spell.go). All phrases of the language are then found in
// one pass (match.go). What a phrase means depends on its neighbours: whether it
// is taken away by a "without" before it or asked about in a question
// (polarity.go), whether a place is where the people are or where the machines
// should be (where.go), what a number counts (counts.go), where an
// Organization's name begins and ends (names.go). understand.go puts it together.
//
// Every word, phrase, synonym, explanation and reply is in data/<language>;
// there is none in code, and nothing is keyed to a whole sentence.
//
// # How it acts
//
// A turn is worked out by plain straight-line code (turn.go) that calls tools.
// Respond has no memory, so every step runs that code again from the beginning:
// a call whose result is already in the request returns it, and the first call
// without a result is the step that Respond gives. A step without a call ends
// the turn.
//
// # Invariants
//
//   - Respond is a pure function of its request: no clock, no randomness, no
//     state. The data is read once by New and never changes.
//   - It acts through tool calls only, and only through tools that the request
//     lists. There is none to approve or destroy.
//   - Every figure, price, place and reason in a reply comes from a tool result
//     of the same turn.
//   - A turn has at most twelve steps, ends with a text that is not empty, and
//     asks at most two things.
//   - No goroutines; a Guide may be used by many at once.
package guide
