// Package certificate is where the web server's TLS certificates come from: files
// that somebody else renews, a certificate authority that speaks ACME, or this
// service itself for a private network.
//
// # Invariants
//
//   - TLS 1.2 is the least that is spoken.
//   - A file that is replaced by a bad one changes nothing: the certificate before
//     goes on, and the log says why.
//   - Private keys that are made here lie in files of mode 0600, in folders of mode
//     0700.
package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/openova-io/sandbox/conversation/fault"
)

// lookAgain is how long a certificate's files are taken to be as they were.
const lookAgain = time.Second

// base is the configuration of every listener.
func base() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
}

// Files serves the certificate of a PEM file with its chain, and reads it again
// when it or its key has changed. Faults: [fault.Invalid] when the two cannot be
// read or do not fit together at first.
func Files(certFile, keyFile string, logger *slog.Logger) (*tls.Config, error) {
	f := &files{cert: certFile, key: keyFile, logger: logger}
	if err := f.load(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the TLS certificate %s and its key cannot be used", certFile).(*fault.Error).
			Do("give a PEM file with the certificate and its chain, and one with its private key")
	}
	c := base()
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.get(), nil }
	return c, nil
}

// files is a certificate that lies in two files.
type files struct {
	cert, key string
	logger    *slog.Logger

	mu      sync.Mutex
	now     *tls.Certificate
	of      [2]os.FileInfo
	checked time.Time
}

func (f *files) get() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.checked) >= lookAgain && f.changed() {
		if err := f.load(); err != nil {
			f.logger.Warn("the TLS certificate's files have changed and cannot be used; the one before goes on", slog.String("file", f.cert), slog.String("error", err.Error()))
		}
	}
	return f.now
}

func (f *files) stat() (out [2]os.FileInfo) {
	out[0], _ = os.Stat(f.cert)
	out[1], _ = os.Stat(f.key)
	return out
}

func (f *files) changed() bool {
	f.checked = time.Now()
	for i, now := range f.stat() {
		was := f.of[i]
		if now == nil || was == nil || !os.SameFile(now, was) || !now.ModTime().Equal(was.ModTime()) || now.Size() != was.Size() {
			return true
		}
	}
	return false
}

// load reads both files. What they are is noted before, so that a change while
// they are read is seen the next time.
func (f *files) load() error {
	of := f.stat()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	f.checked = time.Now()
	if err != nil {
		return err
	}
	f.now, f.of = &pair, of
	return nil
}

// ACMEOptions say where certificates are asked for.
type ACMEOptions struct {
	// Hosts are the names that certificates are asked for; no other name is.
	Hosts []string
	// Dir keeps the account's key and the certificates.
	Dir string
	// Email is told of trouble by the authority; it may be empty.
	Email string
	// Directory is the authority's address; empty is Let's Encrypt.
	Directory string
	// RootsFile is a PEM file with the roots that the authority's own address is
	// trusted by; empty are the system's.
	RootsFile string
}

// ACME serves certificates that it asks an authority for and renews, by the
// challenge tls-alpn-01 (RFC 8737) on the very port that it is used on: the
// authority must reach it as port 443. Using it accepts the authority's terms.
func ACME(o ACMEOptions) (*tls.Config, error) {
	if len(o.Hosts) == 0 {
		return nil, fault.New(fault.Invalid, "ACME needs the names that certificates are for")
	}
	client := &acme.Client{DirectoryURL: o.Directory}
	if o.RootsFile != "" {
		raw, err := os.ReadFile(o.RootsFile)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the file with the ACME authority's roots cannot be read")
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(raw) {
			return nil, fault.New(fault.Invalid, "there is no certificate in the file with the ACME authority's roots")
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
		client.HTTPClient = &http.Client{Transport: transport, Timeout: time.Minute}
	}
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(o.Dir), HostPolicy: autocert.HostWhitelist(o.Hosts...),
		Email: o.Email, Client: client,
	}
	c := base()
	c.GetCertificate = m.GetCertificate
	c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	return c, nil
}
