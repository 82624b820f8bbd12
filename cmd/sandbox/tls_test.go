package main_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// serveUntil starts a service and reads what it says until a line matches. The
// service ends with the test.
func serveUntil(t *testing.T, last *regexp.Regexp, args ...string) (said string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(binaries, "sandbox"), append([]string{"serve", "--log-level", "warn"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	var b strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		b.WriteString(lines.Text() + "\n")
		if last.MatchString(lines.Text()) {
			return b.String()
		}
	}
	_ = cmd.Wait() // only now stderr is whole
	if strings.Contains(stderr.String(), "has no address in a network") {
		t.Skip("this machine has no address in a network")
	}
	t.Fatalf("it ended: %s%s", b.String(), stderr.String())
	return ""
}

// TestLAN: a phone opens the printed link by https, sees the certificate whose
// fingerprint was printed, and is signed in by a cookie that never goes over http.
func TestLAN(t *testing.T) {
	dir := home(t)
	half := regexp.MustCompile(`^  ([0-9A-F]{2}:){15}[0-9A-F]{2}$`)
	said := serveUntil(t, half, "--data-dir", dir, "--listen", "127.0.0.1:0", "--lan", "--lan-port", "0")
	link := regexp.MustCompile(`https://\S+/auth/link\?code=\S+`).FindString(said)
	print := strings.Join(strings.Fields(strings.Join(regexp.MustCompile(`(?m)^  ([0-9A-F]{2}:){15}[0-9A-F]{0,2}:?$`).FindAllString(said, -1), "")), "")
	if link == "" || len(print) != 95 || !strings.Contains(said, "▄") && !strings.Contains(said, "█") && !strings.Contains(said, "▀") {
		t.Fatalf("it says\n%s", said)
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
			sum := sha256.Sum256(s.PeerCertificates[0].Raw)
			if got := strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":"); got != print {
				return fmt.Errorf("the certificate is %s", got)
			}
			return nil
		}}},
	}
	res, err := client.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	given := 0
	for _, c := range res.Cookies() {
		if c.MaxAge >= 0 { // the others are taken back
			given++
		}
		if !c.Secure || !c.HttpOnly {
			t.Errorf("the cookie %s is open to scripts or to http", c.Name)
		}
	}
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/start" || given != 2 {
		t.Fatalf("the link answers %s to %q with %d cookies", res.Status, res.Header.Get("Location"), given)
	}
}
