package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// ownLife is how long a certificate of our own lasts: no browser takes a longer
	// one.
	ownLife = 397 * 24 * time.Hour
	// ownRenew is how long before its end it is replaced.
	ownRenew = 30 * 24 * time.Hour
)

// Own serves a certificate that this service makes for itself, for host names and
// addresses in a private network. It is kept in dir, so that a device that has
// accepted it once does not ask again. The fingerprint is the certificate's
// SHA-256, as browsers show it.
func Own(dir string, hosts []string) (config *tls.Config, fingerprint string, err error) {
	certFile, keyFile := filepath.Join(dir, "own.pem"), filepath.Join(dir, "own.key")
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil || !fits(pair.Leaf, hosts) {
		if err := makeOwn(dir, certFile, keyFile, hosts); err != nil {
			return nil, "", fault.Wrap(err, fault.Unavailable, "the service's own certificate cannot be made")
		}
		if pair, err = tls.LoadX509KeyPair(certFile, keyFile); err != nil {
			return nil, "", fault.Wrap(err, fault.Internal, "the service's own certificate cannot be read")
		}
	}
	sum := sha256.Sum256(pair.Certificate[0])
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	c := base()
	c.Certificates = []tls.Certificate{pair}
	return c, strings.Join(parts, ":"), nil
}

// fits tells whether a certificate is for all of the hosts, for a while yet.
func fits(c *x509.Certificate, hosts []string) bool {
	now := time.Now()
	if now.Before(c.NotBefore) || now.After(c.NotAfter.Add(-ownRenew)) {
		return false
	}
	for _, h := range hosts {
		if c.VerifyHostname(h) != nil {
			return false
		}
	}
	return true
}

func makeOwn(dir, certFile, keyFile string, hosts []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "OpenOva Sandbox"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(ownLife), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// The key first: a pair that does not fit together is made anew at the next start.
	if err := replace(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		return err
	}
	return replace(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
}

// replace writes a file beside and moves it there.
func replace(path string, data []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
