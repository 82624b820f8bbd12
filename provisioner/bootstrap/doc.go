// Package bootstrap is phase 1 of a deployment: it takes the kubeconfig that a
// new cluster posts back, and watches the cluster's HelmReleases until the
// Sovereign stands.
//
// # The kubeconfig is hostile
//
// Whoever holds the single-use bearer can post any bytes. [ParseKubeconfig]
// therefore accepts one narrow shape (one cluster, one context, one user,
// everything inline) and rebuilds a new document from the parsed values, so
// that nothing unknown survives. A kubeconfig can make a client run programs
// (exec, auth-provider), read files (certificate-authority, tokenFile), talk to
// somebody else (server, proxy-url) or to anybody (insecure-skip-tls-verify):
// each is refused by name. The server must be one of the addresses that the
// deployment's own outputs name, on the Kubernetes API port and nothing else.
//
// # The cluster is hostile
//
// The API server behind an accepted kubeconfig is still a stranger's machine.
// [Watch] follows no redirect, honours no proxy of the environment, reads at
// most [MaxResponse] bytes from one response, keeps at most [MaxReleases]
// releases, and cuts messages to [MaxMessage] characters without control
// characters. What it reports is text to show, never something to act on.
//
// # Invariants
//
//   - fn is called from one goroutine at a time, and only when the state, the
//     message, the dependencies or the chart of a release changed. A slow fn slows
//     the watch down; nothing is queued in between.
//   - [Watch] returns when its context ends or fn fails, after its goroutines
//     have ended. A connection that breaks, an expired resourceVersion or a
//     restarted API server is no reason to return: it reconnects with backoff.
//   - No credential is in an error, in a log line or in the result of String.
package bootstrap
