// Package proc finds the simulated cloud's process, or starts it.
//
// The cloud outlives the service: clusters that were provisioned on it keep
// running while the service is upgraded. So it is a process of its own,
// detached from whoever started it (its own session, its own output file), and
// found again through a spool file in its folder: pid, the process's start
// time, and URL. A pid alone proves nothing, because pids are used again; pid
// and start time together name one process.
//
// # Invariants
//
//   - One cloud per folder: [Ensure] works under a file lock, so of many
//     callers one starts the process and the others find it.
//   - The address stays the same over restarts, because the cloud remembers it.
//   - The token is made once per folder, kept in a file that only the owner can
//     read, and never on a command line.
//
// The package starts no goroutine but the one that reaps the child it started,
// which ends with the child or with the caller's process.
package proc
