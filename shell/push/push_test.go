package push_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/conversation/vault"
	"github.com/openova-io/sandbox/shell/push"
)

var base64url = base64.RawURLEncoding

// browser is what a browser keeps of a subscription.
type browser struct {
	key  *ecdh.PrivateKey
	auth []byte
}

func newBrowser(t *testing.T) browser {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	auth := make([]byte, 16)
	_, _ = rand.Read(auth)
	return browser{key, auth}
}

func (b browser) subscription(endpoint string) push.Subscription {
	return push.Subscription{Endpoint: endpoint, Device: "phone", Keys: push.Keys{
		P256dh: base64url.EncodeToString(b.key.PublicKey().Bytes()), Auth: base64url.EncodeToString(b.auth)}}
}

// open decrypts a message as a browser does (RFC 8188, section 2; RFC 8291,
// section 3.4).
func (b browser) open(body []byte) ([]byte, error) {
	if len(body) < 21 || len(body) < 21+int(body[20]) {
		return nil, errors.New("no header")
	}
	salt, size, id := body[:16], binary.BigEndian.Uint32(body[16:20]), body[21:21+int(body[20])]
	sealed := body[21+len(id):]
	if int(size) < len(sealed) {
		return nil, errors.New("more than a record")
	}
	server, err := ecdh.P256().NewPublicKey(id)
	if err != nil {
		return nil, err
	}
	shared, err := b.key.ECDH(server)
	if err != nil {
		return nil, err
	}
	info := "WebPush: info\x00" + string(b.key.PublicKey().Bytes()) + string(id)
	ikm, err := hkdf.Key(sha256.New, shared, b.auth, info, 32)
	if err != nil {
		return nil, err
	}
	key, _ := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: aes128gcm\x00", 16)
	nonce, _ := hkdf.Key(sha256.New, ikm, salt, "Content-Encoding: nonce\x00", 12)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, err
	}
	text := strings.TrimRight(string(plain), "\x00")
	return []byte(strings.TrimSuffix(text, "\x02")), nil // the last record's delimiter
}

// signed checks who a message is from (RFC 8292), and gives the claims.
func signed(t *testing.T, r *http.Request, public string) jwt.Claims {
	t.Helper()
	var token, key string
	for part := range strings.SplitSeq(strings.TrimPrefix(r.Header.Get("Authorization"), "vapid "), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			token = value
		case "k":
			key = value
		}
	}
	if strings.TrimRight(key, "=") != strings.TrimRight(public, "=") {
		t.Errorf("it is signed with %s, want %s", key, public)
	}
	point, err := base64url.DecodeString(strings.TrimRight(public, "="))
	if err != nil || len(point) != 65 {
		t.Fatalf("the key is %q, %v", public, err)
	}
	k := &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(point[1:33]), Y: new(big.Int).SetBytes(point[33:])}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var c jwt.Claims
	if err := parsed.Claims(k, &c); err != nil {
		t.Error(err)
	}
	return c
}

// sink is a push service.
type sink struct {
	*httptest.Server
	got    chan *http.Request // with the body read
	bodies chan []byte
	answer chan int // the next statuses; 201 when there is none
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{got: make(chan *http.Request, 9), bodies: make(chan []byte, 9), answer: make(chan int, 9)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		status := http.StatusCreated
		select {
		case status = <-s.answer:
		default:
		}
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "0")
		}
		w.WriteHeader(status)
		s.got <- r
		s.bodies <- body
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) next(t *testing.T) (*http.Request, []byte) {
	t.Helper()
	select {
	case r := <-s.got:
		return r, <-s.bodies
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was sent")
		return nil, nil
	}
}

// lines gives what is logged.
type lines chan string

func (l lines) Write(p []byte) (int, error) { l <- string(p); return len(p), nil }

func open(t *testing.T, keys push.Vault, inside ...string) *push.Push {
	t.Helper()
	return openLogging(t, keys, make(lines, 99), inside...)
}

