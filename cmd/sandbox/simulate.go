package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/simulator"
	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
	"github.com/openova-io/sandbox/provisioner/simulator/proc"
	"github.com/openova-io/sandbox/web"
)

// runSimulate is the simulated cloud's process: the API, and the clusters that
// boot behind it.
func runSimulate(ctx context.Context, c *config, args []string, std stdio) error {
	if len(args) > 0 {
		fmt.Fprintf(std.err, "sandbox simulate takes no arguments, only options\n")
		return errUsage
	}
	logger := newLogger(c, std.err)
	catalogue, err := provisioner.LoadCatalogue()
	if err != nil {
		return err
	}
	var kit []cluster.KitRelease
	for _, r := range catalogue.Kit() {
		kit = append(kit, cluster.KitRelease{Name: r.Name, DependsOn: r.DependsOn})
	}
	clusters, err := cluster.New(cluster.Options{
		Dir: filepath.Join(c.DataDir, "clusters"), Speed: c.Speed, Kit: kit, Logger: logger,
		FailRelease: list(c.FailReleases), StallRelease: list(c.StallReleases),
		Console:     func(ctx context.Context, s cluster.Sovereign) (string, error) { return startConsole(ctx, catalogue, s) },
		StopConsole: func(ctx context.Context, s cluster.Sovereign) error { return stopService(ctx, s.Dir) },
	})
	if err != nil {
		return err
	}
	defer clusters.Close()
	addr := ""
	if c.Listen != defaultListen {
		addr = c.Listen
	}
	sim, err := simulator.New(simulator.Options{
		Dir: c.DataDir, Addr: addr, Speed: c.Speed, Logger: logger, Boot: clusters,
		Sovereigns: func() any { return clusters.Sovereigns() },
		FailAction: list(c.FailActions), StallAction: list(c.StallActions), OutOfStock: list(c.OutOfStock),
		// Whoever waits at a hundredfold speed also asks a hundred times as often.
		RateLimit: int(3600 * max(1, c.Speed)),
	})
	if err != nil {
		return err
	}
	defer sim.Close()
	fmt.Fprintf(std.err, "The simulated Hetzner Cloud answers at %s\n", sim.URL())
	return sim.Run(ctx)
}

// ensureCloud finds the simulated cloud of a data directory, or starts it.
func ensureCloud(ctx context.Context, c *config) (*proc.Client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(c.DataDir, "cloud")
	args := []string{self, "simulate", "--data-dir", dir, "--speed", fmt.Sprint(c.Speed), "--log-level", c.LogLevel}
	for flag, v := range map[string]string{"fail-actions": c.FailActions, "stall-actions": c.StallActions,
		"fail-releases": c.FailReleases, "stall-releases": c.StallReleases, "out-of-stock": c.OutOfStock} {
		if v != "" {
			args = append(args, "--"+flag, v)
		}
	}
	return proc.Ensure(ctx, proc.EnsureOptions{Dir: dir, Command: args, Speed: c.Speed})
}

// startConsole starts the console of a simulated Sovereign, a second instance of
// this binary with its own data directory, and gives its address.
func startConsole(ctx context.Context, catalogue *provisioner.Catalogue, s cluster.Sovereign) (string, error) {
	label, _, _ := strings.Cut(s.FQDN, ".")
	apiHost, _, err := net.SplitHostPort(s.API)
	if err != nil {
		return "", err
	}
	about := sovereignFile{
		Sovereign: web.Sovereign{FQDN: s.FQDN, OrgName: s.OrgName, Simulated: true, Apps: []web.SovereignApp{}},
		APIHost:   apiHost,
	}
	for _, slug := range s.Apps {
		if a, ok := catalogue.App(slug); ok {
			about.Apps = append(about.Apps, web.SovereignApp{
				Slug: a.Slug, Name: a.Name, Tagline: a.Tagline, Release: "app-" + a.Slug, URL: "https://" + a.Slug + "." + s.FQDN,
			})
		}
	}
	raw, err := json.Marshal(about)
	if err != nil {
		return "", err
	}
	keyFile, aboutFile, kubeFile := filepath.Join(s.Dir, "handover.jwk"), filepath.Join(s.Dir, "sovereign.json"), filepath.Join(s.Dir, "kubeconfig")
	for name, content := range map[string][]byte{keyFile: []byte(s.PublicJWK), aboutFile: raw, kubeFile: s.Kubeconfig} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return "", err
		}
	}
	client, err := ensureService(ctx, s.Dir, []string{"serve", "--data-dir", s.Dir, "--listen", "127.0.0.1:0",
		"--sovereign-fqdn", s.FQDN, "--sovereign-file", aboutFile, "--sovereign-kubeconfig", kubeFile, "--handover-key", keyFile,
		"--public-url", "http://console." + label + ".localhost:0"})
	if err != nil {
		return "", err
	}
	var info serviceInfo
	if err := getJSON(ctx, client, "/local/info", &info); err != nil {
		return "", err
	}
	return info.URL, nil
}

// stopService asks the service of a data directory to end, and waits until its
// process has.
func stopService(ctx context.Context, dir string) error {
	client := localClient(dir)
	if !alive(ctx, client) {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sandbox/local/stop", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the service could not be stopped")
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body) // a process that is killed cuts it off, and has ended as well
	return ctx.Err()
}

// newLogger is the program's logger: JSON on standard error, secrets redacted by
// name at this one point.
func newLogger(c *config, w interface{ Write([]byte) (int, error) }) *slog.Logger {
	var level slog.Level
	if level.UnmarshalText([]byte(c.LogLevel)) != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch key := strings.ToLower(a.Key); {
		case strings.Contains(key, "token"), strings.Contains(key, "secret"), strings.Contains(key, "password"),
			strings.Contains(key, "authorization"), strings.Contains(key, "kubeconfig"):
			return slog.String(a.Key, "•••")
		}
		return a
	}}
	if c.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}
