// Package identity says who is calling.
//
// A person proves who they are once, by a one-time link or by a handover token
// from the service that built this Sovereign, and gets a session: a signed access
// token that lives for minutes and a refresh token that works once, in HttpOnly
// cookies. Programs send the same kind of token as a bearer, or a
// personal access token ([Identity.CreateToken]). Every token of the house is one
// [Claims] type, signed RS256 with a key of this instance whose public half is the
// JWKS ([Identity.JWKS]). claims.go is the contract that other services follow;
// [Verifier] follows it for those in Go.
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
//   - A refresh token that is used a second time, but for two tabs that ask at once,
//     is taken for a stolen one and ends its session. What a session holds open hangs
//     on the session, not on one of its access tokens, and ends by signing out.
//   - A personal access token is shown once; the journal has its id and a hash, and a
//     token that it does not have is none, whoever signed it. It can do no more than
//     its maker could, and nothing that only a person may. Once it is revoked it is
//     refused, what it holds open ends ([Identity.Bind]), and every instance and every
//     verifier that follows the journal does the same.
//   - A cookie's name is the instance's, so that two instances on one host do not
//     sign each other out.
//
// [Identity.Run] owns the two goroutines that there are: one follows the journal,
// one writes down when tokens were used.
package identity
