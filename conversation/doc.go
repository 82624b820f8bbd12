// Package conversation is the core that everything plugs into: a person, an
// agent, what they said, what was shown, and the rules of who may decide what.
//
// # Story
//
// A [Conversation] is a pure fold of its journal ([Fold]); nothing about it is
// kept anywhere else. A person's message or press is journalled first and
// answered afterwards: [Service.Say] and [Service.Press] return as soon as the
// journal has it, and one worker per conversation answers in order. Answering is
// the turn loop: the model gets everything that is known as a [Request], wishes
// for tool calls, gets their results, and ends with a text. A model has no
// memory of its own and no power of its own: all it can do is in its [Toolbox].
//
// # Questions are data
//
// What is being asked is part of the folded state: the question of the last
// card that was shown and not answered. [Answers] decides without any model
// whether a text answers it, and is shared by calls, forms and the guide.
//
// # Consent
//
// A model cannot approve. A press on an approval card is handed to [Consent] by
// the service before the model hears of it. Words count only when the consent
// question was the very last thing that the agent said, nothing was asked since,
// exactly one approval is pending, it destroys nothing, and the words are wholly
// on a closed list (data/consent.json). The consent question is spoken by the
// service itself, word by word as the card has it, so that a model cannot put
// another question in its place. Everything else leaves the approval pending.
//
// # Secrets
//
// [Catch] finds credentials in what a person sends. They go to the vault, or are
// dropped, before anything is journalled; the journal and the model see •••.
//
// # Invariants
//
//   - Every append carries the sequence that the decision was based on. A writer
//     that loses reloads and decides again; it never interleaves.
//   - A tool call is journalled before it is made and its id is the idempotency
//     key of the effect. A call whose result was never journalled is not made
//     again: the turn ends as interrupted and says so.
//   - A turn is answered by the holder of the conversation's lease. Whoever finds
//     an unfinished turn without a holder takes it over.
//   - What is journalled as the agent's text is exactly what the person saw, also
//     when the turn was cancelled in the middle of a word.
//   - One conversation answers one turn at a time; eight more may wait.
//
// # Goroutines
//
// The [Service] owns all of them: a worker per conversation that has something
// to answer, with a lease keeper and a listener for cancels while a turn runs.
// [Service.Close] ends them and waits. [Service.Run] runs on its caller's
// goroutine.
package conversation
