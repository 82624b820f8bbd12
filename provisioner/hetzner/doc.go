// Package hetzner is the bundled OpenTofu module that builds a Sovereign's
// servers on Hetzner Cloud, and the cloud-init that turns them into a cluster.
//
// It has the variables and outputs of upstream's module, so that one
// tofu.auto.tfvars.json serves both, plus "apps". What it builds: one private
// network with a subnet per region, a firewall, an SSH key, a spread placement
// group, one or three control-plane servers and up to fifty workers per region,
// a load balancer per region, and a second one for the console when the console
// is isolated.
//
// # How a server becomes a cluster
//
// The first control plane of a region installs k3s without its own network
// plugin, then Cilium with the very values that Flux finds later, then Flux,
// and applies the HelmReleases that cloud-init brought: the kit of 35 and one
// release per chosen app. The primary region's posts its kubeconfig back, with a
// single-use bearer, until it is accepted. Other control planes and the workers
// join with the node token. Everything else is Flux's work.
//
// # Invariants
//
//   - The cloud token is an ephemeral variable: it is in no plan and in no state.
//     The other secrets reach user_data only, of which the state keeps a hash; the
//     plan file holds them, so it must be encrypted.
//   - A secret is never an argument of a program on the server: bearer and tokens
//     are read from files of mode 0600.
//   - user_data stays under Hetzner's 32768 bytes; a precondition says so before
//     anything is created.
//   - user_data and ssh_keys never replace a running server (ignore_changes):
//     recovery imports servers, and an import does not know them.
//   - A plan right after an apply is empty.
//   - What is free text (the Organization's name) reaches files through jsonencode
//     and never a shell.
package hetzner
