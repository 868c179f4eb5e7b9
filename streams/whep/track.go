package whep

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"dongyue/streams"
)

// track is the video track of a tile and the output of its reader.
type track struct {
	id    string
	codec func() streams.Codec // of the camera, as far as it is known
	rtcp  func([]rtcp.Packet) error

	mu   sync.Mutex
	hdr  rtp.Header // as agreed; written before anything is sent
	to   webrtc.TrackLocalWriter
	past *past // set before anything is sent, or nil
	ssrc uint32

	// Payload types, from which packet on each; the last one counts for what is sent
	// next. What is sent again goes out as it went before: RFC 3550, 5.1, and one
	// packet under one key must not come in two forms (RFC 3711, 9.1).
	types []typed
	next  uint64 // the highest packet so far, and one

	agreed []webrtc.RTPCodecParameters
}

// typed is a payload type from a packet on.
type typed struct {
	from uint64
	as   uint8
}

// maxTypes is how many changes are remembered: far more than lie within what is kept
// to be sent again.
const maxTypes = 16

// ID implements webrtc.TrackLocal.
func (t *track) ID() string { return "video-" + t.id }

// RID implements webrtc.TrackLocal; there is no simulcast.
func (t *track) RID() string { return "" }

// StreamID implements webrtc.TrackLocal.
func (t *track) StreamID() string { return t.id }

// Kind implements webrtc.TrackLocal.
func (t *track) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeVideo }

// Bind implements webrtc.TrackLocal.
func (t *track) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	best := pick(t.codec(), c.CodecParameters())
	if best == nil {
		return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ssrc, t.to, t.agreed = uint32(c.SSRC()), c.WriteStream(), slices.Clone(c.CodecParameters())
	t.hdr = rtp.Header{Version: 2, PayloadType: uint8(best.PayloadType), SSRC: t.ssrc}
	return *best, nil
}

// use changes to another coding, of which the viewer has taken all that he is sent.
// The goroutine that sends calls it.
func (t *track) use(c streams.Codec) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := pick(c, t.agreed); p != nil {
		t.hdr.PayloadType = uint8(p.PayloadType)
	}
}

// typeOf is the payload type of packets from a number on; ok is false for those of which
// nobody knows any more what they were. Hold t.mu.
func (t *track) typeOf(number uint64, n int) (as uint8, ok bool) {
	if number >= t.next {
		t.next = number + uint64(n) //nolint:gosec // not negative
		if k := len(t.types); k == 0 || t.types[k-1].as != t.hdr.PayloadType {
			t.types = append(t.types, typed{number, t.hdr.PayloadType})
			t.types = t.types[max(0, len(t.types)-maxTypes):]
		}
	}
	for _, x := range slices.Backward(t.types) {
		if number >= x.from {
			return x.as, true
		}
	}
	return 0, false
}

// Unbind implements webrtc.TrackLocal.
func (t *track) Unbind(webrtc.TrackLocalContext) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.to = nil
	return nil
}

// source is the SSRC, 0 before it is agreed.
func (t *track) source() uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ssrc
}

// take has everything sent past the library.
func (t *track) take(p *past) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.past = p
}

// Send implements streams.Output: past the library when there are keys, else through it.
func (t *track) Send(number uint64, ts uint32, payloads [][]byte, end bool) error {
	t.mu.Lock()
	to, past, h := t.to, t.past, t.hdr
	as, known := t.typeOf(number, len(payloads))
	t.mu.Unlock()
	switch {
	case to == nil:
		return errLost
	case !known:
		return nil
	}
	h.PayloadType, h.Timestamp = as, ts
	if past != nil {
		return past.send(&h, number, payloads, end)
	}
	for i, b := range payloads {
		h.SequenceNumber, h.Marker = uint16(number)+uint16(i), end && i == len(payloads)-1 //nolint:gosec // modulo 2^16 is meant
		if _, err := to.WriteRTP(&h, b); err != nil {
			return err
		}
	}
	return nil
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
