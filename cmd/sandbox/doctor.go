package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/openova-io/sandbox/web/app"
)

// part is one external part of the product.
type part struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Found   bool   `json:"found"`
	Path    string `json:"path,omitempty"`
	// For says what it is used for, Get how to get it.
	For string `json:"for"`
	Get string `json:"get"`
}

func runDoctor(ctx context.Context, c *config, _ []string, std stdio) error {
	parts := survey(ctx, tools{c})
	if c.JSON {
		enc := json.NewEncoder(std.out)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{"parts": parts})
	}
	for _, p := range parts {
		state, detail := "found  ", p.Version
		if !p.Found {
			state, detail = "missing", "get it: "+p.Get
		}
		fmt.Fprintf(std.out, "%s  %-22s %s\n         %s\n", state, p.Name, detail, p.For)
	}
	return nil
}

func survey(ctx context.Context, t tools) []part {
	var parts []part
	path, ok := t.tofu()
	p := part{Name: "OpenTofu " + tofuVersion, Found: ok, Path: path, For: "plans and applies", Get: "make tools, or --tofu PATH"}
	if ok {
		p.Version = firstLine(ctx, path, "version")
	} else if building("tofu") {
		p.Get = "it is being built right now"
	}
	parts = append(parts, p)
	path, ok = t.mirror()
	p = part{Name: "provider hcloud " + providerVersion, Found: ok, Path: path, For: "what OpenTofu talks to Hetzner Cloud with", Get: "make tools, or --provider-mirror DIR"}
	if ok {
		p.Version = providerVersion
	}
	parts = append(parts, p)
	path, ok = t.holder()
	p = part{Name: "sandbox-holder", Found: ok, Path: path, For: "runs OpenTofu so that it outlives the service", Get: "make build puts it beside sandbox"}
	if ok {
		p.Version = firstLine(ctx, path, "version")
	}
	parts = append(parts, p)
	p = part{Name: "web app", Found: app.Built(), For: "the pages at /start and /sandbox", Get: "make build"}
	if p.Found {
		p.Version = "embedded"
	}
	parts = append(parts, p)
	path, ok = t.ear()
	p = part{Name: "sandbox-ear", Found: ok, Path: path, For: "hears what is said in a call", Get: "make packages build"}
	if _, err := os.Stat(speechModel); p.Found && err != nil {
		p.Found, p.Get = false, "its model: apt-get install pocketsphinx-en-us"
	}
	if p.Found {
		p.Version = "pocketsphinx, en-us"
	}
	parts = append(parts, p)
	for _, x := range []struct{ name, what, debian string }{
		{"espeak-ng", "speaks in a call", "espeak-ng"},
		{"bwrap", "walls around developer sessions", "bubblewrap"},
		{"chromium", "browser tests", "chromium"},
		{"shellcheck", "tests of the boot scripts", "shellcheck"},
	} {
		path, err := exec.LookPath(x.name)
		p := part{Name: x.name, Found: err == nil, Path: path, For: x.what, Get: "apt-get install " + x.debian}
		if err == nil {
			p.Version = firstLine(ctx, path, "--version")
		}
		parts = append(parts, p)
	}
	return parts
}

// firstLine is the first line with a digit that a tool prints of itself, or the
// first line.
func firstLine(ctx context.Context, path string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1")
	out, err := cmd.Output()
	if err != nil {
		return "does not start"
	}
	first, _, _ := strings.Cut(string(out), "\n")
	for line := range strings.SplitSeq(string(out), "\n") {
		if strings.ContainsAny(line, "0123456789") {
			return strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(first)
}
