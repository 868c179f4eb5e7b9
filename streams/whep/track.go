package whep

import (
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"dongyue/streams"
)

// track is the one video track of a session and the output of its reader.
type track struct {
	id    string
	codec func() streams.Codec // of the camera, as far as it is known
	rtcp  func([]rtcp.Packet) error

	mu   sync.Mutex
	hdr  rtp.Header
	to   webrtc.TrackLocalWriter
	ssrc uint32
}

// ID implements webrtc.TrackLocal.
func (t *track) ID() string { return "video" }

// RID implements webrtc.TrackLocal; there is no simulcast.
func (t *track) RID() string { return "" }

// StreamID implements webrtc.TrackLocal.
func (t *track) StreamID() string { return t.id }

// Kind implements webrtc.TrackLocal.
func (t *track) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeVideo }

// Bind implements webrtc.TrackLocal: of the payload types agreed it takes the one
// whose profile is the camera's, or the first. Browsers decode main and high
// under any of them.
func (t *track) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	var best *webrtc.RTPCodecParameters
	profile := t.codec().Profile
	for _, p := range c.CodecParameters() {
		if !strings.EqualFold(p.MimeType, webrtc.MimeTypeH264) || param(p.SDPFmtpLine, "packetization-mode") != "1" {
			continue
		}
		same := len(profile) >= 2 && strings.HasPrefix(param(p.SDPFmtpLine, "profile-level-id"), profile[:2])
		if best == nil || same {
			best = &p
		}
		if same {
			break
		}
	}
	if best == nil {
		return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ssrc, t.to = uint32(c.SSRC()), c.WriteStream()
	t.hdr = rtp.Header{Version: 2, PayloadType: uint8(best.PayloadType), SSRC: t.ssrc}
	return *best, nil
}

// Unbind implements webrtc.TrackLocal.
func (t *track) Unbind(webrtc.TrackLocalContext) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.to = nil
	return nil
}

// Packet implements streams.Output.
func (t *track) Packet(seq uint16, ts uint32, marker bool, payload []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.to == nil {
		return errLost
	}
	t.hdr.SequenceNumber, t.hdr.Timestamp, t.hdr.Marker = seq, ts, marker
	_, err := t.to.WriteRTP(&t.hdr, payload)
	return err
}

// Report implements streams.Output.
func (t *track) Report(at time.Time, ts, packets, octets uint32) error {
	return t.rtcp([]rtcp.Packet{&rtcp.SenderReport{
		SSRC: t.ssrc, NTPTime: ntp(at), RTPTime: ts, PacketCount: packets, OctetCount: octets,
	}})
}

// ntp is a time in the 64 bits of RFC 5905, seconds since 1900 and their fraction.
func ntp(t time.Time) uint64 {
	const from1900 = 2208988800
	sec, nano := uint64(t.Unix()+from1900), uint64(t.Nanosecond()) //nolint:gosec // after 1970
	return sec<<32 | nano<<32/1e9
}
