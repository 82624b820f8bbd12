package push

import (
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"

	"github.com/openova-io/sandbox/conversation/fault"
	"github.com/openova-io/sandbox/shell/hold"
)

const (
	// maxSubscriptions bounds those of a person; the oldest goes for a new one.
	maxSubscriptions = 20
	maxEndpoint      = 1000
	maxDevice        = 80
	// maxMessage is what every push service takes (RFC 8030, section 7.2), less what
	// encryption adds.
	maxMessage = 3000
	// matters is how long a push service keeps a message for a device that is away.
	matters = 12 * time.Hour
	// tries are how often a message is sent, and pause the time before the second.
	tries = 4
	pause = 2 * time.Second
	// atOnce bounds the messages that are being sent.
	atOnce = 16

	keyOwner       = "push"
	keyPurpose     = "vapid"
	subscriptionOf = "push-subscriptions"
)

// Vault keeps secrets: the service's key by an owner of its own, and subscriptions
// by their person.
type Vault interface {
	Put(ctx context.Context, owner, purpose string, value []byte) error
	Reveal(ctx context.Context, owner, purpose string) ([]byte, error)
	Delete(ctx context.Context, owner, purpose string) error
}

// Options are the parts of a Push.
type Options struct {
	Vault Vault
	// Contact is who answers for the service: an https address, or one of e-mail
	// (RFC 8292, section 2.1).
	Contact string
	// Inside are addresses with a port, as 127.0.0.1:9000, of push services on this
	// machine or its network; they are also taken without TLS.
	Inside []string
	Logger *slog.Logger
}

// Subscription is a browser that wants to be told (the Push API's
// PushSubscription).
type Subscription struct {
	// ID names it; it is made from the endpoint.
	ID       string `json:"id"`
	Endpoint string `json:"endpoint"`
	Keys     Keys   `json:"keys"`
	// Device is what the person calls it, at most 80 characters.
	Device    string    `json:"device"`
	CreatedAt time.Time `json:"createdAt"`
}

// Keys are the browser's, in base64url.
type Keys struct {
	// P256dh is a point of P-256, uncompressed; Auth are 16 bytes.
	P256dh string `json:"p256dh"`
	Auth   string `json:"auth"`
}

// Message is what a device is told.
type Message struct {
	// Session and Name are the session's.
	Session string `json:"session"`
	Name    string `json:"name"`
	// What is waiting, finished or failed.
	What string `json:"what"`
	// Text is a line: what is asked, or how it ended.
	Text string `json:"text"`
	// Card is the permission card that waits for an answer; empty for none.
	Card string `json:"card,omitempty"`
}

// Push sends messages. It is safe for concurrent use.
type Push struct {
	o      Options
	key    vapid
	client *http.Client
	room   chan struct{}

	mu sync.Mutex // of changes of a person's subscriptions
	wg sync.WaitGroup

	ctx    context.Context
	cancel context.CancelFunc
}

// vapid is the service's key pair, in base64url.
type vapid struct {
	Private string `json:"private"`
	Public  string `json:"public"`
}

