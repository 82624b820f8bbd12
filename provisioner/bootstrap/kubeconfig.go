package bootstrap

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/openova-io/sandbox/conversation/fault"
)

const (
	// MaxKubeconfig is the largest kubeconfig that is read, in bytes: upstream's
	// limit.
	MaxKubeconfig = 1 << 20
	// APIPort is the only port that a kubeconfig may name: where k3s serves the
	// Kubernetes API. Anything else on the same host, such as a service that
	// listens on all addresses of the machine, stays out of reach.
	APIPort = "6443"

	maxToken        = 16 << 10
	maxCertificates = 8
)

// Kubeconfig is access to one cluster, rebuilt from values that passed
// [ParseKubeconfig]. Its credentials leave it only through [Kubeconfig.YAML] and
// [Kubeconfig.REST].
type Kubeconfig struct {
	server string
	host   string
	ca     []byte
	cert   []byte
	key    []byte
	token  string
}

// Host is the address of the API server, without its port.
func (k *Kubeconfig) Host() string { return k.host }

// Server is the URL of the API server: "https://<host>:6443".
func (k *Kubeconfig) Server() string { return k.server }

// String names the cluster and hides the credentials.
func (k *Kubeconfig) String() string { return "kubeconfig for " + k.server }

// LogValue keeps credentials out of structured logs.
func (k *Kubeconfig) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalJSON hides the credentials from anything that encodes values blindly.
func (k *Kubeconfig) MarshalJSON() ([]byte, error) { return []byte(`"` + k.String() + `"`), nil }

// The only shape that is read. The decoder is strict: a field that is not here
// is refused, and with it exec, auth-provider, every file path, proxy-url,
// insecure-skip-tls-verify, impersonation, passwords and extensions.
type document struct {
	APIVersion     string         `json:"apiVersion"`
	Kind           string         `json:"kind"`
	Preferences    *struct{}      `json:"preferences,omitempty"`
	Clusters       []clusterEntry `json:"clusters"`
	Contexts       []contextEntry `json:"contexts"`
	CurrentContext string         `json:"current-context"`
	Users          []userEntry    `json:"users"`
}

type clusterEntry struct {
	Name    string `json:"name"`
	Cluster struct {
		Server string `json:"server"`
		CA     string `json:"certificate-authority-data"`
	} `json:"cluster"`
}

type contextEntry struct {
	Name    string `json:"name"`
	Context struct {
		Cluster   string `json:"cluster"`
		User      string `json:"user"`
		Namespace string `json:"namespace,omitempty"`
	} `json:"context"`
}

type userEntry struct {
	Name string `json:"name"`
	User struct {
		Cert  string `json:"client-certificate-data,omitempty"`
		Key   string `json:"client-key-data,omitempty"`
		Token string `json:"token,omitempty"`
	} `json:"user"`
}

// dangerous are the fields that get a message of their own; every other unknown
// field is refused too.
var dangerous = []struct{ field, why string }{
	{"exec", "would run a program here"},
	{"auth-provider", "would run a plugin here"},
	{"insecure-skip-tls-verify", "would accept any server"},
	{"proxy-url", "would send the traffic elsewhere"},
	{"certificate-authority", "names a file of this machine; use certificate-authority-data"},
	{"client-certificate", "names a file of this machine; use client-certificate-data"},
	{"client-key", "names a file of this machine; use client-key-data"},
	{"tokenFile", "names a file of this machine; use token"},
	{"tls-server-name", "would verify a different name than the server's"},
	{"username", "is basic authentication; use a client certificate or a token"},
	{"password", "is basic authentication; use a client certificate or a token"},
	{"as", "would impersonate another user"},
}

// ParseKubeconfig reads a posted kubeconfig of at most [MaxKubeconfig] bytes and
// rebuilds it from its checked values. allowedHosts are the addresses of the
// deployment's outputs; the server must be one of them, by HTTPS, on [APIPort].
// Everything that is refused is a fault of code [fault.Invalid] (too much is
// [fault.Limited]) that names the field.
func ParseKubeconfig(raw []byte, allowedHosts []string) (*Kubeconfig, error) {
	doc, err := decode(raw)
	if err != nil {
		return nil, err
	}
	cluster, user, err := doc.only()
	if err != nil {
		return nil, err
	}
	k := &Kubeconfig{}
	if k.server, k.host, err = checkServer(cluster.Cluster.Server, allowedHosts); err != nil {
		return nil, err
	}
	if k.ca, err = checkCA(cluster.Cluster.CA); err != nil {
		return nil, err
	}
	if err := k.checkUser(user); err != nil {
		return nil, err
	}
	return k, nil
}

