package provisioner_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openova-io/sandbox/provisioner"
	"github.com/openova-io/sandbox/provisioner/run"
)

// TestHostileClusterRedirects: a new cluster that sends the service elsewhere gets
// nothing out of it, and the person can stop the waiting.
func TestHostileClusterRedirects(t *testing.T) {
	t.Parallel()
	var stolen, asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	t.Cleanup(elsewhere.Close)
	twice := make(chan struct{})
	// The address is the one that the test's engine gives as an output.
	const ip = "127.64.0.1"
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.ParseIP(ip)}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", ip+":6443")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == 2 {
				close(twice)
			}
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
		})}
	go func() { _ = server.ServeTLS(l, "", "") }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })

	r := newRig(t, provisioner.Simulated, func(o *provisioner.Options) { o.Watcher = realWatcher{} })
	d := r.running()
	r.engine.say(d.ID, "r1", "apply_complete", "hcloud_network.main")
	r.engine.end(d.ID, "r1", run.Status{State: run.Finished})
	r.until(d.ID, is(provisioner.StatusFluxBootstrapping))
	raw := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"a","clusters":[{"name":"a","cluster":{"server":"https://%s:6443","certificate-authority-data":%q}}],
"contexts":[{"name":"a","context":{"cluster":"a","user":"a"}}],"users":[{"name":"a","user":{"token":"secret"}}]}`,
		ip, base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	if err := r.service.ReceiveKubeconfig(t.Context(), d.ID, r.engine.bearer(d.ID), []byte(raw)); err != nil {
		t.Fatal(err)
	}
	r.until(d.ID, is(provisioner.StatusPhase1Watching))
	select {
	case <-twice:
	case <-time.After(time.Minute):
		t.Fatal("the cluster was not asked twice")
	}
	if err := r.service.Cancel(t.Context(), owner, d.ID); err != nil {
		t.Fatal(err)
	}
	r.until(d.ID, is(provisioner.StatusCancelled))
	if n := stolen.Load(); n != 0 {
		t.Errorf("%d requests followed the redirect", n)
	}
}
