// Command sandbox is the one binary that people run: the service, and the
// commands that are its clients.
//
// # Processes
//
// A data directory has one owner, by lock file: the service (sandbox serve).
// Every other command talks to it over a socket in the directory that only its
// owner can open, and starts one in the background if none runs. What has to
// outlive the service is a process of its own, found again in the data
// directory: the runner of an apply (sandbox-holder), the simulated cloud
// (sandbox simulate) and the consoles of its Sovereigns (sandbox serve
// --sovereign-fqdn).
//
// # Files
//
// config.go has the one table of options; service.go wires the rooms and is the
// only place that knows them all; one file a command.
package main