func decode(raw []byte) (*document, error) {
	switch {
	case len(raw) == 0:
		return nil, fault.New(fault.Invalid, "the kubeconfig is empty").Do("post the file /etc/rancher/k3s/k3s.yaml of the new cluster")
	case len(raw) > MaxKubeconfig:
		return nil, fault.New(fault.Limited, "the kubeconfig has %d bytes; at most %d are read", len(raw), MaxKubeconfig)
	}
	text := strings.TrimPrefix(string(raw), "\ufeff")
	seen := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		// Only the first document would be read; a second one has no business here.
		if seen && (line == "---" || strings.HasPrefix(line, "--- ") || line == "...") {
			return nil, refuse("", "the kubeconfig holds more than one YAML document")
		}
		if line != "" && !strings.HasPrefix(line, "#") {
			seen = true
		}
	}
	var doc document
	if err := yaml.UnmarshalStrict([]byte(text), &doc); err != nil {
		// The decoder's own words may quote the document, so only a known field name
		// is repeated.
		for _, d := range dangerous {
			if strings.Contains(err.Error(), `unknown field "`) && strings.Contains(err.Error(), "."+d.field+`"`) ||
				strings.Contains(err.Error(), `unknown field "`+d.field+`"`) {
				return nil, refuse(d.field, "the kubeconfig uses %s, which %s", d.field, d.why)
			}
		}
		return nil, refuse("", "the kubeconfig is no YAML of the accepted shape: one cluster, one context, one user, with inline certificates and no other field")
	}
	if doc.APIVersion != "v1" || doc.Kind != "Config" {
		return nil, refuse("kind", "the document is not of apiVersion v1 and kind Config")
	}
	return &doc, nil
}

// only gives the cluster and the user that the current context joins, and
// refuses a document that has any other.
func (d *document) only() (clusterEntry, userEntry, error) {
	var c clusterEntry
	var u userEntry
	for _, n := range []struct {
		what string
		n    int
	}{{"clusters", len(d.Clusters)}, {"contexts", len(d.Contexts)}, {"users", len(d.Users)}} {
		if n.n != 1 {
			return c, u, refuse(n.what, "the kubeconfig has %d %s; exactly one is accepted", n.n, n.what)
		}
	}
	c, u = d.Clusters[0], d.Users[0]
	x := d.Contexts[0]
	if x.Name == "" || d.CurrentContext != x.Name || x.Context.Cluster != c.Name || x.Context.User != u.Name || c.Name == "" || u.Name == "" {
		return c, u, refuse("current-context", "the current context does not join the one cluster with the one user")
	}
	return c, u, nil
}

func checkServer(server string, allowedHosts []string) (normal, host string, err error) {
	u, perr := url.Parse(server)
	if perr != nil || len(server) > 512 {
		return "", "", refuse("clusters[0].cluster.server", "the server is no URL")
	}
	switch {
	case u.Scheme != "https":
		return "", "", refuse("clusters[0].cluster.server", "the server is not reached by https")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" || strings.Trim(u.Path, "/") != "":
		return "", "", refuse("clusters[0].cluster.server", "the server has more than a scheme, a host and a port")
	case u.Port() != APIPort:
		return "", "", refuse("clusters[0].cluster.server", "the server's port is not %s", APIPort)
	}
	host = canonicalHost(u.Hostname())
	allowed := slices.ContainsFunc(allowedHosts, func(a string) bool { return a != "" && canonicalHost(a) == host })
	if host == "" || !allowed {
		return "", "", refuse("clusters[0].cluster.server", "the server's host is no address of this deployment").
			Do("name the control plane's public address, as the deployment's outputs do")
	}
	return "https://" + net.JoinHostPort(host, APIPort), host, nil
}

// canonicalHost makes two spellings of an address equal: case, a trailing dot,
// and the many forms of an IPv6 address. A zone is dropped to nothing, which
// equals no host.
func canonicalHost(h string) string {
	if a, err := netip.ParseAddr(h); err == nil {
		if a.Zone() != "" {
			return ""
		}
		return a.Unmap().String()
	}
	return strings.TrimSuffix(strings.ToLower(h), ".")
}

