// Package identity says who is calling.
//
// A person proves who they are once and gets a session: a signed access token that
// lives for minutes and a refresh token that works once, in HttpOnly cookies. The
// proofs are a code or a link in a mail (code.go), an account at an OpenID provider
// (oidc.go), an invitation (invitation.go), a handover token from the service that
// built this Sovereign (handover.go), and for the owner of the data directory a link
// that the service prints. Who has none may talk as a guest. Programs send the same
// kind of token as a bearer, or a personal access token ([Identity.CreateToken]).
// Every token of the house is one [Claims] type, signed RS256 with a key of this
// instance whose public half is the JWKS ([Identity.JWKS]). claims.go is the contract
// that other services follow; [Verifier] follows it for those in Go.
//
// A person can let a program in to one resource, the concierge's tools, by OAuth 2.1:
// oauth_client.go is the program, grant.go what it asks and what the person decides,
// exchange.go its tokens. What it was allowed is a session of the program's.
//
// People are members of Organizations (organizations.go, membership.go). [Home] is
// the instance's own. What somebody may do is what the role that they have now, in
// the Organization that they act in, grants within its plan (role.go, registry.go).
//
// # Invariants
//
//   - A token's algorithm is RS256 and its key one of ours; nothing in a token
//     chooses how it is verified (RFC 8725).
//   - A one-time code works once; only its SHA-256 is kept, in memory, so that it
//     ends with the process that printed it.
//   - Asking for a code stores nothing and tells nothing of who is known. Code and
//     link come from the signing keys; the journal counts tries and has one use, so
//     that neither a restart, another instance nor many tries at once give more.
//   - An address is a person's only when they have proved it. Which person an address
//     or an account leads to is a claim in the journal, by a keyed hash.
//   - A role is never read from a token: it is asked for at each request, and where it
//     has changed what was held open ends. An Organization that is not the caller's is
//     as one that does not exist.
//   - Who signs in gets a new session, and the one that the browser had ends.
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
//   - Programs register themselves and are kept nowhere: an id is what the program said,
//     signed. One that is the address of a document is not taken, since a service
//     that fetches what a stranger names can be made to look around in its own network.
//   - A program gets what the person may do at each request, within what it asked for
//     and within what a token may; its access tokens are for the one resource. Its
//     code and its refresh tokens work once; one that comes again ends all of it.
//   - A cookie's name is the instance's, so that two instances on one host do not
//     sign each other out.
//
// [Identity.Run] owns the goroutines that there are: one follows the journal, one
// writes down when tokens were used, four send mails.
package identity
