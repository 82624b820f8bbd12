// Package journal is the memory of the house: one append-only log of events per
// aggregate, on NATS JetStream, embedded in this process or in a cluster that is
// there already.
//
// An aggregate is "conversation.<id>", "draft.<id>", "deployment.<id>" or
// "session.<id>". Its state is a fold over what [Journal.Load] gives; a command
// loads, decides, and appends once, saying which event it knew as the last one.
// Who comes second gets a [fault.Conflict], loads again and decides anew, so
// nothing ever interleaves. All aggregates share one stream, and the stream's
// sequence (Event.Seq) is the only cursor: [Journal.Follow] resumes from it, in
// the live stream, in MCP and on cards alike.
//
// # Beside the log
//
//   - [Journal.Claim] makes a value unique: a subdomain, an e-mail address. It is
//     an entry under a subject named after the value's hash.
//   - [Journal.Lease] says who works on what, for a while, with a growing epoch.
//   - [Journal.Broadcast] and [Journal.Listen] carry what is worthless a moment
//     later, without a disk.
//   - [Journal.Publish] tells other systems of a fact, without personal content.
//
// # Invariants
//
//   - An append is all or nothing: one message, or one atomic batch.
//   - An acknowledged append is on the disk. The embedded server syncs every
//     write (JetStream alone would acknowledge first and sync within two
//     minutes). In a cluster this is the operator's setting: sync_interval
//     always, three replicas in separate failure domains. What must survive even
//     the loss of that is also in the run folder of the process that did it.
//   - The same event (by ID) appended again at the same place is one event. The
//     server recognises it for five minutes and the tail of the aggregate tells
//     for ever, so an append without an answer is repeated until it has one, and
//     a caller may do the same.
//   - What is personal never lies open in storage. An event with Metadata.Person
//     is stored with its data and its actor's e-mail sealed, bound to the event's
//     id. Once the person's key is destroyed the event keeps its place and its
//     envelope and reads as {"erased":true}; see [Event.Erased].
//   - A fold sees only the newest shape of an event: [Journal.RegisterUpcaster].
//     An event that cannot be read is a fault, never left out.
//   - Everything that reads or calls back runs on the caller's goroutine. The
//     package's own goroutines are those of the embedded server and of the NATS
//     connection; Close stops both and waits.
//
// # Numbers
//
// Names are up to 128 letters, digits, "-" and "_". One append takes 1000
// events. An event has at most the server's message size, less 4 KiB: 4 MiB in
// the embedded server, 1 MiB in a cluster with the usual settings.
package journal
