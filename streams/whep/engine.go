package whep

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/transport/v5/packetio"
	"github.com/pion/webrtc/v4"

	"dongyue/streams/egress"
)

// bufferBytes is asked of the kernel for the one socket that all viewers share.
const bufferBytes = 4 << 20

// tcpPackets is how many packets of a viewer on TCP wait to be read. Each viewer has
// room for so many, on TCP or not (64 bytes each).
const tcpPackets = 8

// engine is WebRTC for the whole process: one port, one certificate, one set of codecs.
type engine struct {
	media *webrtc.MediaEngine
	set   webrtc.SettingEngine // each connection has a copy
	plain bool                 // send through the library
	cert  webrtc.Certificate
	addr  net.Addr
	conn  *egress.Conn
	bufs  *buffers
	udp   ice.UDPMux
	tcp   ice.TCPMux
}

func newEngine(ctx context.Context, addr string, plain bool, log *slog.Logger) (*engine, error) {
	udp, tcp, err := listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	e := &engine{addr: udp.LocalAddr(), plain: plain, bufs: newBuffers()}
	if e.conn, err = egress.NewConn(udp); err != nil {
		return nil, errors.Join(err, udp.Close(), tcp.Close())
	}
	lf := logs{log}
	e.udp = webrtc.NewICEUDPMux(lf.NewLogger("ice"), e.conn)
	e.tcp = webrtc.NewICETCPMux(lf.NewLogger("ice"), tcp, tcpPackets)
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
	e.media = &webrtc.MediaEngine{}
	for i, profile := range profiles() {
		err := e.media.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeH264, ClockRate: 90000,
				SDPFmtpLine:  "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profile + "1f",
				RTCPFeedback: feedback(),
			},
			PayloadType: webrtc.PayloadType(96 + i), //nolint:gosec // few
		}, webrtc.RTPCodecTypeVideo)
		if err != nil {
			return fmt.Errorf("whep: register codec: %w", err)
		}
	}
	if err := register(e.media); err != nil {
		return fmt.Errorf("whep: register codec: %w", err)
	}
	set := &e.set
	set.LoggerFactory = lf
	net, err := newInterfaces()
	if err != nil {
		return fmt.Errorf("whep: list network interfaces: %w", err)
	}
	set.SetNet(net)
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
	// ICE has proved the viewer's address, so the cookie of DTLS, which does the same
	// (RFC 6347, 4.2.1), would cost a round trip for nothing.
	set.SetDTLSInsecureSkipHelloVerify(true)
	return nil
}

// api is what makes one peer connection, and the tap of its keys; no tap where all is
// sent through the library, as to a viewer that can only be the DTLS server.
func (e *engine) api(offer string, inbox func(packetio.BufferPacketType, uint32) io.ReadWriteCloser) (*webrtc.API, *egress.Tap) {
	set := e.set
	set.BufferFactory = inbox
	var tap *egress.Tap
	switch {
	case containsLine(offer, "a=setup:passive"): // RFC 5763, 5
		_ = set.SetAnsweringDTLSRole(webrtc.DTLSRoleClient) // it is a role
	case !e.plain:
		tap = &egress.Tap{}
		tap.Install(&set)
	}
	// No interceptors: reports, NACK and PLI are the reader's, from the camera's cache.
	return webrtc.NewAPI(webrtc.WithSettingEngine(set), webrtc.WithMediaEngine(e.media), webrtc.WithInterceptorRegistry(&interceptor.Registry{})), tap
}

func (e *engine) close() error {
	if err := errors.Join(e.udp.Close(), e.tcp.Close()); err != nil {
		return fmt.Errorf("whep: close port: %w", err)
	}
	return nil
}

// listen opens the same port for UDP and TCP.
func listen(ctx context.Context, addr string) (*net.UDPConn, net.Listener, error) {
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
			u, ok := udp.(*net.UDPConn)
			if !ok {
				return nil, nil, errors.Join(fmt.Errorf("whep: listen on %s: got a %T", same, udp), udp.Close(), tcp.Close())
			}
			_ = u.SetReadBuffer(bufferBytes) // the kernel may grant less
			_ = u.SetWriteBuffer(bufferBytes)
			return u, tcp, nil
		}
		_ = tcp.Close()
		if port != "0" || try == 10 { // a free TCP port may be taken for UDP
			return nil, nil, fmt.Errorf("whep: listen on %s: %w", same, err)
		}
	}
}
