package voice

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

// The faults of a request that is not for the call's ICE session (RFC 9725, 4.3.1).
var (
	// ErrNoSession: it names none. By HTTP it is 428 (RFC 6585, 3).
	ErrNoSession = fault.New(fault.Conflict, "the request does not say which ICE session it is for").Do("send the call's ETag as If-Match, or * to begin another one")
	// ErrOtherSession: it names one that is not the call's, by HTTP 412.
	ErrOtherSession = fault.New(fault.Conflict, "the call has another ICE session by now").Do("begin another one, with If-Match: *")
)

// ETag is the entity tag of the call's ICE session, quoted: it changes with every
// restart.
func (c *Call) ETag() string {
	c.ice.Lock()
	defer c.ice.Unlock()
	return c.etag()
}

// etag is ETag; ice is held.
func (c *Call) etag() string { return strconv.Quote(c.ID[:16] + "-" + strconv.Itoa(c.restarts)) }

// matches reads an If-Match header (RFC 9110, 13.1.1). Tags are compared strongly.
// ice is held.
func (c *Call) matches(header string) error {
	if strings.TrimSpace(header) == "" {
		return ErrNoSession
	}
	for tag := range strings.SplitSeq(header, ",") {
		// RFC 9725 shows the star quoted, too.
		if tag = strings.TrimSpace(tag); tag == "*" || tag == `"*"` || tag == c.etag() {
			return nil
		}
	}
	return ErrOtherSession
}

// Patch takes what a page says of ICE after its offer: further candidates, or,
// with other credentials than before, a restart (RFC 9725, 4.3.2 and 4.3.3). A
// restart is answered with a fragment of the service's; candidates with nothing.
// ifMatch is the request's If-Match header. Faults: [ErrNoSession],
// [ErrOtherSession], [fault.Invalid] for what is no fragment, [fault.Conflict] when
// the call is ending; the session that there was goes on then.
func (c *Call) Patch(ctx context.Context, ifMatch, body string) (answer string, err error) {
	c.ice.Lock()
	defer c.ice.Unlock()
	if err := c.matches(ifMatch); err != nil {
		return "", err
	}
	f, err := parseFragment(body)
	if err != nil {
		return "", err
	}
	remote := c.pc.CurrentRemoteDescription()
	if c.ctx.Err() != nil || remote == nil {
		return "", fault.New(fault.Conflict, "the call is ending").Do("call again")
	}
	was, _, err := fragmentOf(remote)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "the call's offer cannot be read again")
	}
	if f.ufrag != was.ufrag || f.pwd != was.pwd {
		return c.restart(ctx, f, remote)
	}
	if c.candidates += len(f.candidates); c.candidates > mostCandidates {
		return "", fault.New(fault.Invalid, "there are more than %d candidates", mostCandidates).At("fragment")
	}
	for _, candidate := range f.candidates {
		// What cannot be used is left out without a word (RFC 9725, 4.3.2).
		if err := c.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: candidate}); err != nil {
			c.logger.Debug("a candidate is not usable", "call", c.ID)
		}
	}
	return "", nil
}

// restart begins another ICE session in the same call: encryption, media and what
// is being said go on. ice is held.
func (c *Call) restart(ctx context.Context, f fragment, was *webrtc.SessionDescription) (string, error) {
	offer, err := f.description(was)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "the call's offer cannot be read again")
	}
	if err := c.pc.SetRemoteDescription(offer); err != nil {
		return "", fault.Wrap(err, fault.Invalid, "the ICE session cannot be used").(*fault.Error).At("fragment")
	}
	c.restarts++
	c.candidates = len(f.candidates)
	answer, err := c.pc.CreateAnswer(nil)
	if err == nil {
		err = c.pc.SetLocalDescription(answer)
	}
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "the ICE session cannot be answered")
	}
	select {
	case <-webrtc.GatheringCompletePromise(c.pc):
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(gatherTime):
		return "", fault.New(fault.Unavailable, "this machine found no address for calls")
	}
	mine, d, err := fragmentOf(c.pc.LocalDescription())
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "the ICE session cannot be read")
	}
	c.logger.Info("a call goes on in another ICE session", "call", c.ID)
	return mine.text(d), nil
}