func openLogging(t *testing.T, keys push.Vault, log lines, inside ...string) *push.Push {
	t.Helper()
	p, err := push.Open(t.Context(), push.Options{Vault: keys, Contact: "https://sandbox.example.com", Inside: inside, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func newVault(t *testing.T) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.TempDir(), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTell(t *testing.T) {
	t.Parallel()
	s, v, b := newSink(t), newVault(t), newBrowser(t)
	p := open(t, v, s.Listener.Addr().String())
	if _, err := p.Subscribe(t.Context(), "ann", b.subscription(s.URL+"/one")); err != nil {
		t.Fatal(err)
	}
	m := push.Message{Session: "0123456789abcdef01234567", Name: "The work", What: "waiting", Text: "Bash: rm -rf build", Card: "ask-1"}
	p.Tell("ann", m)
	r, body := s.next(t)
	if r.Header.Get("Content-Encoding") != "aes128gcm" || r.Header.Get("TTL") == "" || r.Header.Get("Urgency") != "high" || len(r.Header.Get("Topic")) != 24 {
		t.Errorf("it comes with %v", r.Header)
	}
	if c := signed(t, r, p.PublicKey()); c.Subject != "https://sandbox.example.com" || !c.Audience.Contains(s.URL) || c.Expiry.Time().After(time.Now().Add(24*time.Hour)) {
		t.Errorf("it is signed as %+v", c)
	}
	plain, err := b.open(body)
	if err != nil {
		t.Fatal(err)
	}
	var got push.Message
	if err := json.Unmarshal(plain, &got); err != nil || got != m {
		t.Errorf("it says %s, %v", plain, err)
	}
	if strings.Contains(string(body), "rm -rf") {
		t.Error("the push service can read it")
	}

	// The same key and devices after a restart; nobody else's.
	again := open(t, v, s.Listener.Addr().String())
	if again.PublicKey() != p.PublicKey() {
		t.Error("another key after a restart")
	}
	again.Tell("bob", m)
	s.answer <- http.StatusTooManyRequests // it is tried again
	again.Tell("ann", m)
	s.next(t)
	s.next(t)

	// A subscription that has ended is forgotten.
	s.answer <- http.StatusGone
	again.Tell("ann", m)
	s.next(t)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		all, err := p.Subscriptions(t.Context(), "ann")
		if err == nil && len(all) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("there are %d devices, %v", len(all), err)
		}
	}
	again.Close()
	select {
	case r := <-s.got:
		t.Errorf("another message to %s", r.URL)
	default:
	}
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	p := open(t, newVault(t))
	ctx := context.Background()
	good := newBrowser(t).subscription("https://push.example.net/x")
	for what, bad := range map[string]func(*push.Subscription){
		"no address":                func(s *push.Subscription) { s.Endpoint = "push" },
		"no TLS":                    func(s *push.Subscription) { s.Endpoint = "http://push.example.net/x" },
		"this machine":              func(s *push.Subscription) { s.Endpoint = "https://127.0.0.1/x" },
		"the metadata of a cloud":   func(s *push.Subscription) { s.Endpoint = "https://169.254.169.254/x" },
		"a private address":         func(s *push.Subscription) { s.Endpoint = "https://[fd00::1]/x" },
		"a name and a password":     func(s *push.Subscription) { s.Endpoint = "https://a:b@push.example.net/x" },
		"an endless address":        func(s *push.Subscription) { s.Endpoint = "https://push.example.net/" + strings.Repeat("x", 2000) },
		"a key that is none":        func(s *push.Subscription) { s.Keys.P256dh = base64url.EncodeToString(make([]byte, 65)) },
		"a key in another alphabet": func(s *push.Subscription) { s.Keys.P256dh = "??" },
		"a short secret":            func(s *push.Subscription) { s.Keys.Auth = "AAAA" },
		"a long name":               func(s *push.Subscription) { s.Device = strings.Repeat("x", 81) },
	} {
		s := good
		bad(&s)
		if _, err := p.Subscribe(ctx, "ann", s); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	made, err := p.Subscribe(ctx, "ann", good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Subscribe(ctx, "ann", good); err != nil {
		t.Fatal(err)
	}
	if all, _ := p.Subscriptions(ctx, "ann"); len(all) != 1 {
		t.Errorf("the same browser is there %d times", len(all))
	}
	if err := p.Unsubscribe(ctx, "bob", made.ID); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("somebody else's device: %v", err)
	}
	if err := p.Unsubscribe(ctx, "ann", made.ID); err != nil {
		t.Error(err)
	}
	for i := range 30 {
		s := newBrowser(t).subscription("https://push.example.net/" + strings.Repeat("x", i))
		if _, err := p.Subscribe(ctx, "ann", s); err != nil {
			t.Fatal(err)
		}
	}
	if all, _ := p.Subscriptions(ctx, "ann"); len(all) != 20 || !strings.HasSuffix(all[19].Endpoint, strings.Repeat("x", 29)) {
		t.Errorf("there are %d devices", len(all))
	}
	if err := p.Forget(ctx, "ann"); err != nil {
		t.Error(err)
	}
	if all, _ := p.Subscriptions(ctx, "ann"); len(all) != 0 {
		t.Errorf("there are %d devices of who was forgotten", len(all))
	}
}

// TestNameOfTheInside: a name that leads to this machine is not dialled, unless it is
// listed.
func TestNameOfTheInside(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled := make(chan bool, 9)
	go func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
			dialled <- true
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	at := "localhost:" + port
	log := make(lines, 9)
	refusing, listed := openLogging(t, newVault(t), log), open(t, newVault(t), at)
	for _, p := range []*push.Push{refusing, listed} {
		if _, err := p.Subscribe(t.Context(), "ann", newBrowser(t).subscription("https://"+at+"/x")); err != nil {
			t.Fatal(err) // what a name leads to is known when it is dialled
		}
	}
	refusing.Tell("ann", push.Message{Session: "s", What: "failed"})
	select {
	case <-dialled:
		t.Error("it was dialled")
	case said := <-log:
		if !strings.Contains(said, "was not told") {
			t.Errorf("it says %s", said)
		}
	case <-time.After(20 * time.Second):
		t.Error("it is still tried")
	}
	listed.Tell("ann", push.Message{Session: "s", What: "failed"})
	select {
	case <-dialled:
	case <-time.After(20 * time.Second):
		t.Error("what is listed was not dialled")
	}
}
