// Package concierge is the narrow toolbox of the agent that provisions
// Sovereigns, and of any other MCP client that wants to.
//
// It can read the catalogue, keep the draft, draw up a plan and look at a
// deployment. It has no shell, no files, no network, no Kubernetes; there is no
// tool that approves and none that destroys. catalyst.plan.create shows the plan
// to the person, or gives an outside client a link that the person opens, signed
// in; catalyst.deployments.create answers "denied" until they have approved.
//
// # Which draft
//
// A call that names no draft means the caller's conversation. The agent in a
// conversation has that one draft and no other. An outside client gets a
// conversation of its own with its first call, bound to its session, so that two
// clients of one person do not meet; with the draft id "new" catalyst.draft.set
// begins another. A client without a session names its draft in every call. A name
// that is not the caller's is not found, and begins nothing.
//
// # What a model reads
//
// Names, descriptions and schemas are written for a language model and are part of
// every prompt, so they are short. A refusal says what would work; an answer says
// what to do next.
package concierge
