// Package tofu drives OpenTofu for deployments: work folders, saved plans,
// detached applies, and the recovery of an apply whose process died.
//
// # A deployment's folder
//
// Everything of one deployment lies in <dir>/<deployment id>, mode 0700:
//
//	module/       the module as it was when the deployment was planned first,
//	              tofu's working directory, and the encrypted state
//	plan.bin      the saved plan, encrypted; gone after its apply
//	plan.json     the plan for reading, redacted
//	key.wrapped   the data key of state and plan, wrapped by the vault's master key
//	tofu.rc       tofu's own configuration; nothing of the machine's is read
//	runs/<run>/   one detached apply each (see package run)
//
// # Invariants
//
//   - tofu sees an environment made from an allow-list. The cloud's endpoint is
//     set in every call and never inherited: a stray one would send a customer's
//     token to somebody else.
//   - State and plan are encrypted, and tofu is told to refuse anything else. The
//     key comes from a helper process and is in no file, argument or environment.
//   - A secret reaches tofu in a 0600 file, in memory where the system has a
//     memory file system, and the file is gone when the command is.
//   - Nobody sees a plan that was not redacted: variables are dropped, sensitive
//     values masked, and what is left is searched for the secrets themselves.
//   - What is applied is the very file that was approved: its digest, over the
//     saved plan and its variables, is checked again before each apply.
//   - An apply that was lost is never repeated. What it made is found out from its
//     stream and from the provider's API, imported, and only the rest is planned.
//
// Plans run as children of the caller and die with it, which does no harm;
// applies run in a process of their own (package run). terraform-exec drives
// validate, plan, output and untaint. init and show are run directly, since it
// cannot pass -lockfile=readonly and parses a plan before it can be redacted.
package tofu
