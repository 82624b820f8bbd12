package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/openova-io/sandbox/conversation/fault"
)

// command is one of the things that the binary does.
type command struct {
	name, usage, help string
	run               func(ctx context.Context, c *config, args []string, std stdio) error
}

// stdio are the streams of a command, so that tests can give their own.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

func commands() []command {
	return []command{
		{"serve", "serve [options]", "Run the service: the web app, its API and everything behind it.", runServe},
		{"chat", "chat [--json] [options]", "Talk to the concierge in the terminal. With --json one line of input is one turn: plain text, or {\"press\":\"<card id>\",\"value\":\"...\"}; journal events come out as JSON Lines.", runChat},
		{"plan", "plan [--json] SPEC.json", "Validate a Sovereign's specification, plan it with OpenTofu and show the plan with its price. Nothing is created.", runPlan},
		{"apply", "apply [--approve DIGEST] SPEC.json", "Plan as above, ask for the approval, apply and follow until the Sovereign is ready.", runApply},
		{"stop", "stop", "End what runs on a data directory: the service, the simulated cloud and its Sovereigns' consoles. Nothing is lost.", runStop},
		{"simulate", "simulate [options]", "Run the simulated Hetzner Cloud alone, for any client of its API.", runSimulate},
		{"mcp", "mcp concierge", "Offer the concierge's toolbox to an MCP client on standard input and output.", runMCP},
		{"keys", "keys list | rotate | revoke KID", "Look after the keys that sign tokens. Rotating signs nobody out; revoking refuses everything that the key signed.", runKeys},
		{"token", "token create NAME | list | revoke JTI", "Make, list and revoke access tokens for programs, such as MCP clients. A token is shown once, on standard output.", runToken},
		{"backup", "backup FILE", "Write everything that the service keeps into one file, while it runs.", runBackup},
		{"restore", "restore FILE", "Make a data directory from a backup; it must be empty. What was running when it was made goes on.", runRestore},
		{"doctor", "doctor [--json]", "List every external part, whether it was found, and how to get it.", runDoctor},
		{"version", "version [--json]", "Print the version.", runVersion},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run is the program: 0 for done, 1 for failed, 2 for bad usage or bad input.
func run(ctx context.Context, args []string, std stdio) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		overview(std.out)
		if len(args) == 0 {
			return 2
		}
		return 0
	}
	for _, cmd := range commands() {
		if cmd.name != args[0] {
			continue
		}
		c, rest, err := parse(cmd.name, args[1:], std.err)
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		if err == nil {
			err = cmd.run(ctx, c, rest, std)
		}
		return exitCode(err, std.err)
	}
	fmt.Fprintf(std.err, "sandbox: there is no command %q; sandbox help lists them\n", args[0])
	return 2
}

func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	var f *fault.Error
	if errors.As(err, &f) {
		fmt.Fprintf(stderr, "sandbox: %s\n", f.Text())
		if f.Code == fault.Invalid {
			return 2
		}
		return 1
	}
	fmt.Fprintf(stderr, "sandbox: %v\n", err)
	return 1
}

func overview(w io.Writer) {
	fmt.Fprint(w, "sandbox talks a Sovereign into being, and hosts the developer shell on it.\n\nCommands:\n")
	for _, cmd := range commands() {
		fmt.Fprintf(w, "  %-9s %s\n", cmd.name, cmd.help)
	}
	fmt.Fprint(w, "\nsandbox COMMAND --help lists a command's options.\n")
}
