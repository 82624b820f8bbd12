// Package hold is what a holder process does: it keeps one terminal session
// alive, whatever happens to the service, the browser or the network.
//
// The service writes an [Order] into a folder and starts `sandbox-holder shell`
// on it ([Detached]). The holder starts the command on a terminal of its own and
// listens on a unix socket, which only this user can open. The service connects
// ([Dial]) as often as it likes: once for every browser, and once as manager.
//
// # The session's folder
//
//	order.json      what to run; written by the service before the holder starts
//	process.json    pid, start time and child of the holder; created exclusively
//	                before the child starts, so that there is never a second one
//	socket          where clients attach, mode 0600; gone when the session ended
//	spool.jsonl     raw records of the side channels, a [Record] a line, by offset
//	ports           where the service dials ports of the session ([DialPort])
//	crossing/       the sockets that lead out of the session
//	egress.jsonl    what it connected to, and what it was refused
//	recording.cast  the terminal, in the asciicast format version 3
//	screen.bin      the last screen, as a snapshot frame's payload
//	exit.json       how the command ended; written last
//
// # The live path
//
// What the child prints is read, numbered by its byte offset, and available to
// every client at once. The [Screen] follows behind from the same buffer. No
// client has a queue: each reads the buffer at its own offset, so the memory is
// bounded however slow a client is. One that acknowledges too little is sent
// nothing more; one whose offset has left the buffer gets a snapshot of the
// screen and goes on from there. When the screen itself is too far behind, plain
// text that would scroll away is left out with a mark in the scrollback, and
// anything else makes the child wait: a screen that is shown is never wrong.
//
// A client that reconnects says which offset it has. It gets the gap, or a
// snapshot when the gap is gone or the size has changed since.
//
// # The crossing
//
// A session behind a wall has no network. What it needs crosses the wall through
// unix sockets of its holder: the agent's side channels ([Source]), its model
// ([Model]), the repository that it works in ([Repository]), its own ports ([DialPort])
// and, where the order lists hosts, a proxy ([Egress]). Inside, ports on
// the session's own loopback lead to them ([Inside]). The holder listens and never
// connects to what the session has put somewhere; the files that it tails are
// opened below their root only. The keys of the model and of the repository reach the
// holder on its standard input and stay in its memory.
//
// # Invariants
//
//   - A client's screen, after any cut and reconnect, is the server's.
//   - Only the server's screen answers what programs ask a terminal, once.
//   - The size belongs to who typed last, or claimed it; a client that is hidden,
//     shows cards or only observes never changes it. Every change of the size
//     gives every client a new snapshot.
//   - Who does not read or acknowledge holds up neither the child nor others.
//   - What a session uses is limited ([Limits]); what meets a limit hurts its own
//     session, and is told.
//   - Every process of a session ends with it. Daemons cannot leave: the holder is
//     the parent of orphans, and [Sweep] finds what a killed holder left.
//   - Marks in the output count only with the session's nonce.
//   - A held record is answered once; the answer is written down before it is given.
//
// # Goroutines
//
// Execute owns the pump (terminal to buffer), the follower (buffer to screen), the
// typist (input to terminal) and the acceptor; each connection owns its reader
// and its writer. They end with the terminal, the session or the connection.
package hold
