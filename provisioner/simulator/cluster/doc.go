// Package cluster is what happens behind a simulated server once it has
// booted: it reads its user_data as cloud-init would, brings up a Kubernetes
// API on the server's own address, posts the kubeconfig back, and lets the
// Sovereign's HelmReleases become ready in the order of their dependencies.
//
// # How faithful it is
//
//   - The API is HTTPS on <public address>:6443 with a certificate authority of
//     its own per cluster and client certificates; the simulated public addresses
//     are loopback addresses of 127.64.0.0/10, so that address checks elsewhere
//     hold as they do on the internet.
//   - It speaks enough of Kubernetes for client-go's reflectors, not a fake of
//     them: discovery, get, list and watch with resourceVersion, sendInitialEvents
//     and its bookmark, 410 for a version that is too old, timeouts, selectors.
//   - Everything it knows comes out of user_data: where to post the kubeconfig and
//     with which bearer, the key that a handover is checked with, the releases and
//     their dependencies. When user_data carries no releases, because the real
//     cluster would fetch them from Git, Options.Kit and the list of apps stand in.
//   - Nothing is installed. A release takes its time and then says that it is ready;
//     its conditions, reasons and history are those of Flux's helm-controller.
//
// # Invariants
//
//   - What a client was told is on disk first: every change is written with fsync
//     before a watcher sees it, and a resourceVersion never goes back, also not
//     over a restart.
//   - While the simulator is not running its clusters stand still; a release that
//     was being installed begins its time again. Booting the same server twice is
//     one boot.
//   - The kubeconfig is posted until it is accepted; an answer that says that one
//     was accepted before counts.
//   - bp-catalyst-platform is ready only after Options.Console answered, so that a
//     ready Sovereign has a console.
//   - Each cluster has one owner goroutine (its life) plus the goroutines of its
//     HTTP server; Remove and Close end them and wait.
package cluster
