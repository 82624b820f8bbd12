package bootstrap

import (
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The states of a release: upstream's words.
const (
	// Pending: nothing was begun; a dependency or the chart is awaited.
	Pending = "pending"
	// Installing: the first install, or an upgrade, is under way.
	Installing = "installing"
	// Installed: the newest wanted version runs.
	Installed = "installed"
	// Degraded: it was installed once, or is suspended, and is not well now; the
	// cluster keeps trying.
	Degraded = "degraded"
	// Failed: the install or the upgrade failed.
	Failed = "failed"
)

const (
	// MaxMessage is the longest message that is passed on, in characters.
	MaxMessage = 500
	// MaxReleases is how many releases of one cluster are followed; further ones
	// are ignored. The fixed kit has 35, the marketplace 27 apps.
	MaxReleases = 500

	maxName         = 253
	maxDependencies = 64
)

// ReleaseState is one HelmRelease of the new cluster as it is now.
type ReleaseState struct {
	// Name is the HelmRelease's, e.g. "bp-cilium" or "app-nextcloud".
	Name string
	// State is one of [Pending], [Installing], [Installed], [Degraded] and
	// [Failed].
	State string
	// Message is the cluster's own words, cut to [MaxMessage] characters without
	// control characters. It is data of a stranger.
	Message string
	// DependsOn are the names of the releases that come first; never nil.
	DependsOn []string
	// Chart and Version are what is wanted, e.g. "bp-cilium" and "1.x".
	Chart, Version string
}

// StateOf reads a HelmRelease of helm.toolkit.fluxcd.io/v2. ok is false when
// the object has no usable name. Missing or malformed fields read as absent: a
// release without conditions is pending.
func StateOf(o *unstructured.Unstructured) (state ReleaseState, ok bool) {
	name := clean(o.GetName(), maxName)
	if name == "" || name != o.GetName() {
		return ReleaseState{}, false
	}
	r := ReleaseState{Name: name, State: Pending, DependsOn: []string{}}
	deps, _, _ := unstructured.NestedSlice(o.Object, "spec", "dependsOn")
	for _, d := range deps {
		if m, isMap := d.(map[string]any); isMap && len(r.DependsOn) < maxDependencies {
			if n, _ := m["name"].(string); clean(n, maxName) == n && n != "" {
				r.DependsOn = append(r.DependsOn, n)
			}
		}
	}
	chart, _, _ := unstructured.NestedString(o.Object, "spec", "chart", "spec", "chart")
	version, _, _ := unstructured.NestedString(o.Object, "spec", "chart", "spec", "version")
	r.Chart, r.Version = clean(chart, maxName), clean(version, maxName)

	ready := condition(o, "Ready")
	r.Message = clean(ready.message, MaxMessage)
	r.State = derive(o, ready)
	return r, true
}

// derive maps Flux's conditions to a state. Ready=False has many reasons; the
// ones that only say "not yet" are pending before the first install.
func derive(o *unstructured.Unstructured, ready cond) string {
	history, _, _ := unstructured.NestedSlice(o.Object, "status", "history")
	before := len(history) > 0 || condition(o, "Released").status == "True"
	if suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend"); suspended && ready.status != "True" {
		return Degraded
	}
	observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	switch ready.status {
	case "True":
		// The condition may still speak of the generation before.
		if observed < o.GetGeneration() {
			return Installing
		}
		return Installed
	case "Unknown":
		return Installing
	case "False":
		if condition(o, "Stalled").status == "True" || strings.HasSuffix(ready.reason, "Failed") && ready.reason != "HealthCheckFailed" && ready.reason != "TestFailed" {
			return Failed
		}
		switch ready.reason {
		case "DependencyNotReady", "SourceNotReady", "HelmChartNotReady", "HelmChartNotAccepted", "ArtifactNotReady":
			if !before {
				return Pending
			}
		case "Progressing", "ProgressingWithRetry":
			return Installing
		}
		return Degraded
	}
	return Pending
}

type cond struct{ status, reason, message string }

func condition(o *unstructured.Unstructured, kind string) cond {
	all, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range all {
		m, _ := c.(map[string]any)
		if m["type"] != kind {
			continue
		}
		status, _ := m["status"].(string)
		reason, _ := m["reason"].(string)
		message, _ := m["message"].(string)
		return cond{status, reason, message}
	}
	return cond{}
}

// clean makes text of a stranger safe to show: no control or format characters
// (which could rewrite a terminal or reorder a line), one line, at most limit
// characters.
func clean(s string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = n > 0
			continue
		}
		if r == unicode.ReplacementChar || unicode.Is(unicode.C, r) {
			continue
		}
		if space {
			space = false
			b.WriteByte(' ')
			n++
		}
		if n >= limit-1 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}