// Open readies a Push; the key is made at the first start.
func Open(ctx context.Context, o Options) (*Push, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Push{o: o, room: make(chan struct{}, atOnce)}
	raw, err := o.Vault.Reveal(ctx, keyOwner, keyPurpose)
	if fault.CodeOf(err) == fault.NotFound {
		if p.key.Private, p.key.Public, err = webpush.GenerateVAPIDKeys(); err == nil {
			raw, _ = json.Marshal(p.key)
			err = o.Vault.Put(ctx, keyOwner, keyPurpose, raw)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &p.key); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the key for notifications is damaged")
	}
	p.client = &http.Client{
		Timeout: 30 * time.Second,
		// A push service does not send its callers elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DialContext: p.dial, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// Close gives up what is being sent, and waits.
func (p *Push) Close() {
	p.cancel()
	p.wg.Wait()
}

// PublicKey is what browsers subscribe with: a point of P-256 in base64url.
func (p *Push) PublicKey() string { return p.key.Public }

// dial refuses addresses of the inside, after the name was resolved.
func (p *Push) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if !slices.Contains(p.o.Inside, address) {
		d.Control = func(_, to string, _ syscall.RawConn) error {
			if a, err := netip.ParseAddrPort(to); err != nil || hold.Inward(a.Addr()) {
				return errInside
			}
			return nil
		}
	}
	return d.DialContext(ctx, network, address)
}

// errInside never gets better.
var errInside = errors.New("the address is of this machine or its network")

// check finds everything that is wrong with a subscription.
func (p *Push) check(s Subscription) error {
	var v []fault.Violation
	bad := func(path, rule, message string) {
		v = append(v, fault.Violation{Path: path, Rule: rule, Message: message})
	}
	u, err := url.Parse(s.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.User != nil || len(s.Endpoint) > maxEndpoint:
		bad("endpoint", "address", "This is no address of a push service.")
	case u.Scheme != "https" && !slices.Contains(p.o.Inside, u.Host):
		bad("endpoint", "https", "A push service is reached by https.")
	default:
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && hold.Inward(a) && !slices.Contains(p.o.Inside, u.Host) {
			bad("endpoint", "inside", "The address is of this machine or its network.")
		}
	}
	decode := base64.RawURLEncoding.DecodeString
	if point, err := decode(s.Keys.P256dh); err != nil {
		bad("keys.p256dh", "key", "The key is not in base64url.")
	} else if _, err := ecdh.P256().NewPublicKey(point); err != nil {
		bad("keys.p256dh", "key", "The key is no point of P-256.")
	}
	if auth, err := decode(s.Keys.Auth); err != nil || len(auth) != 16 {
		bad("keys.auth", "key", "The secret is not 16 bytes in base64url.")
	}
	if len([]rune(s.Device)) > maxDevice {
		bad("device", "length", "A device's name has at most 80 characters.")
	}
	return fault.Violated("the subscription", v)
}

// Subscribe keeps a subscription of a person, in place of one for the same endpoint.
func (p *Push) Subscribe(ctx context.Context, person string, s Subscription) (Subscription, error) {
	if err := p.check(s); err != nil {
		return s, err
	}
	sum := sha256.Sum256([]byte(s.Endpoint))
	s.ID, s.CreatedAt, s.Device = hex.EncodeToString(sum[:12]), time.Now().UTC().Truncate(time.Second), hold.CleanTitle(s.Device)
	return s, p.change(ctx, person, func(all []Subscription) []Subscription {
		all = append(slices.DeleteFunc(all, func(x Subscription) bool { return x.ID == s.ID }), s)
		return all[max(len(all)-maxSubscriptions, 0):]
	})
}

// Subscriptions gives a person's, the oldest first.
func (p *Push) Subscriptions(ctx context.Context, person string) ([]Subscription, error) {
	raw, err := p.o.Vault.Reveal(ctx, person, subscriptionOf)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Subscription
	return all, fault.Wrap(json.Unmarshal(raw, &all), fault.Internal, "the subscriptions are damaged")
}

// Unsubscribe forgets a subscription of a person. One that there is not is a
// [fault.NotFound] fault.
func (p *Push) Unsubscribe(ctx context.Context, person, id string) error {
	found := false
	err := p.change(ctx, person, func(all []Subscription) []Subscription {
		return slices.DeleteFunc(all, func(x Subscription) bool { found = found || x.ID == id; return x.ID == id })
	})
	if err == nil && !found {
		return fault.New(fault.NotFound, "this device is not told of anything")
	}
	return err
}

// Forget forgets all devices of a person.
func (p *Push) Forget(ctx context.Context, person string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.o.Vault.Delete(ctx, person, subscriptionOf); err != nil && fault.CodeOf(err) != fault.NotFound {
		return err
	}
	return nil
}

func (p *Push) change(ctx context.Context, person string, f func([]Subscription) []Subscription) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	all, err := p.Subscriptions(ctx, person)
	if err != nil {
		return err
	}
	all = f(all)
	if all == nil {
		all = []Subscription{}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return p.o.Vault.Put(ctx, person, subscriptionOf, raw)
}

// Tell sends a message to all devices of a person, in the background.
func (p *Push) Tell(person string, m Message) {
	m.Text, m.Name = cut(m.Text, 300), cut(m.Name, 80)
	raw, err := json.Marshal(m)
	if err != nil || len(raw) > maxMessage {
		p.o.Logger.Error("a notification cannot be written", slog.String("session", m.Session))
		return
	}
	p.wg.Go(func() {
		all, err := p.Subscriptions(p.ctx, person)
		if err != nil {
			p.o.Logger.Error("the devices of a person cannot be read", slog.String("error", err.Error()))
			return
		}
		for _, s := range all {
			select {
			case p.room <- struct{}{}:
			case <-p.ctx.Done():
				return
			}
			p.wg.Go(func() {
				defer func() { <-p.room }()
				p.send(person, s, raw, m)
			})
		}
	})
}

// send tries until the push service has taken the message or never will.
func (p *Push) send(person string, s Subscription, raw []byte, m Message) {
	urgency := webpush.UrgencyNormal
	if m.Card != "" {
		urgency = webpush.UrgencyHigh // somebody waits
	}
	wait := pause
	for try := 1; ; try++ {
		answer, err := webpush.SendNotificationWithContext(p.ctx, raw, &webpush.Subscription{Endpoint: s.Endpoint, Keys: webpush.Keys{P256dh: s.Keys.P256dh, Auth: s.Keys.Auth}},
			&webpush.Options{HTTPClient: p.client, Subscriber: p.o.Contact, VAPIDPublicKey: p.key.Public, VAPIDPrivateKey: p.key.Private,
				TTL: int(matters.Seconds()), Urgency: urgency, Topic: topic(m.Session)})
		status := 0
		if err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
			answer.Body.Close()
			status = answer.StatusCode
		}
		switch {
		case status == http.StatusNotFound || status == http.StatusGone: // RFC 8030, section 7.3
			_ = p.Unsubscribe(context.WithoutCancel(p.ctx), person, s.ID)
			return
		case status/100 == 2 || p.ctx.Err() != nil:
			return
		case status != 0 && status != http.StatusTooManyRequests && status/100 != 5, errors.Is(err, errInside), try == tries:
			p.o.Logger.Warn("a device was not told", slog.String("subscription", s.ID), slog.Int("status", status))
			return
		}
		if status != 0 {
			if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds >= 0 {
				wait = min(time.Duration(seconds)*time.Second, 5*time.Minute)
			}
		}
		select {
		case <-time.After(wait):
			wait *= 4
		case <-p.ctx.Done():
			return
		}
	}
}

// topic replaces an older message of the session that a device has not had yet: at
// most 32 characters of base64url (RFC 8030, section 5.4).
func topic(session string) string {
	sum := sha256.Sum256([]byte(session))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
