package provisioner

import (
	"slices"
	"strings"
)

// Normalize brings a Spec to its one form: trimmed, domain names and codes in
// lower case, lists without duplicates and never null, Regions[0] filled from
// the older singular fields where Regions is empty, the singular fields
// mirroring Regions[0] otherwise, and the FQDN made from subdomain and pool in
// pool mode. It invents nothing: what is not known stays empty. Normalizing
// twice changes nothing more.
func (s Spec) Normalize() Spec {
	for _, p := range []*string{&s.OrgName, &s.OrgEmail, &s.OrgHeadquarters, &s.HetznerProjectID, &s.SSHPublicKey} {
		*p = strings.TrimSpace(*p)
	}
	for _, p := range []*string{
		&s.OrgIndustry, &s.SovereignFQDN, &s.SovereignDomainMode, &s.SovereignPoolDomain, &s.SovereignSubdomain,
		&s.Provider, &s.Region, &s.ControlPlaneSize, &s.WorkerSize, &s.StorageClass, &s.BCPTopology,
		&s.ObjectStorageRegion, &s.ObjectStorageBucket,
	} {
		*p = strings.ToLower(strings.TrimSpace(*p))
	}
	s.SovereignFQDN = strings.TrimSuffix(s.SovereignFQDN, ".")
	s.SovereignPoolDomain = strings.Trim(s.SovereignPoolDomain, ".")
	if s.SovereignDomainMode == "byo" {
		s.SovereignDomainMode = "byo-manual"
	}
	s.OrgCompliance = tidyList(s.OrgCompliance, strings.TrimSpace)
	s.Apps = tidyList(s.Apps, tidyCode)
	s.Components = tidyList(s.Components, tidyCode)
	if s.Apps == nil {
		s.Apps = []string{}
	}
	if s.Components == nil {
		s.Components = []string{}
	}

	regions := slices.Clone(s.Regions)
	for i := range regions {
		r := &regions[i]
		for _, p := range []*string{&r.Provider, &r.CloudRegion, &r.ControlPlaneSize, &r.WorkerSize} {
			*p = tidyCode(*p)
		}
	}
	if len(regions) == 0 && (s.Region != "" || s.ControlPlaneSize != "" || s.WorkerSize != "" || s.WorkerCount != nil) {
		r := Region{Provider: s.Provider, CloudRegion: s.Region, ControlPlaneSize: s.ControlPlaneSize, WorkerSize: s.WorkerSize}
		if s.WorkerCount != nil {
			r.WorkerCount = *s.WorkerCount
		}
		regions = []Region{r}
	}
	s.Regions = regions
	if len(regions) > 0 {
		first := &regions[0]
		if first.Provider == "" {
			first.Provider = s.Provider
		}
		if s.Provider == "" {
			s.Provider = first.Provider
		}
		count := first.WorkerCount
		s.Region, s.ControlPlaneSize, s.WorkerSize, s.WorkerCount = first.CloudRegion, first.ControlPlaneSize, first.WorkerSize, &count
		for i := range regions {
			if regions[i].Provider == "" {
				regions[i].Provider = s.Provider
			}
		}
	}
	if s.SovereignDomainMode == "pool" && s.SovereignSubdomain != "" && s.SovereignPoolDomain != "" {
		s.SovereignFQDN = s.SovereignSubdomain + "." + s.SovereignPoolDomain
	}
	return s
}

func tidyCode(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// tidyList cleans each entry and drops empty ones and repetitions, keeping the
// order. The result is nil for an empty list.
func tidyList(in []string, clean func(string) string) []string {
	var out []string
	for _, v := range in {
		if v = clean(v); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// ha is whether three control-plane nodes are wanted.
func (s Spec) ha() bool { return s.HAEnabled != nil && *s.HAEnabled }

// sharedPostgres is whether all apps use one PostgreSQL; upstream's default is
// that they do.
func (s Spec) sharedPostgres() bool { return s.EnableSharedPostgres == nil || *s.EnableSharedPostgres }

// consoleIsolation is whether the console has a load balancer of its own;
// upstream's default is that it has.
func (s Spec) consoleIsolation() bool {
	return s.ConsoleIsolationEnabled == nil || *s.ConsoleIsolationEnabled
}
