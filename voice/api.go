package voice

import (
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"github.com/openova-io/sandbox/conversation/fault"
)

// newAPI is WebRTC over the sockets that all calls share, with Opus and nothing else.
// What is in between is pion's usual, and then extra.
func newAPI(o Options, extra ...interceptor.Factory) (*webrtc.API, error) {
	var settings webrtc.SettingEngine
	networks := []webrtc.NetworkType{}
	if o.UDP != nil {
		settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, o.UDP))
		networks = append(networks, webrtc.NetworkTypeUDP4)
	}
	if o.TCP != nil {
		settings.SetICETCPMux(webrtc.NewICETCPMux(nil, o.TCP, 16))
		networks = append(networks, webrtc.NetworkTypeTCP4)
	}
	settings.SetNetworkTypes(networks)
	settings.SetIncludeLoopbackCandidate(o.Loopback)
	settings.DisableActiveTCP(true)
	settings.SetICETimeouts(5*time.Second, 40*time.Second, 2*time.Second)
	if len(o.PublicIPs) > 0 {
		if err := settings.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{External: o.PublicIPs, AsCandidateType: webrtc.ICECandidateTypeHost}); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "the public addresses of calls are not usable")
		}
	}
	// Opus alone (RFC 7874, 3): mono from us, with in-band correction of losses.
	engine, between := &webrtc.MediaEngine{}, &interceptor.Registry{}
	err := engine.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: spokenRate, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
	}}, webrtc.RTPCodecTypeAudio)
	if err == nil {
		err = webrtc.RegisterDefaultInterceptors(engine, between)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the codec of calls cannot be registered")
	}
	for _, f := range extra {
		between.Add(f)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(settings), webrtc.WithInterceptorRegistry(between)), nil
}