func checkCA(data string) ([]byte, error) {
	const path = "clusters[0].cluster.certificate-authority-data"
	certs, err := certificates(path, data)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, c := range certs {
		if !c.IsCA {
			return nil, refuse(path, "a certificate of the authority is not one of an authority")
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out, nil
}

func (k *Kubeconfig) checkUser(u userEntry) error {
	if u.User.Cert == "" && u.User.Key == "" && u.User.Token == "" {
		return refuse("users[0].user", "the user has neither a client certificate nor a token")
	}
	if u.User.Token != "" {
		if len(u.User.Token) > maxToken || strings.ContainsFunc(u.User.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return refuse("users[0].user.token", "the token is too long or is not of printable characters")
		}
		k.token = u.User.Token
	}
	if u.User.Cert == "" && u.User.Key == "" {
		return nil
	}
	const certPath, keyPath = "users[0].user.client-certificate-data", "users[0].user.client-key-data"
	certs, err := certificates(certPath, u.User.Cert)
	if err != nil {
		return err
	}
	key, err := base64.StdEncoding.DecodeString(u.User.Key)
	if err != nil {
		return refuse(keyPath, "the client key is not base64")
	}
	block, rest := pem.Decode(key)
	if block == nil || strings.TrimSpace(string(rest)) != "" || len(block.Headers) != 0 || !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		return refuse(keyPath, "the client key is not one PEM block with an unencrypted private key")
	}
	k.key = pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})
	for _, c := range certs {
		k.cert = append(k.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	if _, err := tls.X509KeyPair(k.cert, k.key); err != nil {
		return refuse(keyPath, "the client key does not belong to the client certificate")
	}
	return nil
}

// certificates reads base64 of PEM that holds certificates and nothing else.
func certificates(path, data string) ([]*x509.Certificate, error) {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil || len(raw) == 0 {
		return nil, refuse(path, "the certificate is missing or not base64")
	}
	var certs []*x509.Certificate
	for rest := raw; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if strings.TrimSpace(string(rest)) != "" {
				return nil, refuse(path, "there is something else than PEM certificates")
			}
			break
		}
		if block.Type != "CERTIFICATE" || len(certs) == maxCertificates {
			return nil, refuse(path, "there is another PEM block than at most %d certificates", maxCertificates)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, refuse(path, "a certificate cannot be read")
		}
		switch p := c.PublicKey.(type) {
		case *ecdsa.PublicKey, ed25519.PublicKey:
		case *rsa.PublicKey:
			// Verifying with a giant key is a way to burn our processor.
			if p.N.BitLen() < 2048 || p.N.BitLen() > 8192 {
				return nil, refuse(path, "an RSA key does not have 2048 to 8192 bits")
			}
		default:
			return nil, refuse(path, "a certificate has an unknown kind of key")
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, refuse(path, "there is no PEM certificate")
	}
	return certs, nil
}

// YAML is the rebuilt document, for keeping and for the person's own kubectl. It
// holds credentials: store it sealed, and never log it.
func (k *Kubeconfig) YAML() []byte {
	const name = "sovereign"
	d := document{
		APIVersion: "v1", Kind: "Config", CurrentContext: name,
		Clusters: make([]clusterEntry, 1), Contexts: make([]contextEntry, 1), Users: make([]userEntry, 1),
	}
	b64 := base64.StdEncoding.EncodeToString
	d.Clusters[0].Name, d.Clusters[0].Cluster.Server, d.Clusters[0].Cluster.CA = name, k.server, b64(k.ca)
	d.Contexts[0].Name, d.Contexts[0].Context.Cluster, d.Contexts[0].Context.User = name, name, name
	d.Users[0].Name, d.Users[0].User.Token = name, k.token
	if len(k.cert) > 0 {
		d.Users[0].User.Cert, d.Users[0].User.Key = b64(k.cert), b64(k.key)
	}
	out, err := yaml.Marshal(d)
	if err != nil {
		// Strings and slices of strings always encode.
		panic(err)
	}
	return out
}

// REST is a client-go configuration for the cluster. It names no proxy, so that
// none of the environment is used.
func (k *Kubeconfig) REST() *rest.Config {
	return &rest.Config{
		Host:               k.server,
		BearerToken:        k.token,
		TLSClientConfig:    rest.TLSClientConfig{CAData: k.ca, CertData: k.cert, KeyData: k.key},
		UserAgent:          "openova-sandbox",
		Timeout:            0, // a watch is long; each request is bounded by the server's timeout and ours
		Proxy:              noProxy,
		QPS:                20,
		Burst:              40,
		DisableCompression: false,
	}
}

func refuse(path, format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, format, args...).At(path)
}
