package cluster

import (
	"net/url"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// The files of cloud-init that decide what a server becomes. They are the
// interface between the OpenTofu module and this package.
const (
	// EnvFile holds KEY='value' lines for the bootstrap script: ROLE, NODE_TOKEN,
	// SOVEREIGN_FQDN, DEPLOYMENT_ID, CATALYST_API_URL and, on the control plane
	// that reports, KUBECONFIG_URL.
	EnvFile = "/etc/catalyst/bootstrap.env"
	// HeaderFile is the Authorization header that the kubeconfig is posted with.
	HeaderFile = "/etc/catalyst/kubeconfig.header"
	// JWKFile is the public key that handover tokens are checked with.
	JWKFile = "/var/lib/catalyst/handover-jwt-public.jwk"
	// ManifestsFile holds the ConfigMap "sovereign" and the HelmReleases.
	ManifestsFile = "/var/lib/catalyst/flux-bootstrap.yaml"
)

// The roles of a server.
const (
	// RoleServer starts a cluster, RoleJoin is one more control plane of it, and
	// RoleAgent a worker.
	RoleServer = "server"
	RoleJoin   = "join"
	RoleAgent  = "agent"
)

// plan is what a server was told to become. It is kept in the server's folder
// (mode 0600), because it holds the bearer.
type plan struct {
	Role           string   `json:"role,omitempty"`
	NodeToken      string   `json:"nodeToken,omitempty"`
	FQDN           string   `json:"fqdn,omitempty"`
	DeploymentID   string   `json:"deploymentId,omitempty"`
	OrgName        string   `json:"orgName,omitempty"`
	OrgEmail       string   `json:"orgEmail,omitempty"`
	CatalystAPIURL string   `json:"catalystAPIURL,omitempty"`
	KubeconfigURL  string   `json:"kubeconfigURL,omitempty"`
	Bearer         string   `json:"bearer,omitempty"`
	PublicJWK      string   `json:"publicJWK,omitempty"`
	Apps           []string `json:"apps,omitempty"`
	Releases       []wanted `json:"releases,omitempty"`
}

// wanted is a HelmRelease as its manifest asks for it.
type wanted struct {
	Name      string   `json:"name"`
	DependsOn []string `json:"dependsOn,omitempty"`
	Chart     string   `json:"chart"`
	Version   string   `json:"version"`
	App       string   `json:"app,omitempty"`
}

func (p plan) cluster() bool { return p.Role == RoleServer }

// manifest is the part of a Kubernetes manifest that matters here.
type manifest struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Data map[string]string `json:"data"`
	Spec struct {
		DependsOn []struct {
			Name string `json:"name"`
		} `json:"dependsOn"`
		Chart struct {
			Spec struct {
				Chart   string `json:"chart"`
				Version string `json:"version"`
			} `json:"spec"`
		} `json:"chart"`
	} `json:"spec"`
}

// planFrom reads what cloud-init wrote. Files that are missing leave their part
// empty; manifests that are no YAML are skipped, as Flux would skip them.
func planFrom(files map[string]File, kit []KitRelease) plan {
	env := parseEnv(string(files[EnvFile].Content))
	p := plan{
		Role: env["ROLE"], NodeToken: env["NODE_TOKEN"], FQDN: env["SOVEREIGN_FQDN"], DeploymentID: env["DEPLOYMENT_ID"],
		CatalystAPIURL: env["CATALYST_API_URL"], KubeconfigURL: env["KUBECONFIG_URL"],
		PublicJWK: strings.TrimSpace(string(files[JWKFile].Content)),
	}
	if u, err := url.Parse(p.KubeconfigURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.KubeconfigURL = ""
	}
	if _, bearer, ok := strings.Cut(string(files[HeaderFile].Content), "Bearer "); ok {
		p.Bearer = strings.TrimSpace(bearer)
	}
	if !p.cluster() {
		return p
	}
	for _, text := range strings.Split("\n"+string(files[ManifestsFile].Content), "\n---") {
		var m manifest
		if yaml.Unmarshal([]byte(text), &m) != nil {
			continue
		}
		switch {
		case m.Kind == "ConfigMap" && m.Metadata.Name == "sovereign":
			p.OrgName, p.OrgEmail = m.Data["ORG_NAME"], m.Data["ORG_EMAIL"]
			p.Apps = strings.Fields(strings.ReplaceAll(m.Data["APPS"], ",", " "))
		case m.Kind == "HelmRelease" && m.Metadata.Name != "":
			w := wanted{Name: m.Metadata.Name, Chart: m.Spec.Chart.Spec.Chart, Version: m.Spec.Chart.Spec.Version}
			for _, d := range m.Spec.DependsOn {
				w.DependsOn = append(w.DependsOn, d.Name)
			}
			p.add(w)
		}
	}
	if len(p.Releases) == 0 {
		for _, k := range kit {
			p.add(wanted{Name: k.Name, DependsOn: slices.Clone(k.DependsOn), Chart: k.Name, Version: "1.x"})
		}
		for _, app := range p.Apps {
			p.add(wanted{Name: "app-" + app, DependsOn: []string{platformRelease}, Chart: "bp-" + app, Version: "1.x"})
		}
	}
	return p
}

// add keeps the last of two releases of one name, as applying both would.
func (p *plan) add(w wanted) {
	w.App, _ = strings.CutPrefix(w.Name, "app-")
	if w.App == w.Name {
		w.App = ""
	}
	if i := slices.IndexFunc(p.Releases, func(o wanted) bool { return o.Name == w.Name }); i >= 0 {
		p.Releases[i] = w
		return
	}
	p.Releases = append(p.Releases, w)
}

// parseEnv reads KEY='value' lines as a shell would that sources them: single
// quotes, '\\” for a quote, bare words, comments. Nothing is expanded.
func parseEnv(text string) map[string]string {
	env := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || key == "" || strings.HasPrefix(key, "#") {
			continue
		}
		if strings.HasPrefix(value, "'") && strings.HasSuffix(value, "'") && len(value) >= 2 {
			value = strings.ReplaceAll(value[1:len(value)-1], `'\''`, "'")
		}
		env[strings.TrimPrefix(key, "export ")] = value
	}
	return env
}
