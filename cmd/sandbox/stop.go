package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/openova-io/sandbox/provisioner/simulator/proc"
)

// stopPatience is how long a process may take to end.
const stopPatience = 30 * time.Second

// runStop ends everything that runs on a data directory: the service, the
// simulated cloud and the consoles of its Sovereigns. Nothing is lost, and an
// apply that is under way goes on.
func runStop(ctx context.Context, c *config, args []string, std stdio) error {
	if len(args) > 0 {
		fmt.Fprintln(std.err, "sandbox stop takes no arguments, only options")
		return errUsage
	}
	ctx, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	consoles, err := filepath.Glob(filepath.Join(c.DataDir, "cloud", "clusters", "*", "sovereign"))
	if err != nil {
		return err
	}
	if err := stopService(ctx, c.DataDir); err != nil {
		return err
	}
	// The cloud before its consoles, as it would start them again.
	if cloud, ok := proc.Find(filepath.Join(c.DataDir, "cloud")); ok {
		if err := cloud.Stop(ctx); err != nil {
			return err
		}
	}
	for _, dir := range consoles {
		if err := stopService(ctx, dir); err != nil {
			return err
		}
	}
	return nil
}
