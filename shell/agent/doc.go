// Package agent is the catalogue of what a session can run, and of how each
// becomes cards.
//
// An [Agent] says four things: which program it is and how to get it, what has to
// be there before it starts ([Agent.Prepare]), what its records mean
// ([Agent.Read]), and how it is answered and prompted ([Reader]). Records come
// from the side channel that the agent offers itself, never from reading its
// screen.
//
//	agent         tells by                              is answered by        is prompted by
//	claude-code   hooks, posted to the holder;          the held hook's       its terminal
//	              the transcript of its conversation    answer
//	qwen-code     a file of events (--json-file)        a file of replies     a file of replies
//	                                                    (--input-file)
//	opencode      its server's events (--port)          its server            its terminal
//	codex         its app server, which its terminal    the app server        the app server
//	              is a client of, too
//	bash, zsh     marks around every command            asks nothing          its terminal
//
// # From a record to a card
//
// The holder spools what it is told, as it is, with its source and an id, and goes
// on doing so while the service is away. The service has one [Reader] for each
// running session and gives it every record once, in order. What a reader returns
// is kept in the journal with how far the spool was read; a draft is shown and not
// kept. A service that starts again has its reader read the spool from the
// beginning, throws away what was kept before, and goes on. So a reader
//
//   - is a pure function of the records: no clock (a record has its time), no
//     files, no chance;
//   - gives a card an id that the agent's own id is in (a message's, a call's), so
//     that a later record replaces the card and never doubles it;
//   - survives whatever a record says: the program in the session may write its
//     own. What it forges is shown to its owner, and opens nothing.
//
// # Permissions
//
// A reader shows a question with board.question, and says in Answer how a verdict
// goes back. The holder hands on the first reply to each id, and writes down that it
// did (hold.RecordAnswered), before the agent has it. When the agent goes on
// although nobody has answered here, it was answered in the terminal: board.over
// closes the card, and Release lets go what the agent has left open. Whoever is
// late gets a conflict, and nothing happens.
//
// A session's [Mode] is stored with it, and turned into the agent's own words by
// Prepare. A session that goes on has the same mode, or a narrower one.
//
// # What a session sees
//
// Everything in a [Place] is as the session sees it. It has no network but what its
// crossing gives: ports on its own loopback that lead to sockets of its holder
// (hold.Inside). Where a port has to be named, hold.PortOf stands for it until the
// session starts. A model's key is never in the session: the agent shows its holder
// [Place.Key], which is good for nothing else, and the holder puts the real one in.
//
// # Adding an agent
//
//  1. Find its structured side channel: hooks, a file of JSON Lines, an HTTP server
//     with events, or Codex's protocol. Each is a hold.Source; there is nothing to
//     write for the holder.
//  2. Make a file with a function that returns the [Agent], like qwen.go: Installed
//     and Get, the arguments, environment and files of Prepare, and the modes in its
//     words. Seed what it would otherwise ask at its first start, and see that no
//     file of a repository can widen the mode. The servers of Place.Tools go into its
//     configuration; it has to ask before it uses one. Shows says when it takes typing.
//  3. Write its reader on a board: person, more and told for what is said, call and
//     over for its tools, question for what it asks, done for the end of a turn.
//     Tools that do what tools of other agents do are named in action.go.
//  4. Pin its packages in .tools/<name>, with a line in .tools/npm and a target in
//     the Makefile, and add it to [Catalogue].
//  5. Add a test beside TestQwenCode that plays the same work with the real program:
//     package scripted is the model. That test is the adapter's specification.
package agent
