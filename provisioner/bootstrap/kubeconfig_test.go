package bootstrap_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/provisioner/bootstrap"
)

const host = "127.64.0.9"

// keys are a certificate authority and a client of it, in PEM and base64.
type keys struct{ ca, cert, key, otherKey string }

func newKeys(t testing.TB) keys {
	t.Helper()
	now := time.Now()
	pair := func(ca bool, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: ca, BasicConstraintsValid: true}
		if parent == nil {
			parent, by = c, k
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, k.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		return c, k
	}
	ca, caKey := pair(true, nil, nil)
	leaf, leafKey := pair(false, ca, caKey)
	_, other := pair(false, ca, caKey)
	return keys{b64(certPEM(ca)), b64(certPEM(leaf)), b64(keyPEM(t, leafKey)), b64(keyPEM(t, other))}
}

func certPEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func keyPEM(t testing.TB, k *ecdsa.PrivateKey) []byte {
	der, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// good is what k3s writes.
func good(k keys) string {
	return fmt.Sprintf(`apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: %s
    server: https://%s:6443
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
preferences: {}
users:
- name: default
  user:
    client-certificate-data: %s
    client-key-data: %s
`, k.ca, host, k.cert, k.key)
}

func TestAcceptsWhatK3sWrites(t *testing.T) {
	k := newKeys(t)
	token := strings.Replace(good(k), "    client-certificate-data: "+k.cert+"\n    client-key-data: "+k.key, "    token: abc.def-123", 1)
	for name, raw := range map[string]string{
		"client certificate": good(k), "token": token, "byte order mark": "\ufeff" + good(k), "leading marker": "# k3s\n---\n" + good(k),
		"windows lines": strings.ReplaceAll(good(k), "\n", "\r\n"), "namespace": strings.Replace(good(k), "    user: default", "    user: default\n    namespace: x", 1),
		"trailing slash": strings.Replace(good(k), ":6443", ":6443/", 1),
	} {
		kc, err := bootstrap.ParseKubeconfig([]byte(raw), []string{"", "10.0.1.2", host})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if kc.Host() != host || kc.Server() != "https://"+host+":6443" {
			t.Errorf("%s: the server became %s", name, kc.Server())
		}
		again, err := bootstrap.ParseKubeconfig(kc.YAML(), []string{host})
		if err != nil || !bytes.Equal(again.YAML(), kc.YAML()) {
			t.Errorf("%s: the rebuilt document is not stable: %v", name, err)
		}
		if c := kc.REST(); c.Insecure || c.ExecProvider != nil || c.AuthProvider != nil || c.Impersonate.UserName != "" || c.CAFile+c.CertFile+c.KeyFile+c.BearerTokenFile != "" {
			t.Errorf("%s: the client configuration holds more than it should", name)
		}
	}
}

func TestRefusesEveryHostileVariant(t *testing.T) {
	k := newKeys(t)
	swap := func(old, fresh string) string {
		if !strings.Contains(good(k), old) {
			t.Fatalf("the test replaces %q, which is not there", old)
		}
		return strings.Replace(good(k), old, fresh, 1)
	}
	server := func(url string) string { return swap("https://"+host+":6443", url) }
	cluster := func(line string) string { return swap("    server:", "    "+line+"\n    server:") }
	user := func(line string) string {
		return swap("    client-certificate-data:", "    "+line+"\n    client-certificate-data:")
	}
	junk := b64([]byte("not pem"))
	for name, raw := range map[string]string{
		"empty":                   "",
		"no yaml":                 "\t{",
		"a list":                  "- a\n",
		"other kind":              swap("kind: Config", "kind: Secret"),
		"other version":           swap("apiVersion: v1", "apiVersion: v2"),
		"two documents":           good(k) + "---\n" + good(k),
		"document end":            good(k) + "...\nfoo: bar\n",
		"duplicate field":         good(k) + "kind: Config\n",
		"unknown field":           good(k) + "extensions: []\n",
		"exec":                    user("exec: {command: /bin/sh, apiVersion: client.authentication.k8s.io/v1}"),
		"auth provider":           user("auth-provider: {name: gcp}"),
		"token file":              user("tokenFile: /etc/passwd"),
		"client certificate file": user("client-certificate: /etc/passwd"),
		"client key file":         user("client-key: /etc/passwd"),
		"basic auth":              user("username: root"),
		"password":                user("password: root"),
		"impersonation":           user("as: system:admin"),
		"impersonated groups":     user("as-groups: [system:masters]"),
		"authority file":          cluster("certificate-authority: /etc/passwd"),
		"insecure":                cluster("insecure-skip-tls-verify: true"),
		"insecure but false":      cluster("insecure-skip-tls-verify: false"),
		"proxy":                   cluster("proxy-url: http://203.0.113.1:3128"),
		"other server name":       cluster("tls-server-name: example.com"),
		"another host":            server("https://203.0.113.1:6443"),
		"metadata service":        server("https://169.254.169.254:6443"),
		"localhost":               server("https://localhost:6443"),
		"no host":                 server("https://:6443"),
		"plain http":              server("http://" + host + ":6443"),
		"a file":                  server("file:///etc/passwd"),
		"other port":              server("https://" + host + ":22"),
		"no port":                 server("https://" + host),
		"user info":               server("https://" + host + ":6443@203.0.113.1:6443"),
		"password in the address": server("https://a:b@" + host + ":6443"),
		"path":                    server("https://" + host + ":6443/../evil"),
		"query":                   server("https://" + host + ":6443?x=y"),
		"empty query":             server("https://" + host + ":6443?"),
		"fragment":                server("https://" + host + ":6443#x"),
		"short address":           server("https://127.64.9:6443"),
		"number as address":       server("https://2134900745:6443"),
		"ipv6 with a zone":        server("https://[fe80::1%25eth0]:6443"),
		"back slash":              server(`'https://` + host + `\@203.0.113.1:6443'`),
		"no authority":            swap(k.ca, `""`),
		"authority is junk":       swap(k.ca, junk),
		"authority is a key":      swap(k.ca, k.key),
		"authority is a leaf":     swap(k.ca, k.cert),
		"authority with a tail":   swap(k.ca, b64(append(decode(k.ca), "tail"...))),
		"no base64":               swap(k.ca, "'%%%'"),
		"key of another":          swap(k.key, k.otherKey),
		"key is junk":             swap(k.key, junk),
		"certificate without key": swap("    client-key-data: "+k.key+"\n", ""),
		"key without certificate": swap("    client-certificate-data: "+k.cert+"\n", ""),
		"token with a line break": user(`token: "a\nHost: evil"`),
		"nobody":                  swap("    client-certificate-data: "+k.cert+"\n    client-key-data: "+k.key, "    {}"),
		"two users":               good(k) + "- name: second\n  user: {token: x}\n",
		"two clusters":            swap("clusters:\n", "clusters:\n- cluster: {server: 'https://203.0.113.1:6443'}\n  name: evil\n"),
		"two contexts":            swap("contexts:\n", "contexts:\n- context: {cluster: default, user: default}\n  name: evil\n"),
		"no current context":      swap("current-context: default\n", ""),
		"context of another":      swap("current-context: default", "current-context: other"),
		"context joins nothing":   swap("    cluster: default", "    cluster: other"),
		"an alias bomb":           "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n",
	} {
		_, err := bootstrap.ParseKubeconfig([]byte(raw), []string{"", host, "10.0.1.2"})
		if fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, secret := range []string{k.key, "203.0.113.1", "/etc/passwd", "/bin/sh"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the message repeats the document: %v", name, err)
			}
		}
	}
	if _, err := bootstrap.ParseKubeconfig(bytes.Repeat([]byte("#"), bootstrap.MaxKubeconfig+1), nil); fault.CodeOf(err) != fault.Limited {
		t.Errorf("too large: %v", err)
	}
	if _, err := bootstrap.ParseKubeconfig([]byte(good(k)), nil); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("no host is allowed: %v", err)
	}
}

