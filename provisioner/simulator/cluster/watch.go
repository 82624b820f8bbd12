package cluster

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const bookmarkEvery = time.Minute

// watchReleases streams changes. Where it begins:
//
//   - sendInitialEvents: every object as ADDED, then a bookmark that is annotated
//     as the end of the initial ones, then changes;
//   - no resourceVersion, or "0": every object as ADDED, then changes;
//   - a resourceVersion: what came after it, or an ERROR event with 410 when the
//     history does not reach back that far.
func (s *server) watchReleases(w http.ResponseWriter, r *http.Request, sel selection, version uint64) {
	bookmarks, _ := strconv.ParseBool(r.FormValue("allowWatchBookmarks"))
	initial, bad := readInitial(r, bookmarks)
	if bad != nil {
		writeStatus(w, bad)
		return
	}
	st := s.snapshot()
	if version > st.Version {
		writeStatus(w, tooLarge(version, st.Version))
		return
	}
	end := time.Duration(30+rand.IntN(30)) * time.Minute
	if n, err := strconv.Atoi(r.FormValue("timeoutSeconds")); err == nil && n > 0 {
		end = min(end, time.Duration(n)*time.Second)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache, private")
	w.WriteHeader(http.StatusOK)
	out := frames{json.NewEncoder(w), http.NewResponseController(w)}

	at := version
	if initial || version == 0 {
		at = st.Version
		for _, rel := range st.Releases {
			if o := rel.object(); sel.matches(rel.Name, o) && !out.send("ADDED", o) {
				return
			}
		}
	}
	if initial && !out.bookmark(at, true) {
		return
	}
	if !out.flush() {
		return
	}
	timeout := time.NewTimer(end)
	defer timeout.Stop()
	tick := time.NewTicker(bookmarkEvery)
	defer tick.Stop()
	for {
		events, next, ok := s.since(at)
		if !ok {
			out.expired(at)
			return
		}
		for _, e := range events {
			at = e.version
			if sel.matches(e.name, e.object) && !out.send(e.kind, e.object) {
				return
			}
		}
		if !out.flush() {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-timeout.C:
			return
		case <-tick.C:
			if bookmarks && !out.bookmark(at, false) {
				return
			}
		case <-next:
		}
	}
}

// readInitial checks the rules that a real API server has for streaming lists.
func readInitial(r *http.Request, bookmarks bool) (bool, *apierrors.StatusError) {
	text, match := r.FormValue("sendInitialEvents"), r.FormValue("resourceVersionMatch")
	if text == "" {
		if match != "" {
			return false, invalidOptions("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
		}
		return false, nil
	}
	initial, err := strconv.ParseBool(text)
	switch {
	case err != nil:
		return false, invalidOptions("sendInitialEvents is no boolean")
	case match != string(metav1.ResourceVersionMatchNotOlderThan):
		return false, invalidOptions("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
	case initial && !bookmarks:
		return false, invalidOptions("sendInitialEvents requires allowWatchBookmarks")
	}
	return initial, nil
}

func invalidOptions(message string) *apierrors.StatusError {
	err := apierrors.NewInvalid(schema.GroupKind{Group: "meta.k8s.io", Kind: "ListOptions"}, "", nil)
	err.ErrStatus.Message = message
	return err
}

// frames writes watch events, one JSON document a line. Its methods are false
// when the client is gone.
type frames struct {
	enc *json.Encoder
	rc  *http.ResponseController
}

func (f frames) send(kind string, object any) bool {
	return f.enc.Encode(map[string]any{"type": kind, "object": object}) == nil
}

func (f frames) flush() bool { return f.rc.Flush() == nil }

func (f frames) bookmark(version uint64, initialEnd bool) bool {
	meta := map[string]any{"resourceVersion": strconv.FormatUint(version, 10), "creationTimestamp": nil}
	if initialEnd {
		meta["annotations"] = map[string]any{metav1.InitialEventsAnnotationKey: "true"}
	}
	return f.send("BOOKMARK", map[string]any{"apiVersion": apiVersion, "kind": "HelmRelease", "metadata": meta, "spec": map[string]any{}}) && f.flush()
}

func (f frames) expired(version uint64) {
	st := apierrors.NewResourceExpired("too old resource version: " + strconv.FormatUint(version, 10)).Status()
	st.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	_ = f.send("ERROR", st)
	f.flush()
}
