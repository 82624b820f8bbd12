// Package agent is the catalogue of what a session can run, and of how each
// becomes cards.
//
// An [Agent] says three things: which program it is, what has to be there before
// it starts ([Agent.Prepare]: arguments, environment and files), and what its
// holder's raw records mean ([Agent.Cards]). Records come from the side channel
// that the agent offers itself, never from reading its screen: for shells these
// are the marks that their own start files print around every command.
//
// # Adding an agent
//
// Make a file with a function that returns the [Agent], add it to [Catalogue],
// and give it a test that runs the real program in a holder and looks at the
// cards. Cards is pure: the same records give the same cards, with ids that are
// made of the record's offset, so that a service that starts again neither loses
// nor doubles one, and a better adapter can be put beside old holders.
package agent
