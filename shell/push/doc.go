// Package push tells people on their devices what their developer sessions do while
// they do not look: Web Push (RFC 8030), encrypted for the browser (RFC 8291), signed
// as from this service (RFC 8292).
//
// A browser that a person has allowed it hands in a [Subscription]: an address at a
// push service of its maker, and keys. All of a person's are one secret of the vault,
// and go with the person. A message is a [Message] as JSON, for the app's service
// worker; nothing secret is in it, and no right: the worker answers a question with
// the person's own cookie.
//
// # Invariants
//
//   - An address comes from outside: it is dialled by https only, and never one of
//     this machine or its network, whatever its name resolves to, but those that the
//     operator lists.
//   - A subscription that its push service has ended is forgotten.
//   - Nobody waits for a push service: messages of a person are sent in the
//     background, few at a time, and thrown away when they can no longer matter.
package push
