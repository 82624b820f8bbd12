package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// postKubeconfig does what the bootstrap script does: it puts the kubeconfig to
// the address and with the bearer that cloud-init brought, again and again until
// it is accepted. Redirects are not followed: the bearer is for one address.
func (s *server) postKubeconfig(ctx context.Context) {
	st := s.snapshot()
	if st.KubeconfigPosted || st.Plan.KubeconfigURL == "" {
		return
	}
	body, err := kubeconfig(s.dir, s.boot.PublicIPv4)
	if err != nil {
		s.log.Error("the kubeconfig cannot be made", "error", err)
		return
	}
	client := &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for wait := max(s.clusters.scale(5*time.Second), 20*time.Millisecond); ; wait = min(2*wait, 15*time.Second) {
		err := put(ctx, client, st.Plan.KubeconfigURL, st.Plan.Bearer, body)
		if err == nil {
			// A bearer that was used is worth nothing and is forgotten.
			s.keep(ctx, func(st *state) []int { st.KubeconfigPosted, st.Plan.Bearer = true, ""; return nil })
			s.log.Info("the kubeconfig was accepted")
			return
		}
		if ctx.Err() != nil {
			return
		}
		s.log.Warn("the kubeconfig was not accepted; trying again", "error", err, "wait", wait.String())
		if !sleep(ctx, wait) {
			return
		}
	}
}

// put is one attempt. "already-set" is a success: the answer to an earlier
// attempt was lost.
func put(ctx context.Context, client *http.Client, url, bearer string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/yaml")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 == 2 {
		return nil
	}
	var problem struct{ Error, Code string }
	_ = json.Unmarshal(answer, &problem)
	if resp.StatusCode == http.StatusForbidden && (problem.Error == "already-set" || problem.Code == "already-set") {
		return nil
	}
	return fmt.Errorf("the answer was %d %s", resp.StatusCode, problem.Error)
}
