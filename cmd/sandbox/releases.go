package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/bootstrap"
	"github.com/openova-io/sandbox/web"
)

// ownReleases is a console's view of the releases on its own Sovereign, kept
// current by a watch of its Kubernetes API. It is safe for concurrent use.
type ownReleases struct {
	kubeconfig *bootstrap.Kubeconfig
	logger     *slog.Logger

	mu     sync.Mutex
	byName map[string]bootstrap.ReleaseState
}

// openReleases reads the kubeconfig file of a console's own cluster. It may name
// only the API that the Sovereign file names.
func openReleases(c *config, logger *slog.Logger) (*ownReleases, error) {
	raw, err := os.ReadFile(c.SovereignKubeconfig)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "--sovereign-kubeconfig cannot be read")
	}
	about, err := os.ReadFile(c.SovereignFile)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "--sovereign-file cannot be read")
	}
	var file sovereignFile
	if err := json.Unmarshal(about, &file); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "--sovereign-file is not valid JSON")
	}
	kc, err := bootstrap.ParseKubeconfig(raw, []string{file.APIHost})
	if err != nil {
		return nil, fmt.Errorf("--sovereign-kubeconfig: %w", err)
	}
	return &ownReleases{kubeconfig: kc, logger: logger, byName: map[string]bootstrap.ReleaseState{}}, nil
}

// run watches until ctx ends.
func (o *ownReleases) run(ctx context.Context) error {
	w := &bootstrap.Watcher{Logger: o.logger}
	return w.Watch(ctx, o.kubeconfig, func(r bootstrap.ReleaseState) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.byName[r.Name] = r
		return nil
	})
}

// get is a release as it is now; ok is false until the cluster has told of it.
func (o *ownReleases) get(name string) (web.Release, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r, ok := o.byName[name]
	return web.Release{Name: r.Name, Chart: r.Chart, Version: r.Version, State: r.State}, ok
}

// sovereignFile is what the file of --sovereign-file holds.
type sovereignFile struct {
	web.Sovereign
	// APIHost is the host of the Sovereign's own Kubernetes API.
	APIHost string `json:"apiHost,omitempty"`
}
