// Package fault is the one error vocabulary of the house.
//
// Every error that can reach a person is a [*Error]: a [Code], a sentence that
// names what was wrong, the place it was found in (a JSON path or a field) and
// a hint that says what to do. Rooms wrap causes with [Wrap]; the cause is for
// the log only and never leaves the service. Anything that is not a fault is
// [Internal].
//
// # Mapping
//
// A code is mapped once to each surface: [Error.HTTPStatus] for problem+json
// (RFC 9457), [Error.Text] for MCP tool errors and terminals, and
// [Error.Speech] for a call. No other package translates errors.
//
// # Invariants
//
//   - A message never contains a secret, a file path of the machine, or the
//     text of an internal cause.
//   - Validation reports every violation at once ([Error.Violations]), never
//     only the first.
package fault
