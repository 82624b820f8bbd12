// Package mcp offers the house's tools over the Model Context Protocol.
//
// A [Registry] holds tools; each tool is a Go function from a typed input to a
// typed output, and its JSON Schema is generated from the input type, limits
// included, and enforced on every call. The registry makes an MCP server for any
// transport: in process for the house's own agent ([Registry.Local]),
// newline-delimited for standard input and output ([Registry.ServeStream]) and
// streamable HTTP for everybody else ([Registry.Handler]). All of them run the
// same checks, so an outside client can do exactly what the agent can, and nothing
// more.
//
// # Who calls
//
// Every call has a [Caller] in its context, put there by the transport and
// never by the client. A tool without a caller is not found. A caller names the
// person it acts for; it is never that person: the actor that tools hand on is
// of kind model, which can approve nothing.
//
// Each tool needs one capability, and a caller has [Grants]. What they do not
// cover is neither listed nor found when it is called; a caller without grants
// sees an empty toolbox.
//
// # Errors
//
// A tool that refuses answers with isError, the fault's text for the model and
// the fault itself as structured content; so does a call whose arguments do not
// fit, with everything that is wrong. Causes of internal errors and panics are
// logged and never sent.
//
// # Protocol revisions
//
// 2026-07-28 and 2025-11-25 are both served. Over HTTP the older one has sessions:
// each is its owner's, ends with DELETE or when it is idle, and is then answered
// 404. The newer one has none.
//
// # Notifications
//
// What a tool tells of its progress is on the stream of its own call, whole, in
// order and before the answer, whatever else runs at the same time. The library
// alone does not give that (its event store cures the single call, not several at
// once), so: over HTTP every request has a queue of its own (see sessions) or is
// written directly (see progressWriter), and a stream has one writer. Nothing is
// sent outside a call, hence the GET of streamable HTTP only resumes a call whose
// connection broke; a call with a session goes on meanwhile.
package mcp