func TestNamesTheDangerousField(t *testing.T) {
	k := newKeys(t)
	_, err := bootstrap.ParseKubeconfig([]byte(strings.Replace(good(k), "    client-certificate-data:", "    exec: {}\n    client-certificate-data:", 1)), []string{host})
	if err == nil || !strings.Contains(err.Error(), "exec") || !strings.Contains(err.Error(), "run a program") {
		t.Errorf("got %v", err)
	}
}

func TestHidesItsCredentials(t *testing.T) {
	k := newKeys(t)
	kc, err := bootstrap.ParseKubeconfig([]byte(good(k)), []string{host})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "kc", kc)
	asJSON, _ := json.Marshal(kc)
	for _, text := range []string{log.String(), string(asJSON), fmt.Sprint(kc), fmt.Sprintf("%v", kc)} {
		if strings.Contains(text, "PRIVATE") || strings.Contains(text, k.key) || !strings.Contains(text, host) {
			t.Errorf("got %s", text)
		}
	}
}

// Whatever the server line says, an accepted document talks to the one allowed
// address.
func TestOnlyTheAllowedServer(t *testing.T) {
	k := newKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		url := rapid.OneOf(rapid.String(), rapid.StringMatching(`https://[0-9a-z.:@/\\%\[\]]{0,30}127\.64\.0\.9[0-9a-z.:@/\\%?#]{0,20}`)).Draw(t, "url")
		quoted, _ := json.Marshal(url)
		kc, err := bootstrap.ParseKubeconfig([]byte(strings.Replace(good(k), "https://"+host+":6443", string(quoted), 1)), []string{host})
		if err == nil && kc.REST().Host != "https://"+host+":6443" {
			t.Fatalf("%q was accepted as %s", url, kc.REST().Host)
		}
	})
}

func FuzzParseKubeconfig(f *testing.F) {
	k := newKeys(f)
	f.Add([]byte(good(k)))
	f.Add([]byte("apiVersion: v1\nkind: Config\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		kc, err := bootstrap.ParseKubeconfig(raw, []string{host})
		if err != nil {
			if code := fault.CodeOf(err); code != fault.Invalid && code != fault.Limited {
				t.Fatalf("code %s: %v", code, err)
			}
			return
		}
		again, err := bootstrap.ParseKubeconfig(kc.YAML(), []string{host})
		if err != nil || !bytes.Equal(again.YAML(), kc.YAML()) || kc.Host() != host {
			t.Fatalf("the rebuilt document is not stable: %v", err)
		}
	})
}

func decode(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

type serverKeys struct {
	ca   string
	pair tls.Certificate
}

// newServerKeys are a certificate authority and a server certificate for ip.
func newServerKeys(t testing.TB, ip string) serverKeys {
	t.Helper()
	now := time.Now()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, IPAddresses: []net.IP{net.ParseIP(ip)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	return serverKeys{b64(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
}
