package rtsp

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph265"
	"github.com/pion/rtp"

	"dongyue/streams"
)

// video turns packets into access units.
type video struct {
	media  *description.Media
	forma  format.Format
	make   func() (decode, error) // a new decoder, without what the old one has begun
	decode decode
	to     streams.Sink
	taken  func(*rtp.Packet) time.Time // by the camera's own clock

	began bool
	seq   uint16 // of the newest packet
	ts    uint32
	open  bool // its unit goes on
	spoil bool // something of the unit that goes on is lost

	numbered  bool
	raw, last uint16 // the number of the newest packet that came, as the camera has it and as it is counted here

	// Some cameras never set the marker, and some set it on each slice of a picture.
	// The H.264 decoder knows the former; else each packet waits for the next one,
	// whose time tells whether the picture goes on.
	unmarked bool
	held     *rtp.Packet
	unit     uint32 // the time of the newest unit, if any
	units    bool
}

type decode func(*rtp.Packet) ([][]byte, error)

// findVideo takes the picture of a camera: H.264 where there is one, since every
// browser shows it.
func findVideo(desc *description.Session) (*video, streams.Description, error) {
	var four *format.H264
	var five *format.H265
	v, d := &video{}, streams.Description{}
	if v.media = desc.FindFormat(&four); v.media != nil {
		v.forma, d.Params = four, [][]byte{four.SPS, four.PPS} // as the SDP had them; later ones come in band
		v.make = func() (decode, error) {
			dec, err := four.CreateDecoder()
			return dec.Decode, err
		}
	} else if v.media = desc.FindFormat(&five); v.media != nil {
		v.forma, d.H265, d.Params = five, true, [][]byte{five.VPS, five.SPS, five.PPS}
		v.make = func() (decode, error) {
			dec, err := five.CreateDecoder()
			return dec.Decode, err
		}
	} else {
		return nil, d, fmt.Errorf("%w, but %s", streams.ErrNoVideo, offered(desc))
	}
	var err error
	v.decode, err = v.make()
	return v, d, err
}

// packet runs in the connection's goroutine, where a panic would end the
// process; whatever a packet does to the decoder costs only the picture.
func (v *video) packet(pkt *rtp.Packet) {
	defer func() {
		if r := recover(); r != nil {
			v.to.Lost(fmt.Errorf("packet could not be read: %v", r))
		}
	}()
	v.count(pkt)
	if _, five := v.forma.(*format.H265); five && !v.unmarked && v.open && pkt.Timestamp != v.ts {
		v.unmarked = true
		v.renew()
		v.to.Lost(errUnmarked)
	}
	if v.unmarked {
		pkt, v.held = v.held, pkt
		if pkt == nil {
			return
		}
		pkt.Marker = pkt.Timestamp != v.held.Timestamp
	}
	v.take(pkt)
}

// count numbers packets. Some cameras give all of them one number; nothing comes twice
// here, since TCP sees to that, and over UDP the library.
func (v *video) count(pkt *rtp.Packet) {
	step := pkt.SequenceNumber - v.raw
	if v.raw = pkt.SequenceNumber; v.numbered {
		pkt.SequenceNumber = v.last + max(step, 1)
	}
	v.last, v.numbered = pkt.SequenceNumber, true
}

// empty notes a packet without content, which some send as a sign of life (RFC 6263,
// 4.6). It is no loss.
func (v *video) empty(pkt *rtp.Packet) bool {
	if len(pkt.Payload) > 0 {
		return false
	}
	if v.began && pkt.SequenceNumber == v.seq+1 {
		v.seq++
	}
	return true
}

// pieces tells whether a unit is the rest of the picture before: the camera marks the
// end of each slice. From then on the time of a packet counts.
func (v *video) pieces(au [][]byte, ts uint32) bool {
	again := v.units && ts == v.unit && !v.unmarked
	v.unit, v.units = ts, true
	if !again {
		return false
	}
	if !slices.ContainsFunc(au, v.rest) {
		return false
	}
	v.unmarked = true
	v.renew()
	return true
}

// rest tells whether a NAL unit is a slice that does not begin a picture:
// first_mb_in_slice (H.264, 7.3.3), first_slice_segment_in_pic_flag (H.265, 7.3.6.1).
func (v *video) rest(n []byte) bool {
	if _, five := v.forma.(*format.H265); five {
		return len(n) > 2 && n[0]>>1&0x3f < 32 && n[2]&0x80 == 0
	}
	t := n[0] & 0x1f
	return len(n) > 1 && (t == 1 || t == 5) && n[1]&0x80 == 0
}

func (v *video) take(pkt *rtp.Packet) {
	if v.empty(pkt) {
		return
	}
	v.follow(pkt)
	au, err := v.decode(pkt)
	switch {
	case err == nil && !v.spoil:
		of := *pkt
		if v.open && pkt.Timestamp != v.ts { // the unit ended without a marker, so this packet begins the next one
			of.Timestamp = v.ts
		}
		if v.pieces(au, of.Timestamp) {
			v.to.Lost(errPieces)
			break
		}
		v.to.Unit(au, of.Timestamp, v.taken(&of))
	case err == nil,
		errors.Is(err, rtph264.ErrMorePacketsNeeded), errors.Is(err, rtph264.ErrNonStartingPacketAndNoPrevious),
		errors.Is(err, rtph265.ErrMorePacketsNeeded), errors.Is(err, rtph265.ErrNonStartingPacketAndNoPrevious):
	default:
		v.to.Lost(err)
	}
	v.began, v.seq, v.ts, v.open = true, pkt.SequenceNumber, pkt.Timestamp, !pkt.Marker
}

// follow notices packets that are missing. What remains of a unit with a hole is
// thrown away: decoders would show it, and so would the pictures after it.
func (v *video) follow(pkt *rtp.Packet) {
	same := v.open && pkt.Timestamp == v.ts
	if !same {
		v.spoil = false
	}
	if n := pkt.SequenceNumber - v.seq - 1; v.began && n != 0 {
		v.spoil = same
		v.renew()
		v.to.Lost(fmt.Errorf("%d packets lost", n))
	}
}

var (
	errUnmarked = errors.New("the camera does not mark the end of a picture")
	errPieces   = errors.New("the camera marks the end of each piece of a picture")
)

func (v *video) renew() {
	v.open = false
	if d, err := v.make(); err == nil {
		v.decode = d
	}
}
