// Package identity says who is calling.
//
// A person proves who they are once, by a one-time link or by a handover token
// from the service that built this Sovereign, and gets a session: a signed token
// in an HttpOnly cookie. Programs send the same kind of token as a bearer. Every
// token of the house is one [Claims] type, signed RS256 with a key of this
// instance whose public half is the JWKS ([Identity.JWKS]). claims.go is the
// contract that other services follow; [Verifier] follows it for those in Go.
//
// # Invariants
//
//   - A token's algorithm is RS256 and its key one of ours; nothing in a token
//     chooses how it is verified (RFC 8725).
//   - A one-time code works once; only its SHA-256 is kept, in memory, so that it
//     ends with the process that printed it.
//   - A handover token works once: its jti is claimed in the journal before a
//     session is made from it.
//   - Signing keys rest encrypted in the vault and never leave it. A rotation signs
//     nobody out: what a key signed stays good until its own end, and a Sovereign
//     is handed over with the key that it was built with. A revoked key is refused
//     at once, whatever it signed.
//   - A cookie's name is the instance's, so that two instances on one host do not
//     sign each other out.
package identity
