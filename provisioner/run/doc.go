// Package run is what a detached tofu process does and how it is found again.
//
// An apply must outlive the service: OpenTofu persists its state only every
// twenty seconds, so a tofu that dies with its parent leaves resources behind
// that no state knows. Therefore the service never is the parent of an apply. It
// writes an [Order] into a folder and starts `sandbox-holder run` on it
// ([Detached]); that runner leaves the service's session, starts tofu, and
// writes down what happens. The service only reads the folder ([Follow],
// [Inspect]), as often and from wherever it likes.
//
// # The run folder
//
//	order.json    what to do; written by the service before the runner starts
//	lock          held (flock) by the runner, by tofu and by its providers
//	intent.json   the runner's pid and start time; created exclusively, before
//	              tofu starts: its presence means "the effect may have happened"
//	process.json  tofu's pid and start time
//	stream.jsonl  tofu's JSON UI, one record a line; the crash journal
//	stderr.log    what tofu said on its standard error, for an operator
//	exit.json     how it ended; written last, after the secret files are gone
//
// # Invariants
//
//   - A run folder is executed at most once: intent.json is created with O_EXCL
//     while the lock is held.
//   - The lock is the proof of life. It is inherited by tofu and its providers, so
//     it is free only when no process of the run is left; a pid that was given
//     to somebody else cannot be mistaken for the run.
//   - tofu writes stream.jsonl itself, not through the runner: if only the runner
//     is killed, tofu goes on, keeps its state, and the stream stays complete.
//     The runner makes the stream durable (fsync) while it grows.
//   - A record is identified by (run, offset) for ever; a reader that remembers
//     the offset sees each record exactly once.
//   - Nothing in the folder is secret. Secrets are in the files that
//     [Order.Remove] names, which are deleted before exit.json is written.
package run
