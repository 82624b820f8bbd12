package simulator

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/openova-io/sandbox/conversation/fault"
)

// Health is the answer of /_simulator/health.
type Health struct {
	Status  string    `json:"status"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	Speed   float64   `json:"speed"`
	URL     string    `json:"url"`
}

// control adds the simulator's own pages. All but health and the metadata of a
// server need the token, if there is one.
func (s *Simulator) control(mux *http.ServeMux) {
	mux.HandleFunc("GET /_simulator/health", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, Health{Status: "ok", PID: os.Getpid(), Started: s.started, Speed: s.speed, URL: s.URL()})
	})
	mux.HandleFunc("GET /_simulator/requests", s.private(func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
		requests := s.requests.after(after)
		if method := r.URL.Query().Get("method"); method != "" {
			requests = without(requests, func(e Request) bool { return e.Method != method })
		}
		write(w, http.StatusOK, map[string]any{"requests": requests})
	}))
	mux.HandleFunc("GET /_simulator/sovereigns", s.private(func(w http.ResponseWriter, _ *http.Request) {
		var sovereigns any = []any{}
		if s.options.Sovereigns != nil {
			sovereigns = s.options.Sovereigns()
		}
		write(w, http.StatusOK, map[string]any{"sovereigns": sovereigns})
	}))
	mux.HandleFunc("GET /_simulator/faults", s.private(func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		f := s.p.Faults
		s.mu.Unlock()
		write(w, http.StatusOK, f)
	}))
	mux.HandleFunc("POST /_simulator/faults", s.private(s.postFaults))
	mux.HandleFunc("GET /_simulator/metadata/{server}/{key...}", s.metadata)
}

// private answers only who has the token.
func (s *Simulator) private(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if s.options.Token != "" && !s.accepts(token) {
			write(w, http.StatusUnauthorized, refuse(http.StatusUnauthorized, hcloud.ErrorCodeUnauthorized, "unable to authenticate").response())
			return
		}
		next(w, r)
	}
}

// postFaults replaces the faults by those of the body; an empty object ends
// them all.
func (s *Simulator) postFaults(w http.ResponseWriter, r *http.Request) {
	// JSON only: a form that a web page posts without being asked is not.
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/json" {
		write(w, http.StatusUnsupportedMediaType, refuse(http.StatusUnsupportedMediaType, hcloud.ErrorCodeInvalidInput, "send application/json").response())
		return
	}
	var f Faults
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil || f.Times < 0 {
		write(w, http.StatusUnprocessableEntity, invalid("body", "failAction, stallAction and outOfStock are lists of names, times is a number from 0 on").response())
		return
	}
	if err := s.SetFaults(f); err != nil {
		write(w, http.StatusInternalServerError, asAPIError(err).response())
		return
	}
	write(w, http.StatusOK, f)
}

// SetFaults replaces the faults. They are stored with the project.
func (s *Simulator) SetFaults(f Faults) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Spent = 0
	s.p.setFaults(f, now())
	if err := s.store.save(s.p); err != nil {
		s.p = s.store.restore()
		return err
	}
	poke(s.wake)
	s.passFaults(f)
	return nil
}

// Requests gives the request log after a seq, oldest first.
func (s *Simulator) Requests(after int64) []Request { return s.requests.after(after) }

// metadata answers what a server would read at 169.254.169.254 under
// /hetzner/v1/metadata. Its user-data holds secrets and needs the token.
func (s *Simulator) metadata(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("server"), 10, 64)
	key := strings.TrimPrefix(r.PathValue("key"), "hetzner/v1/")
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.p.Servers[id]
	if found == nil {
		http.Error(w, "no such server", http.StatusNotFound)
		return
	}
	location, _ := s.cat.location(found.Location)
	var networks strings.Builder
	for i, n := range found.PrivateNet {
		gateway := ""
		if network := s.p.Networks[n.Network]; network != nil && len(network.Subnets) > 0 {
			gateway = network.Subnets[0].Gateway
		}
		fmt.Fprintf(&networks, "- ip: %s\n  alias_ips: [%s]\n  interface_num: %d\n  mac_address: %s\n  network_id: %d\n  gateway: %s\n",
			n.IP, strings.Join(n.AliasIPs, ", "), i+1, n.MACAddress, n.Network, gateway)
	}
	values := map[string]string{
		"metadata/hostname": found.Name, "metadata/instance-id": itoa(id), "metadata/public-ipv4": s.p.publicIP(id, "ipv4"),
		"metadata/region": location.NetworkZone, "metadata/availability-zone": found.Location, "metadata/private-networks": networks.String(),
		"metadata/local-ipv4": "",
	}
	if len(found.PrivateNet) > 0 {
		values["metadata/local-ipv4"] = found.PrivateNet[0].IP
	}
	value, known := values[key]
	switch {
	case key == "metadata":
		value = fmt.Sprintf("hostname: %s\ninstance-id: %d\npublic-ipv4: %s\nregion: %s\navailability-zone: %s\n",
			found.Name, id, values["metadata/public-ipv4"], location.NetworkZone, found.Location)
	case key == "userdata" || key == "metadata/user-data":
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !s.accepts(token) {
			http.Error(w, "user-data needs the token", http.StatusUnauthorized)
			return
		}
		data, err := s.store.userData(id)
		if err != nil {
			http.Error(w, fault.From(err).Message, http.StatusInternalServerError)
			return
		}
		value = data
	case !known:
		http.Error(w, "no such metadata", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, value)
}
