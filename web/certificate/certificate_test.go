package certificate_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/openova-io/sandbox/web/certificate"
)

// serve answers with the configuration until the test ends.
func serve(t *testing.T, c *tls.Config) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, c)
	return l.Addr().String()
}

func serveOn(t *testing.T, l net.Listener, c *tls.Config) {
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }), TLSConfig: c,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = s.Close(); <-ended })
}

// leaf is the certificate that the address shows for a name.
func leaf(t *testing.T, address, name string) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, InsecureSkipVerify: true}) // it is looked at below
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func TestOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	hosts := []string{"192.0.2.7", "localhost"}
	c, print1, err := certificate.Own(dir, hosts)
	if err != nil {
		t.Fatal(err)
	}
	shown := leaf(t, serve(t, c), "localhost")
	for _, h := range hosts {
		if err := shown.VerifyHostname(h); err != nil {
			t.Error(err)
		}
	}
	_, print2, err := certificate.Own(dir, hosts)
	if err != nil || print1 != print2 || len(print1) != 32*3-1 {
		t.Errorf("the next start shows %s, not %s (%v)", print2, print1, err)
	}
	_, print3, err := certificate.Own(dir, []string{"192.0.2.8"})
	if err != nil || print3 == print1 {
		t.Errorf("another address has the same certificate (%v)", err)
	}
	for _, name := range []string{"own.key", "own.pem"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// copyOwn puts a certificate of the name into the two files.
func copyOwn(t *testing.T, name, certFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	if _, _, err := certificate.Own(dir, []string{name}); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"own.pem": certFile, "own.key": keyFile} {
		raw, err := os.ReadFile(filepath.Join(dir, from))
		if err == nil {
			err = os.WriteFile(to, raw, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFiles: a renewed certificate is shown without a restart, and a broken file
// takes nothing away.
func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	var logged bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&logged, nil))
	if _, err := certificate.Files(certFile, keyFile, logger); err == nil {
		t.Error("files that are not there are served")
	}
	copyOwn(t, "first.example", certFile, keyFile)
	c, err := certificate.Files(certFile, keyFile, logger)
	if err != nil {
		t.Fatal(err)
	}
	address := serve(t, c)
	shows := func(name string) {
		t.Helper()
		for late := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			got := leaf(t, address, "first.example").DNSNames[0]
			if got == name {
				return
			}
			if time.Now().After(late) {
				t.Fatalf("it shows %s, not %s", got, name)
			}
		}
	}
	shows("first.example")
	copyOwn(t, "second.example", certFile, keyFile)
	shows("second.example")
	if err := os.WriteFile(certFile, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	for late := time.Now().Add(20 * time.Second); !strings.Contains(logged.String(), "goes on") && time.Now().Before(late); time.Sleep(50 * time.Millisecond) {
		shows("second.example")
	}
	if !strings.Contains(logged.String(), "goes on") {
		t.Error("nobody is told of the broken file")
	}
	shows("second.example")
	copyOwn(t, "third.example", certFile, keyFile)
	shows("third.example")
	if conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// TestACME asks a real ACME server, pebble, for a certificate; it checks the
// challenge on the very port that the certificate is then shown on.
func TestACME(t *testing.T) {
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "the usual"}})
	validator := va.New(quiet, 1, port, false, names(t), store)
	front := wfe.New(quiet, store, validator, authority, []string{"pebble.letsencrypt.org"}, false, false, 1, 1)
	acmeServer := httptest.NewTLSServer(front.Handler())
	defer acmeServer.Close()
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: acmeServer.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "acme")
	options := certificate.ACMEOptions{Hosts: []string{"sandbox.example.com"}, Dir: dir, Directory: acmeServer.URL + "/dir", RootsFile: roots}
	c, err := certificate.ACME(options)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, c)
	trust := x509.NewCertPool()
	trust.AppendCertsFromPEM(authority.GetRootCert(0).PEM())
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{ServerName: "sandbox.example.com", RootCAs: trust}}}
	res, err := client.Get("https://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	proto, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if string(proto) != "HTTP/2.0" {
		t.Errorf("it speaks %s", proto)
	}
	// Nobody else's name is asked for.
	if conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: "evil.example.com", InsecureSkipVerify: true}); err == nil {
		_ = conn.Close()
		t.Error("a name that is not ours has a certificate")
	}
	// The next start has it already, without the authority.
	acmeServer.Close()
	again, err := certificate.ACME(options)
	if err != nil {
		t.Fatal(err)
	}
	if got := leaf(t, serve(t, again), "sandbox.example.com"); got.SerialNumber.Cmp(leaf(t, l.Addr().String(), "sandbox.example.com").SerialNumber) != 0 {
		t.Error("the certificate was not kept")
	}
	if _, err := certificate.ACME(certificate.ACMEOptions{}); err == nil {
		t.Error("it asks for certificates of any name")
	}
}

// names is a name server that knows every name as this machine.
func names(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 1}, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(m)
	})}
	started := make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	go func() { _ = s.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = s.Shutdown() })
	return l.Addr().String()
}
