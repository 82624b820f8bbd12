// Command sandbox-holder is the small second program of the house. It outlives
// the service and its upgrades, and does the few things that must:
//
//	sandbox-holder run [--detach] <run folder>   carries out one detached tofu run
//	sandbox-holder shell [--detach] <session folder>
//	                                             holds one terminal session
//	sandbox-holder inside <file> -- <command>    becomes the command of a session, having
//	                                             made the session's end of the crossing
//	sandbox-holder limited <spec> -- <command>   becomes a command within a session's limits
//	sandbox-holder forward [--detach] <spec>     is that end: ports that lead to sockets
//	sandbox-holder key --wrapped <file> [--master-key-file <file>]
//	                                             answers tofu as its key helper
//	sandbox-holder version                       prints its version
//
// It has no configuration and no cgo, connects only to what a session's order
// allows, and prints nothing but what its caller reads.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/provisioner/run"
	"github.com/openova-io/sandbox/shell/hold"
)

func main() { os.Exit(dispatch(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func dispatch(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		args = []string{"help"}
	}
	switch args[0] {
	case "run":
		return run.Command(args[1:], stderr)
	case "shell":
		return hold.Command(args[1:], stderr)
	case "inside":
		return hold.InsideCommand(args[1:], stderr)
	case "limited":
		return hold.LimitedCommand(args[1:], stderr)
	case "forward":
		return hold.ForwardCommand(args[1:], stderr)
	case "key":
		if err := key(args[1:], stdin, stdout); err != nil {
			fmt.Fprintln(stderr, "sandbox-holder key:", err)
			return 1
		}
		return 0
	case "version":
		fmt.Fprintln(stdout, version())
		return 0
	default:
		fmt.Fprintln(stderr, "usage: sandbox-holder run|shell|inside|limited|forward|key|version")
		return 2
	}
}

func key(args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("key", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	wrapped := flags.String("wrapped", "", "the deployment's wrapped key")
	master := flags.String("master-key-file", "", "the vault's master key; empty means the environment variable "+vault.EnvMasterKey)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *wrapped == "" {
		return errors.New("--wrapped names no file")
	}
	return run.Key(*wrapped, func(raw []byte) ([]byte, error) { return vault.UnwrapKey(*master, raw) }, stdin, stdout)
}

// version is the module's version, or the revision it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "sandbox-holder (unknown version)"
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "devel"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				version = "devel-" + s.Value
			}
		}
	}
	return "sandbox-holder " + version
}
