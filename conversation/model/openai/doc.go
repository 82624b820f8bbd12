// Package openai lets a language model that speaks the OpenAI chat completions
// protocol be the concierge. Any endpoint with that protocol will do, also one
// of your own.
//
// It is a thin driver: the official SDK does HTTP, retries and server-sent
// events; this package translates between its types and [conversation.Model],
// and decides nothing.
//
// # What is sent
//
// The standing orders are the first system message; facts from the service
// (conversation.FromSystem) are system messages where they happened; tool
// results are tool messages. A person's press is a user message with the text
// that the service gave it. Nothing else goes out: no environment variables of
// the SDK (organisation, project, extra headers) are honoured, only [Options].
//
// # Names of tools
//
// The protocol allows letters, digits, dash and underscore in a tool's name, and
// 64 of them; ours have dots. encodeName is injective: an underscore becomes
// "__", every other foreign byte "_" and two hexadecimal digits, so that no two
// tools share a name on the wire. A name that the model made up passes through
// decodeName as it came and the toolbox refuses it.
//
// # Invariants
//
//   - What say was given adds up to Response.Text, exactly.
//   - A stream that ends before the provider said why it ended is an error, and
//     so is an answer that was cut or is empty. A half answer is never taken for
//     a whole one.
//   - Arguments of a tool call are passed on as the model wrote them, also when
//     they are not JSON: the toolbox refuses them and the model sees why.
//   - The provider's words are data. In a fault they are quoted, on one line and
//     cut to 200 characters; the key is never among them.
//   - What is read of an endpoint is bounded, in time and in bytes, whatever it
//     sends.
//   - Every failure is a [fault.Unavailable], except the caller's own end of ctx,
//     which comes back as ctx's error. So the service knows when to let another
//     model take over, and when not.
package openai
