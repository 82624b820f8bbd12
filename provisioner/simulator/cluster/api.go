package cluster

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const serverVersion = "v1.31.4+k3s1"

var helmReleases = schema.GroupResource{Group: apiGroup, Resource: "helmreleases"}

// handler is the Kubernetes API. Reading is all that there is: the one admin
// may read everything, and writing is answered as a method that the resource
// does not have.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	// What a real cluster shows to everybody.
	for _, p := range []string{"/healthz", "/livez", "/readyz"} {
		mux.HandleFunc("GET "+p, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	}
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"major": "1", "minor": "31", "gitVersion": serverVersion, "platform": "linux/amd64"})
	})

	admin := http.NewServeMux()
	get := func(path string, value any) {
		admin.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, value) })
	}
	version := metav1.GroupVersionForDiscovery{GroupVersion: apiVersion, Version: "v2"}
	group := metav1.APIGroup{
		TypeMeta: metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"}, Name: apiGroup,
		Versions: []metav1.GroupVersionForDiscovery{version}, PreferredVersion: version,
	}
	get("/api", metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
	get("/apis", metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}, Groups: []metav1.APIGroup{group}})
	get("/apis/"+apiGroup, group)
	get("/apis/"+apiVersion, metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: apiVersion,
		APIResources: []metav1.APIResource{{
			Name: "helmreleases", SingularName: "helmrelease", Namespaced: true, Kind: "HelmRelease",
			ShortNames: []string{"hr"}, Verbs: metav1.Verbs{"get", "list", "watch"},
		}},
	})
	get("/api/v1", metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: "v1",
		APIResources: []metav1.APIResource{{Name: "nodes", SingularName: "node", Kind: "Node", ShortNames: []string{"no"}, Verbs: metav1.Verbs{"list"}}},
	})
	admin.HandleFunc("GET /api/v1/nodes", s.listNodes)
	admin.HandleFunc("GET /apis/"+apiVersion+"/helmreleases", s.listReleases)
	admin.HandleFunc("GET /apis/"+apiVersion+"/namespaces/{namespace}/helmreleases", s.listReleases)
	admin.HandleFunc("GET /apis/"+apiVersion+"/namespaces/{namespace}/helmreleases/{name}", s.getRelease)
	admin.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		writeStatus(w, apierrors.NewGenericServerResponse(http.StatusNotFound, "get", schema.GroupResource{}, "", "the server could not find the requested resource", 0, true))
	})
	admin.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeStatus(w, apierrors.NewMethodNotSupported(helmReleases, r.Method))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
			writeStatus(w, apierrors.NewUnauthorized("Unauthorized"))
			return
		}
		admin.ServeHTTP(w, r)
	})
	return mux
}

func (s *server) getRelease(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("namespace") == namespace {
		for _, rel := range s.snapshot().Releases {
			if rel.Name == r.PathValue("name") {
				writeJSON(w, http.StatusOK, rel.object())
				return
			}
		}
	}
	writeStatus(w, apierrors.NewNotFound(helmReleases, r.PathValue("name")))
}

// selection is what a list or a watch is about.
type selection struct {
	namespace string
	labels    labels.Selector
	fields    fields.Selector
}

func readSelection(r *http.Request) (selection, *apierrors.StatusError) {
	sel := selection{namespace: r.PathValue("namespace")}
	var err error
	if sel.labels, err = labels.Parse(r.FormValue("labelSelector")); err != nil {
		return sel, apierrors.NewBadRequest(err.Error())
	}
	if sel.fields, err = fields.ParseSelector(r.FormValue("fieldSelector")); err != nil {
		return sel, apierrors.NewBadRequest(err.Error())
	}
	for _, q := range sel.fields.Requirements() {
		if q.Field != "metadata.name" && q.Field != "metadata.namespace" {
			return sel, apierrors.NewBadRequest("field label not supported: " + q.Field)
		}
	}
	return sel, nil
}

func (sel selection) matches(name string, object map[string]any) bool {
	if sel.namespace != "" && sel.namespace != namespace {
		return false
	}
	set := labels.Set{}
	meta, _ := object["metadata"].(map[string]any)
	l, _ := meta["labels"].(map[string]any)
	for k, v := range l {
		set[k] = fmt.Sprint(v)
	}
	return sel.labels.Matches(set) && sel.fields.Matches(fields.Set{"metadata.name": name, "metadata.namespace": namespace})
}

// readVersion reads a resourceVersion; "" and "0" are zero, "any".
func readVersion(text string) (uint64, *apierrors.StatusError) {
	if text == "" {
		return 0, nil
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, apierrors.NewBadRequest("Invalid value: \"" + text + "\": resourceVersion")
	}
	return v, nil
}

// listReleases lists, or watches when it is asked to. A list is always the
// newest one, which satisfies "any" and "not older than"; limit is ignored, as
// the API allows.
func (s *server) listReleases(w http.ResponseWriter, r *http.Request) {
	sel, bad := readSelection(r)
	version, badVersion := readVersion(r.FormValue("resourceVersion"))
	if bad == nil {
		bad = badVersion
	}
	if bad != nil {
		writeStatus(w, bad)
		return
	}
	if watch, _ := strconv.ParseBool(r.FormValue("watch")); watch {
		s.watchReleases(w, r, sel, version)
		return
	}
	st := s.snapshot()
	switch match := r.FormValue("resourceVersionMatch"); {
	case match == "Exact" && version != 0 && version < st.Version:
		writeStatus(w, apierrors.NewResourceExpired("The resourceVersion for the provided list is too old."))
		return
	case version > st.Version:
		writeStatus(w, tooLarge(version, st.Version))
		return
	}
	items := []any{}
	for _, rel := range st.Releases {
		if o := rel.object(); sel.matches(rel.Name, o) {
			items = append(items, o)
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"apiVersion": apiVersion, "kind": "HelmReleaseList",
		"metadata": map[string]any{"resourceVersion": strconv.FormatUint(st.Version, 10)}, "items": items,
	})
}

func (s *server) listNodes(w http.ResponseWriter, _ *http.Request) {
	st := s.snapshot()
	items := []any{}
	for _, b := range s.clusters.nodes(s.token) {
		role := RoleServer
		if b.ServerID != s.boot.ServerID {
			role = b.Labels["catalyst.openova.io/role"]
			if role == "worker" {
				role = RoleAgent
			}
		}
		items = append(items, node(b, role, st.BootedAt))
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"apiVersion": "v1", "kind": "NodeList", "metadata": map[string]any{"resourceVersion": strconv.FormatUint(st.Version, 10)}, "items": items,
	})
}

// tooLarge is the answer to a version that was never given out.
func tooLarge(asked, current uint64) *apierrors.StatusError {
	err := apierrors.NewTimeoutError(fmt.Sprintf("Too large resource version: %d, current: %d", asked, current), 1)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge, Message: "Too large resource version"}}
	return err
}

func writeStatus(w http.ResponseWriter, err *apierrors.StatusError) {
	st := err.Status()
	st.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	writeJSON(w, int(st.Code), st)
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache, private")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value)
}
