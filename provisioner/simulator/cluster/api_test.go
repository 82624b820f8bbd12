package cluster_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/openova-io/sandbox/provisioner/bootstrap"
	"github.com/openova-io/sandbox/provisioner/simulator/cluster"
)

var listAll = metav1.ListOptions{}

func client(t *testing.T, kc *bootstrap.Kubeconfig) dynamic.Interface {
	t.Helper()
	c, err := dynamic.NewForConfig(kc.REST())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// up gives a cluster whose releases are all installed.
func up(t *testing.T) *bootstrap.Kubeconfig {
	t.Helper()
	in, ip := newInbox(t, 0), freeIP()
	c := open(t, cluster.Options{})
	boot(t, c, 1, ip, userData(t, in.url(), graph, order...))
	boot(t, c, 2, freeIP(), "#cloud-config\nwrite_files:\n  - path: /etc/catalyst/bootstrap.env\n    content: \"ROLE='agent'\\nNODE_TOKEN='join-me'\\n\"\n")
	kc := access(t, in, ip)
	until(t, kc, all(bootstrap.Installed))
	return kc
}

func TestDynamicInformer(t *testing.T) {
	in, ip := newInbox(t, 0), freeIP()
	c := open(t, cluster.Options{})
	boot(t, c, 1, ip, userData(t, in.url(), graph, order...))
	kc := access(t, in, ip)
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client(t, kc), 0, "flux-system", nil)
	informer := factory.ForResource(bootstrap.HelmReleases).Informer()
	ready := make(chan string, 64)
	note := func(o any) {
		if s, ok := bootstrap.StateOf(o.(*unstructured.Unstructured)); ok && s.State == bootstrap.Installed {
			ready <- s.Name
		}
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: note, UpdateFunc: func(_, o any) { note(o) }}); err != nil {
		t.Fatal(err)
	}
	factory.Start(t.Context().Done())
	if !cache.WaitForCacheSync(t.Context().Done(), informer.HasSynced) {
		t.Fatal("the informer did not sync")
	}
	var got []string
	for range order {
		got = append(got, receive(t, ready, "the next installed release"))
	}
	if !slices.Equal(got, order) {
		t.Errorf("installed in the order %v, want %v", got, order)
	}
}

