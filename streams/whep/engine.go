package whep

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

// bufferBytes is asked of the kernel for the one socket that all viewers share.
const bufferBytes = 4 << 20

// engine is WebRTC for the whole process: one port, one certificate, one API.
type engine struct {
	api  *webrtc.API
	cert webrtc.Certificate
	addr net.Addr
	udp  ice.UDPMux
	tcp  ice.TCPMux
}

func newEngine(ctx context.Context, addr string, log *slog.Logger) (*engine, error) {
	udp, tcp, err := listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	e := &engine{addr: udp.LocalAddr()}
	lf := logs{log}
	e.udp = webrtc.NewICEUDPMux(lf.NewLogger("ice"), udp)
	e.tcp = webrtc.NewICETCPMux(lf.NewLogger("ice"), tcp, 64)
	if err := e.build(lf); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *engine) build(lf logs) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("whep: make key: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return fmt.Errorf("whep: make certificate: %w", err)
	}
	e.cert = *cert
	media := &webrtc.MediaEngine{}
	for i, profile := range profiles() {
		err := media.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
				SDPFmtpLine:  "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profile + "1f",
				RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}},
			},
			PayloadType: webrtc.PayloadType(96 + i), //nolint:gosec // few
		}, webrtc.RTPCodecTypeVideo)
		if err != nil {
			return fmt.Errorf("whep: register codec: %w", err)
		}
	}
	set := webrtc.SettingEngine{LoggerFactory: lf}
	set.SetICEUDPMux(e.udp)
	set.SetICETCPMux(e.tcp)
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	set.SetIncludeLoopbackCandidate(true)
	set.DisableActiveTCP(true)
	// A short hole in the network is no reason to hang up: 5 s until "disconnected",
	// which is only noted, 25 s until "failed".
	set.SetICETimeouts(5*time.Second, 25*time.Second, 2*time.Second)
	// As DTLS server we choose the SRTP profile, and GCM costs a sixth of the other.
	if err := set.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
		return fmt.Errorf("whep: set role: %w", err)
	}
	set.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	set.SetDTLSRetransmissionInterval(100 * time.Millisecond)
	// No interceptors: reports, NACK and PLI are the reader's, from the camera's cache.
	e.api = webrtc.NewAPI(webrtc.WithSettingEngine(set), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	return nil
}

func (e *engine) close() error {
	if err := errors.Join(e.udp.Close(), e.tcp.Close()); err != nil {
		return fmt.Errorf("whep: close port: %w", err)
	}
	return nil
}

// listen opens the same port for UDP and TCP.
func listen(ctx context.Context, addr string) (net.PacketConn, net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, fmt.Errorf("whep: address %q: %w", addr, err)
	}
	family := "" // both
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.To4() != nil {
		family = "4"
	}
	var lc net.ListenConfig
	for try := 0; ; try++ {
		tcp, err := lc.Listen(ctx, "tcp"+family, addr)
		if err != nil {
			return nil, nil, fmt.Errorf("whep: listen on %s: %w", addr, err)
		}
		same := addr
		if a, ok := tcp.Addr().(*net.TCPAddr); ok {
			same = net.JoinHostPort(host, strconv.Itoa(a.Port))
		}
		udp, err := lc.ListenPacket(ctx, "udp"+family, same)
		if err == nil {
			if u, ok := udp.(*net.UDPConn); ok {
				_ = u.SetReadBuffer(bufferBytes) // the kernel may grant less
				_ = u.SetWriteBuffer(bufferBytes)
			}
			return udp, tcp, nil
		}
		_ = tcp.Close()
		if port != "0" || try == 10 { // a free TCP port may be taken for UDP
			return nil, nil, fmt.Errorf("whep: listen on %s: %w", same, err)
		}
	}
}
