// Package simulator is a local Hetzner Cloud: the public HTTP API under /v1,
// faithful enough that the unmodified Hetzner provider of OpenTofu creates,
// re-plans clean, changes and destroys a whole Sovereign on it, and that a
// mistake which would fail at Hetzner fails here too.
//
// # How it works
//
// Every answer is built from the wire types of hcloud-go, so the format cannot
// drift from the client's. The project (servers, networks, load balancers ...)
// is one value in memory. A request that changes something runs alone: the
// value is changed, written to disk with fsync and an atomic rename, and only
// then answered. A request that fails half way is rolled back to what the disk
// holds.
//
// What takes time at Hetzner is an action here too: an operation with a due
// time and the change it makes when it succeeds. Operations are part of the
// stored value, so after a kill -9 and a restart they go on as if nothing had
// happened, and those that fell due meanwhile complete at once. Durations are
// those of the real cloud divided by [Options.Speed].
//
// A server that starts for the first time is handed to the [Booter], which
// does what the machine's cloud-init would do.
//
// # Invariants
//
//   - Relations are stored on one side only (a volume knows its server, a
//     target its server, a private interface its network); the other side is
//     computed. There are no dangling references by construction.
//   - Names are unique per kind of resource. An address is given out once: the
//     public IPv4 addresses are loopback addresses of 127.64.0.0/10, unique
//     per server, so that a host check on them is a real one.
//   - Nothing that was acknowledged is lost, and nothing is acknowledged that
//     was not stored.
//   - user_data and tokens are never in the request log, in an answer or in
//     the stored project; user_data has a file of its own, readable by the
//     owner only.
//
// # Beside the API
//
// /_simulator/health, /_simulator/requests (what was asked for, in order, as
// proof that nothing was created twice), /_simulator/sovereigns,
// /_simulator/faults (make an action fail or hang, take a server type out of
// stock) and /_simulator/metadata (what a server sees at 169.254.169.254).
//
// # Goroutines
//
// [Simulator.Run] owns the HTTP server, the clock that completes operations
// and one goroutine for each machine that is being booted; it returns when all
// of them have ended.
package simulator
