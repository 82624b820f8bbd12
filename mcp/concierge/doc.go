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
// A tool that names no draft means the caller's conversation. An outside client
// that has none gets one with its first call, bound to its session; the draft's
// id is in every answer.
package concierge
