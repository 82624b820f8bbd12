package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"

	"github.com/mdp/qrterminal/v3"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/web"
	"github.com/openova-io/sandbox/web/certificate"
)

// encrypted tells whether the web server itself answers by https.
func encrypted(c *config) bool { return c.TLSCert != "" || c.ACMEHosts != "" }

// tlsConfig is what the web server's certificate comes from; nil: it answers by
// http, for this machine or behind a proxy.
func tlsConfig(c *config, logger *slog.Logger) (*tls.Config, error) {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return nil, fault.New(fault.Invalid, "--tls-cert and --tls-key go together")
	case c.TLSCert != "" && c.ACMEHosts != "":
		return nil, fault.New(fault.Invalid, "the certificate is either in files (--tls-cert) or asked for (--acme-hosts)")
	case c.TLSCert != "":
		return certificate.Files(c.TLSCert, c.TLSKey, logger)
	case c.ACMEHosts != "":
		return certificate.ACME(certificate.ACMEOptions{
			Hosts: list(c.ACMEHosts), Dir: filepath.Join(c.DataDir, "tls", "acme"), Email: c.ACMEEmail, Directory: c.ACMEDirectory, RootsFile: c.ACMERoots,
		})
	}
	return nil, nil
}

// lan is the service's second address, for phones in the same network.
type lan struct {
	web.Listener
	url, host, fingerprint string
}

// openLAN answers by https at this machine's address in its network. Calls go
// there too, unless they have an address of their own.
func openLAN(c *config) (*lan, error) {
	if !c.LAN {
		return nil, nil
	}
	host, err := lanAddress()
	if err != nil {
		return nil, err
	}
	config, fingerprint, err := certificate.Own(filepath.Join(c.DataDir, "tls"), []string{host, "localhost"})
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(host, c.LANPort)
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "the address %s cannot be listened on (%v)", address, err).Do("Name another port with --lan-port.")
	}
	if c.CallListen == defaultCallListen {
		c.CallListen = net.JoinHostPort(host, "0")
	}
	return &lan{Listener: web.Listener{Listener: l, TLS: config}, url: "https://" + l.Addr().String(), host: host, fingerprint: fingerprint}, nil
}

// lanAddress is this machine's address in the network that it reaches others by.
// Nothing is sent to find it.
func lanAddress() (string, error) {
	none := fault.New(fault.Unavailable, "this machine has no address in a network, for --lan").Do("Connect it to the network that the phone is in.")
	conn, err := net.Dial("udp4", "192.0.2.1:9") // an address that is nobody's, RFC 5737
	if err == nil {
		defer conn.Close()
		if a := conn.LocalAddr().(*net.UDPAddr).IP; !a.IsLoopback() && !a.IsUnspecified() {
			return a.String(), nil
		}
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return "", none
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String(), nil
		}
	}
	return "", none
}

// greet shows the phone the way in.
func (l *lan) greet(w io.Writer, code string) {
	link := l.url + "/auth/link?code=" + code
	fmt.Fprintf(w, "  From a phone in the same network, once:\n  %s\n\n", link)
	qrterminal.GenerateWithConfig(link, qrterminal.Config{
		Level: qrterminal.M, Writer: w, HalfBlocks: true, QuietZone: 2,
		BlackChar: qrterminal.BLACK_BLACK, WhiteChar: qrterminal.WHITE_WHITE, BlackWhiteChar: qrterminal.BLACK_WHITE, WhiteBlackChar: qrterminal.WHITE_BLACK,
	})
	fmt.Fprintf(w, "\n  The phone asks whether to trust the certificate, since this machine made it itself.\n  Compare its SHA-256 fingerprint:\n  %s\n  %s\n\n", l.fingerprint[:48], l.fingerprint[48:])
}
