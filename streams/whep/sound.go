package whep

import (
	mrand "math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"dongyue/streams"
)

// ear is the sound of a session: its second track, and the output of its reader.
type ear struct {
	id     string
	mime   string
	reader *streams.SoundReader
	rtcp   func([]rtcp.Packet) error

	mu   sync.Mutex
	hdr  rtp.Header
	to   webrtc.TrackLocalWriter
	ssrc uint32
}

// mimeOf is what WebRTC calls a coding of sound; "" for what it does not know.
func mimeOf(sound string) string {
	switch sound {
	case streams.PCMA:
		return webrtc.MimeTypePCMA
	case streams.PCMU:
		return webrtc.MimeTypePCMU
	case streams.Opus:
		return webrtc.MimeTypeOpus
	}
	return ""
}

// hears tells whether an offer takes a coding of sound.
func hears(offer []byte, mime string) bool {
	var d sdp.SessionDescription
	if mime == "" || d.Unmarshal(offer) != nil {
		return false
	}
	name := strings.ToUpper(strings.TrimPrefix(mime, "audio/")) + "/"
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media != "audio" || !receives(m) {
			continue
		}
		for _, a := range m.Attributes {
			if _, codec, _ := strings.Cut(a.Value, " "); a.Key == "rtpmap" && strings.HasPrefix(strings.ToUpper(codec), name) {
				return true
			}
		}
	}
	return false
}

// listenTo adds the camera's sound to a session whose offer takes it.
func (x *session) listenTo(offer []byte) {
	lease := x.tiles[0].shown
	sound := lease.Codec().Audio
	if mime := mimeOf(sound); hears(offer, mime) {
		x.ear = &ear{id: x.name, mime: mime}
		x.ear.reader = streams.NewSoundReader(lease.Stream, x.ear, sound, uint16(mrand.Uint32())) //nolint:gosec // SRTP keeps it secret
	}
}

// join adds the track to the connection.
func (e *ear) join(pc *webrtc.PeerConnection) error {
	e.rtcp = pc.WriteRTCP
	_, err := pc.AddTransceiverFromTrack(e, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	return err
}

// ID implements webrtc.TrackLocal.
func (e *ear) ID() string { return "audio" }

// RID implements webrtc.TrackLocal.
func (e *ear) RID() string { return "" }

// StreamID implements webrtc.TrackLocal: the picture's, so that browsers keep them together.
func (e *ear) StreamID() string { return e.id }

// Kind implements webrtc.TrackLocal.
func (e *ear) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeAudio }

// Bind implements webrtc.TrackLocal.
func (e *ear) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	for _, p := range c.CodecParameters() {
		if strings.EqualFold(p.MimeType, e.mime) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.ssrc, e.to = uint32(c.SSRC()), c.WriteStream()
			e.hdr = rtp.Header{Version: 2, PayloadType: uint8(p.PayloadType), SSRC: e.ssrc}
			return p, nil
		}
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind implements webrtc.TrackLocal.
func (e *ear) Unbind(webrtc.TrackLocalContext) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.to = nil
	return nil
}

// Send implements streams.Output.
func (e *ear) Send(number uint64, ts uint32, payloads [][]byte, marker bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.to == nil {
		return errLost
	}
	for i, b := range payloads {
		e.hdr.SequenceNumber, e.hdr.Timestamp, e.hdr.Marker = uint16(number)+uint16(i), ts, marker //nolint:gosec // modulo 2^16 is meant
		if _, err := e.to.WriteRTP(&e.hdr, b); err != nil {
			return err
		}
	}
	return nil
}

// Report implements streams.Output.
func (e *ear) Report(at time.Time, ts, packets, octets uint32) error {
	return e.rtcp([]rtcp.Packet{&rtcp.SenderReport{
		SSRC: e.ssrc, NTPTime: ntp(at), RTPTime: ts, PacketCount: packets, OctetCount: octets,
	}})
}
