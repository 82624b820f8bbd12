// Package web is the HTTP face of the house: the API, the live stream and the
// app, on echo.
//
// # What is where
//
// server.go wires routes to handlers and is the one list of them; openapi.yaml
// describes them and a test compares the two. conversations.go, drafts.go,
// deployments.go and catalogue.go are the handlers, one noun a file; stream.go
// is the live stream; problem.go turns faults into RFC 9457 problems; guard.go
// is what every request passes, limited.go how often and how slowly; static.go serves
// the built app;
// signin.go, organizations.go and tokens.go are about people and what they may do,
// mcp.go and oauth.go about their programs;
// sovereign.go is what a Sovereign's console knows of it, and the pages that stand for
// the apps of a simulated one.
//
// # Who is calling
//
// [Server.Handler] is for TCP: a caller proves who they are by cookie or bearer
// (package identity). [Server.LocalHandler] is for the unix socket in the data
// directory, which only its owner can open: the caller is that owner. A source
// address never proves anything.
//
// # The live stream
//
// GET /api/v1/conversations/{id}/stream derives turns, cards and the draft from
// the journal events of the conversation, its draft and its deployments (watch.go).
// A reader's cursor is a sequence of the journal, and moves only where the reader
// has the state as of there: with the last message of an event, and with the
// heartbeat after the past. A client that sends the last id it has misses nothing,
// and gets again, whole, what it was cut off in. Text that is still being said
// comes as "delta" without an id; the finished turn replaces it. The tabs of a
// browser share one stream (app/src/api/tabs.ts).
//
// # Invariants
//
//   - An id of somebody else answers 404, as one that does not exist.
//   - No answer carries a secret; secrets go in by POST /api/v1/secrets only.
//   - Cross-site requests that change something are refused (Fetch metadata,
//     Origin), and so are requests for a host name that is not ours.
//   - Shutdown ends streams first, so that it never waits for a reader.
package web
