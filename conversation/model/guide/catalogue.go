package guide

import (
	"sort"
)

// apps asks the catalogue about Applications, once a turn.
func (t *turn) catalogue() error {
	if t.appInfo != nil {
		return nil
	}
	var out struct {
		Items []appItem `json:"items"`
	}
	if err := t.call(toolCatalogue, map[string]any{"kind": "apps"}, &out); err != nil {
		if waits(err) {
			return err
		}
		t.appInfo = map[string]appItem{}
		return nil
	}
	t.appInfo = map[string]appItem{}
	for _, a := range out.Items {
		if !a.System {
			t.appInfo[a.Slug] = a
		}
	}
	return nil
}

// deployable is true where the catalogue says that an Application can be
// installed.
func (t *turn) deployable(slug string) bool {
	a, ok := t.appInfo[slug]
	return ok && a.Deployable
}

// appName is an Application's name.
func (t *turn) appName(slug string) string {
	if a, ok := t.appInfo[slug]; ok && a.Name != "" {
		return a.Name
	}
	if a, ok := t.language.apps[slug]; ok {
		return a.Name
	}
	return slug
}

// appFor is an Application with what it is for: "Cal.com for online booking".
func (t *turn) appFor(slug string) string {
	if a, ok := t.language.apps[slug]; ok && a.For != "" {
		return t.appName(slug) + " (" + a.For + ")"
	}
	return t.appName(slug)
}

func (t *turn) appNames(slugs []string) string {
	names := make([]string, 0, len(slugs))
	for _, s := range slugs {
		names = append(names, t.appName(s))
	}
	return t.join(names)
}

// sortedKeys gives a map's keys in order, so that replies do not vary.
func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
