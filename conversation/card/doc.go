// Package card is the card protocol: what an agent shows a person, on every
// surface, in the concierge and in shell sessions.
//
// A [Card] is complete in plain text: Text alone tells a terminal, a screen
// reader or an unknown client everything, Speech is what a call says, and Data
// is the typed part that a rich client draws. A later card with the same ID
// replaces the former, which is how progress moves.
//
// # Kinds
//
// Every [Kind] has one Data type in data.go. The JSON Schema of all of them is
// generated from these types (see [Schema]) and the web app's TypeScript types
// are generated from the schema, so there is one description of a card.
//
// # Questions are data
//
// A [Question] is carried by choice, form, secret and approval cards. The open
// question of a conversation is the one on the last card that has one; what an
// answer to it is can be decided without any model (see package conversation).
//
// # Invariants
//
//   - Text is never empty.
//   - No card ever carries a secret: a secret card names a purpose, and its
//     answer goes to the vault.
//   - An approval card's ID is made from the digest it approves and is never
//     used for another.
package card
