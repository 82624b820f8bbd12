package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the Makefile.
var version = "dev"

func buildVersion() string {
	if version != "dev" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return version
}

func runVersion(_ context.Context, c *config, _ []string, std stdio) error {
	if c.JSON {
		return json.NewEncoder(std.out).Encode(map[string]string{"version": buildVersion(), "go": runtime.Version(), "tofu": tofuVersion, "hcloud": providerVersion})
	}
	_, err := fmt.Fprintf(std.out, "sandbox %s (%s; OpenTofu %s, provider hcloud %s)\n", buildVersion(), runtime.Version(), tofuVersion, providerVersion)
	return err
}
