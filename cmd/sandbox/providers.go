package main

import (
	"os"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/web/identity"
)

// readProviders reads the file of --oidc-file: a list of OpenID providers, each with
// the file that has its client's secret.
func readProviders(path string) ([]identity.Provider, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "--oidc-file cannot be read")
	}
	var list []struct {
		identity.Provider
		SecretFile string `json:"client-secret-file"`
	}
	if err := yaml.UnmarshalStrict(raw, &list); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "--oidc-file is not a list of providers: %s", oneLine(err))
	}
	var out []identity.Provider
	for _, p := range list {
		if p.SecretFile != "" {
			secret, err := os.ReadFile(p.SecretFile)
			if err != nil {
				return nil, fault.Wrap(err, fault.Invalid, "the client-secret-file of the provider %q cannot be read", p.ID)
			}
			p.ClientSecret = strings.TrimSpace(string(secret))
		}
		out = append(out, p.Provider)
	}
	return out, nil
}

// oneLine is what a parser says first.
func oneLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
