package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"sigs.k8s.io/yaml"
)

// The files of a cluster's keys, all of mode 0600.
const (
	caCertFile, caKeyFile         = "ca.crt", "ca.key"
	serverCertFile, serverKeyFile = "server.crt", "server.key"
	adminCertFile, adminKeyFile   = "admin.crt", "admin.key"
)

// makePKI makes a certificate authority, the API server's certificate for ip
// and the cluster-admin's client certificate, unless they exist. The last file
// written is the admin's certificate: where it is, all are.
func makePKI(dir, ip string) error {
	if _, err := os.Stat(filepath.Join(dir, adminCertFile)); err == nil {
		return nil
	}
	now := time.Now().Add(-time.Hour)
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: fmt.Sprintf("k3s-server-ca@%d", now.Unix())},
		NotBefore: now, NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, BasicConstraintsValid: true, IsCA: true,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return err
	}
	if err := writePair(dir, caCertFile, caKeyFile, caDER, caKey); err != nil {
		return err
	}
	leaf := func(certFile, keyFile string, t *x509.Certificate) error {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		t.SerialNumber, t.NotBefore, t.NotAfter, t.KeyUsage = serial(), now, now.AddDate(1, 0, 0), x509.KeyUsageDigitalSignature
		der, err := x509.CreateCertificate(rand.Reader, t, ca, key.Public(), caKey)
		if err != nil {
			return err
		}
		return writePair(dir, certFile, keyFile, der, key)
	}
	if err := leaf(serverCertFile, serverKeyFile, &x509.Certificate{
		Subject: pkix.Name{CommonName: "k3s", Organization: []string{"k3s"}}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.ParseIP(ip), net.IPv4(10, 43, 0, 1)},
		DNSNames:    []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
	}); err != nil {
		return err
	}
	return leaf(adminCertFile, adminKeyFile, &x509.Certificate{
		Subject:     pkix.Name{CommonName: "system:admin", Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand never fails on a supported system
	}
	return n
}

func writePair(dir, certFile, keyFile string, der []byte, key *ecdsa.PrivateKey) error {
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, keyFile), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, certFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// serverTLS asks for a client certificate and verifies it when one is given;
// who comes without is anonymous.
func serverTLS(dir string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, serverCertFile), filepath.Join(dir, serverKeyFile))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(filepath.Join(dir, caCertFile))
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("the certificate authority cannot be read")
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert},
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool, NextProtos: []string{"h2", "http/1.1"},
	}, nil
}

// kubeconfig is the file that k3s writes, with the server's public address in
// place of 127.0.0.1, as the bootstrap script makes it.
func kubeconfig(dir, ip string) ([]byte, error) {
	var parts [3]string
	for i, name := range []string{caCertFile, adminCertFile, adminKeyFile} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		parts[i] = base64.StdEncoding.EncodeToString(b)
	}
	type m = map[string]any
	return yaml.Marshal(m{
		"apiVersion": "v1", "kind": "Config", "preferences": m{}, "current-context": "default",
		"clusters": []m{{"name": "default", "cluster": m{"server": "https://" + net.JoinHostPort(ip, apiPort), "certificate-authority-data": parts[0]}}},
		"contexts": []m{{"name": "default", "context": m{"cluster": "default", "user": "default"}}},
		"users":    []m{{"name": "default", "user": m{"client-certificate-data": parts[1], "client-key-data": parts[2]}}},
	})
}
