package shell

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/journal"
	"github.com/openova-io/sandbox/shell/agent"
	"github.com/openova-io/sandbox/shell/hold"
)

// Agents lists what the actor's sessions can run, and of what they cannot, how to
// get it.
func (s *Service) Agents(ctx context.Context, actor journal.Actor) ([]agent.Info, error) {
	out := []agent.Info{}
	for _, a := range agent.Catalogue() {
		info := agent.Info{Name: a.Name, Title: a.Title, Modes: a.Modes}
		if s.o.Isolation == hold.None && len(a.Modes) > 0 && a.Modes[len(a.Modes)-1] == agent.All {
			info.Modes = a.Modes[:len(a.Modes)-1]
		}
		found, err := a.Locate(s.o.Installed)
		if err == nil {
			info.Version = version(found)
			if a.API != "" {
				_, _, ok, e := s.model(ctx, actor, a.API)
				if e != nil {
					return nil, e
				}
				if !ok {
					err, info.Needs = s.noModel(a), a.API
				}
			}
		}
		if info.Available = err == nil; err != nil {
			info.Get = fault.From(err).Hint
		}
		out = append(out, info)
	}
	return out, nil
}

// version is what the package of an installed agent says of itself.
func version(found agent.Found) string {
	if found.Root == "" {
		return ""
	}
	var p struct {
		Version string `json:"version"`
	}
	program := filepath.Join(found.Root, found.Argv[len(found.Argv)-1])
	for dir := filepath.Dir(program); len(dir) > len(found.Root); dir = filepath.Dir(dir) {
		if raw, err := os.ReadFile(filepath.Join(dir, "package.json")); err == nil && json.Unmarshal(raw, &p) == nil {
			number, _, _ := strings.Cut(p.Version, "-"+runtime.GOOS+"-") // of a package for one machine
			return number
		}
	}
	return ""
}
