// Package mcp offers the house's tools over the Model Context Protocol.
//
// A [Registry] holds tools; each tool is a Go function from a typed input to a
// typed output, and its JSON Schema is generated from the input type and
// enforced on every call. The registry makes an MCP server for any transport:
// in process for the house's own agent ([Registry.Local]), standard input and
// output for editors ([Registry.ServeStream]) and streamable HTTP for everybody
// else ([Registry.Handler]). All of them run the same checks, so an outside
// client can do exactly what the agent can, and nothing more.
//
// # Who calls
//
// Every call has a [Caller] in its context, put there by the transport and
// never by the client. A tool without a caller is refused. A caller names the
// person it acts for; it is never that person: the actor that tools hand on is
// of kind model, which can approve nothing.
//
// # Errors
//
// A tool that refuses answers with isError, the fault's text for the model and
// the fault itself as structured content. Causes of internal errors are logged
// and never sent.
//
// # Protocol revisions
//
// 2026-07-28 and 2025-11-25 are both served. The HTTP transport keeps an event
// store, so that notifications within a call are not dropped, and is stateful
// for the older revision, so that an ended session answers 404.
package mcp
