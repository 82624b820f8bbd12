// Package provisioner brings a Sovereign up: from what a person said, over a
// plan with its price, the person's own approval and an apply that survives
// everything, to the link that lets them in.
//
// # The pure part
//
// A [Spec] is the request. A [Draft] is a Spec on its way, with the source of
// every field. The [Catalogue] is dated, embedded knowledge: regions, sizes,
// prices, apps, components, the bootstrap kit. What follows from these
// (validation, sizing, cost, tfvars, cards) is computed by pure functions. An
// [Offer] is what the provider's API sells now; [Catalogue.With] puts it in the
// place of the table.
//
// # The state machine
//
// [Service] is the part that acts. A deployment is a fold of its events
// ([FoldDeployment]); nothing about it is stored elsewhere, but for the files of
// tofu (package provisioner/tofu) and the secrets in the vault.
//
//	planned -> awaiting-approval -> pending -> provisioning -> tofu-applying
//	        -> flux-bootstrapping -> phase1-watching -> ready
//
// with failed and cancelled as the other ends. A deployment that waits for an
// approval falls back to planned when the approval is declined, expires or is
// superseded by a change of the draft. A person takes up one that failed or was
// cancelled ([Service.Retry]): what is missing is planned, and waits for an
// approval of its own; where nothing is, the new cluster is awaited again.
//
// # Invariants
//
//   - The intent is in the journal before the effect: a run before it is started,
//     an approval before anything is pending. Every effect can be repeated safely:
//     a run has a name and is executed once, a claim belongs to its deployment.
//   - Killing the service at any moment loses nothing. [Service.Run] picks up each
//     deployment where the journal says it is; what happened to the cloud meanwhile
//     is in the run's stream and becomes events exactly once, by (run, offset).
//   - Only a human approves: a plan's digest, once, in time, after the saved files
//     were hashed again. Whoever destroys or replaces types the Sovereign's name.
//   - A lost apply is continued under its approval only as far as that reaches;
//     anything more is a new plan and a new question.
//   - One live deployment per domain name, by a claim in the journal.
//   - No secret is in an event, a card, a log line, the plan for reading or an
//     error. The handover token exists at the click only.
//
// # Goroutines
//
// Run owns all of them: one that follows the journal, and one per deployment that
// is not at an end. They end with Run, and [Service.Close] waits for it. Planning
// and applying happen in processes of their own.
package provisioner