func TestDiscoveryAndReads(t *testing.T) {
	kc := up(t)
	dc, err := discovery.NewDiscoveryClientForConfig(kc.REST())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := dc.ServerVersion(); err != nil || v.GitVersion != "v1.31.4+k3s1" {
		t.Errorf("version %v, %v", v, err)
	}
	_, lists, err := dc.ServerGroupsAndResources()
	if err != nil || len(lists) != 2 {
		t.Errorf("discovery gave %d lists, %v", len(lists), err)
	}
	c := client(t, kc)
	releases := c.Resource(bootstrap.HelmReleases)
	ns := releases.Namespace("flux-system")
	if o, err := ns.Get(t.Context(), "bp-cilium", metav1.GetOptions{}); err != nil || o.GetUID() == "" {
		t.Errorf("get: %v", err)
	}
	if _, err := ns.Get(t.Context(), "bp-none", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("get of nothing: %v", err)
	}
	count := func(what string, o metav1.ListOptions, namespace string, want int) {
		t.Helper()
		l, err := releases.Namespace(namespace).List(t.Context(), o)
		if err != nil || len(l.Items) != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	count("all namespaces", listAll, "", len(order))
	count("another namespace", listAll, "default", 0)
	count("by name", metav1.ListOptions{FieldSelector: "metadata.name=bp-cilium"}, "flux-system", 1)
	count("by label", metav1.ListOptions{LabelSelector: "catalyst.openova.io/app=nextcloud"}, "flux-system", 1)
	count("any version", metav1.ListOptions{ResourceVersion: "0"}, "flux-system", len(order))
	nodes, err := c.Resource(nodesResource).List(t.Context(), listAll)
	if err != nil || len(nodes.Items) != 2 {
		t.Errorf("nodes: %v", err)
	}
	if err := ns.Delete(t.Context(), "bp-cilium", metav1.DeleteOptions{}); !apierrors.IsMethodNotSupported(err) {
		t.Errorf("delete: %v", err)
	}
}

func TestVersions(t *testing.T) {
	kc := up(t)
	ns := client(t, kc).Resource(bootstrap.HelmReleases).Namespace("flux-system")
	if _, err := ns.List(t.Context(), metav1.ListOptions{ResourceVersion: "999999"}); !apierrors.IsTimeout(err) || !apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge) {
		t.Errorf("a version of the future: %v", err)
	}
	if _, err := ns.List(t.Context(), metav1.ListOptions{ResourceVersion: "1", ResourceVersionMatch: "Exact"}); !apierrors.IsResourceExpired(err) {
		t.Errorf("an exact old version: %v", err)
	}
	if _, err := ns.List(t.Context(), metav1.ListOptions{ResourceVersion: "abc"}); !apierrors.IsBadRequest(err) {
		t.Errorf("no version: %v", err)
	}
	l, err := ns.List(t.Context(), listAll)
	if err != nil {
		t.Fatal(err)
	}
	now := l.GetResourceVersion()
	yes := true
	for name, tc := range map[string]struct {
		o    metav1.ListOptions
		want []watch.EventType
	}{
		"initial events": {metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true, ResourceVersionMatch: "NotOlderThan"},
			[]watch.EventType{watch.Added, watch.Added, watch.Added, watch.Added, watch.Bookmark}},
		"from any":      {metav1.ListOptions{ResourceVersion: "0"}, []watch.EventType{watch.Added, watch.Added, watch.Added, watch.Added}},
		"from the past": {metav1.ListOptions{ResourceVersion: "1", FieldSelector: "metadata.name=bp-cilium"}, []watch.EventType{watch.Added, watch.Modified, watch.Modified}},
	} {
		w, err := ns.Watch(t.Context(), tc.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, want := range tc.want {
			e := receive(t, w.ResultChan(), name)
			if e.Type != want {
				t.Fatalf("%s: event %d is %s, want %s", name, i, e.Type, want)
			}
			if e.Type == watch.Bookmark {
				o := e.Object.(*unstructured.Unstructured)
				if o.GetAnnotations()[metav1.InitialEventsAnnotationKey] != "true" || o.GetResourceVersion() != now {
					t.Errorf("the bookmark is %v", o.Object)
				}
			}
		}
		w.Stop()
	}
	one := int64(1)
	w, err := ns.Watch(t.Context(), metav1.ListOptions{ResourceVersion: now, TimeoutSeconds: &one})
	if err != nil {
		t.Fatal(err)
	}
	if e, open := <-w.ResultChan(); open {
		t.Errorf("a watch of nothing new gave %v", e)
	}
	if _, err := ns.Watch(t.Context(), metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true}); !apierrors.IsInvalid(err) {
		t.Errorf("initial events without a match: %v", err)
	}
}

func TestOldVersionIsGoneAfterRestart(t *testing.T) {
	in, ip, dir := newInbox(t, 0), freeIP(), t.TempDir()
	first, err := cluster.New(cluster.Options{Dir: dir, Speed: fast})
	if err != nil {
		t.Fatal(err)
	}
	boot(t, first, 1, ip, userData(t, in.url(), graph, order...))
	kc := access(t, in, ip)
	until(t, kc, all(bootstrap.Installed))
	_ = first.Close()
	open(t, cluster.Options{Dir: dir})
	until(t, kc, all(bootstrap.Installed)) // the API is back
	w, err := client(t, kc).Resource(bootstrap.HelmReleases).Namespace("flux-system").Watch(t.Context(), metav1.ListOptions{ResourceVersion: "2"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if e := receive(t, w.ResultChan(), "the 410"); e.Type != watch.Error || !apierrors.IsResourceExpired(apierrors.FromObject(e.Object)) {
		t.Errorf("got %v", e)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	kc := up(t)
	cfg := kc.REST()
	cfg.CertData, cfg.KeyData = nil, nil
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/readyz": 200, "/version": 200, "/apis": 401, "/apis/helm.toolkit.fluxcd.io/v2/helmreleases": 401} {
		resp, err := hc.Get(kc.Server() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want || want == http.StatusUnauthorized && !strings.Contains(string(body), `"reason":"Unauthorized"`) {
			t.Errorf("%s gave %d %s", path, resp.StatusCode, body)
		}
	}
	other := up(t)
	mixed := kc.REST()
	mixed.CertData, mixed.KeyData = other.REST().CertData, other.REST().KeyData
	if _, err := clientOf(t, mixed).Resource(bootstrap.HelmReleases).List(t.Context(), listAll); err == nil {
		t.Error("another cluster's admin was let in")
	}
}

var nodesResource = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}

func clientOf(t *testing.T, cfg *rest.Config) dynamic.Interface {
	t.Helper()
	c, err := dynamic.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
