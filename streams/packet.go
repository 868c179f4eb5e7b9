package streams

import (
	"errors"
	"fmt"
	"time"
)

// MaxPayload is the longest RTP payload made: 1,280 (the smallest IPv6 MTU) less
// 40 IP, 8 UDP, 12 RTP and 16 SRTP tag, with room for a header extension.
const MaxPayload = 1188

// Limits of one access unit; a camera that exceeds them is damaged or hostile.
const (
	maxUnitBytes = 4 << 20
	maxUnitNALs  = 256
)

// NAL unit types (H.264 table 7-1, RFC 6184 5.2).
const (
	nalSlice = 1
	nalIDR   = 5
	nalSEI   = 6
	nalSPS   = 7
	nalPPS   = 8
	nalSTAPA = 24
	nalFUA   = 28
)

// Frame is one access unit as RTP payloads. It is made once per camera, shared by
// all readers and never changed.
type Frame struct {
	H265     bool      // H.264 otherwise
	Key      bool      // a picture that needs no other, with its parameter sets in front: a reader may begin here
	Spare    bool      // no other picture refers to it (nal_ref_idc 0, H.264 7.4.1)
	TS       uint32    // 90 kHz, on the stream's own clock, which goes on over reconnections
	At       time.Time // when it came
	Due      time.Time // the same without the network's trembling, to which sound is set
	NTP      time.Time // when it was taken, by the camera's own clock; zero where the camera does not tell
	After    string    // code of why pictures are missing right before it; "" where none are
	Payloads [][]byte  // each at most MaxPayload, in one piece of memory
	Bytes    int       // of all payloads

	// Of H.265 (3.14, 3.111): a key frame after which skipped leading pictures can
	// be decoded by who was there before, or by nobody; and such a picture.
	clean, broken, leading bool

	// left tells that WebRTC leaves the picture out, since it would come too late.
	left bool
}

// packetizer is Packetizer or its like for another coding.
type packetizer interface {
	setParams(sets [][]byte)
	SPS() []byte
	AccessUnit(nalus [][]byte) (*Frame, error)
}

// Packetizer turns access units into frames. It keeps the parameter sets that it
// saw, puts them in front of each IDR and drops what a browser has no use for.
type Packetizer struct {
	sps, pps [][]byte
}

// What AccessUnit refuses. The readers then need the next IDR.
var (
	errForbidden = errors.New("NAL unit with the forbidden bit set")
	errTooLarge  = errors.New("access unit is too large")
	errNoParams  = errors.New("key frame without SPS and PPS")
)

// SetParams takes parameter sets from the session description; those in the
// stream win later.
func (p *Packetizer) SetParams(sps, pps []byte) {
	if len(sps) > 0 && sps[0]&0x1f == nalSPS {
		p.sps = [][]byte{append([]byte(nil), sps...)}
	}
	if len(pps) > 0 && pps[0]&0x1f == nalPPS {
		p.pps = replaced(p.pps, append([]byte(nil), pps...), 1)
	}
}

func (p *Packetizer) setParams(sets [][]byte) {
	for _, n := range sets {
		p.SetParams(n, n) // each takes what it is
	}
}

// SPS is the newest sequence parameter set, nil before the first.
func (p *Packetizer) SPS() []byte {
	if len(p.sps) == 0 {
		return nil
	}
	return p.sps[0]
}

// AccessUnit makes a frame, without TS and At. It returns nil for a unit without
// a picture, such as parameter sets alone. The NAL units are copied.
func (p *Packetizer) AccessUnit(nalus [][]byte) (*Frame, error) {
	if len(nalus) > maxUnitNALs {
		return nil, fmt.Errorf("%w: %d NAL units", errTooLarge, len(nalus))
	}
	keep, key, picture, err := p.sort(nalus)
	if err != nil || !picture {
		return nil, err
	}
	f := &Frame{Key: key, Spare: spare(keep)}
	size, packets := 0, 0
	var params [][]byte
	if key {
		if len(p.sps) == 0 || len(p.pps) == 0 {
			return nil, errNoParams
		}
		params = append(append(params, p.sps...), p.pps...)
	}
	for _, list := range [][][]byte{params, keep} {
		for _, n := range list {
			size += len(n) + 3 // STAP-A length, or the first fragment's header
			packets += 1 + len(n)/(MaxPayload-2)
			size += 2 * (len(n) / (MaxPayload - 2))
		}
	}
	if size > maxUnitBytes {
		return nil, fmt.Errorf("%w: %d bytes", errTooLarge, size)
	}
	w := writer{slab: make([]byte, 0, size+1), out: make([][]byte, 0, packets)}
	w.aggregate(params)
	for _, n := range keep {
		w.nal(n)
	}
	f.Payloads, f.Bytes = w.out, len(w.slab)
	return f, nil
}

// sort takes the parameter sets out and keeps what belongs to the picture.
func (p *Packetizer) sort(nalus [][]byte) (keep [][]byte, key, picture bool, err error) {
	var sps, pps [][]byte
	total := 0
	keep = make([][]byte, 0, len(nalus))
	for _, n := range nalus {
		if len(n) == 0 {
			continue
		}
		if n[0]&0x80 != 0 {
			return nil, false, false, errForbidden
		}
		if total += len(n); total > maxUnitBytes {
			return nil, false, false, fmt.Errorf("%w: over %d bytes", errTooLarge, maxUnitBytes)
		}
		switch t := n[0] & 0x1f; t {
		case nalSPS:
			sps = append(sps, append([]byte(nil), n...))
		case nalPPS:
			pps = append(pps, append([]byte(nil), n...))
		case nalSEI:
			keep = append(keep, n)
		case nalSlice, 2, 3, 4, nalIDR:
			keep = append(keep, n)
			picture = true
			key = key || t == nalIDR
		default: // delimiter, filler, extensions that browsers don't decode
		}
	}
	p.sps, p.pps = newer(p.sps, p.pps, sps, pps, 1)
	return keep, key, picture, nil
}

// spare tells whether no other picture needs this one.
func spare(nalus [][]byte) bool {
	for _, n := range nalus {
		if n[0]&0x1f != nalSEI && n[0]&0x60 != 0 {
			return false
		}
	}
	return true
}

// writer cuts NAL units into payloads that lie one behind the other in one slab.
type writer struct {
	slab []byte
	out  [][]byte
}

func (w *writer) cut(from int) { w.out = append(w.out, w.slab[from:len(w.slab):len(w.slab)]) }

// aggregate writes small NAL units as one STAP-A (RFC 6184, 5.7.1), or one by
// one when they do not fit.
func (w *writer) aggregate(list [][]byte) {
	size, nri := 1, byte(0)
	for _, n := range list {
		size += 2 + len(n)
		nri = max(nri, n[0]&0x60)
	}
	if len(list) < 2 || size > MaxPayload {
		for _, n := range list {
			w.nal(n)
		}
		return
	}
	from := len(w.slab)
	w.slab = append(w.slab, nri|nalSTAPA)
	for _, n := range list {
		w.slab = append(w.slab, byte(len(n)>>8), byte(len(n)))
		w.slab = append(w.slab, n...)
	}
	w.cut(from)
}

// nal writes one NAL unit, in fragments of equal length when it is long (FU-A,
// RFC 6184 5.8): equal ones can be sent by one system call.
func (w *writer) nal(n []byte) {
	from := len(w.slab)
	if len(n) <= MaxPayload {
		w.slab = append(w.slab, n...)
		w.cut(from)
		return
	}
	body := n[1:]
	parts := (len(body) + MaxPayload - 3) / (MaxPayload - 2)
	each := (len(body) + parts - 1) / parts
	for first := true; len(body) > 0; first = false {
		k := min(each, len(body))
		head := n[0] & 0x1f
		if first {
			head |= 0x80
		}
		if k == len(body) {
			head |= 0x40
		}
		from = len(w.slab)
		w.slab = append(w.slab, n[0]&0x60|nalFUA, head)
		w.slab = append(w.slab, body[:k]...)
		w.cut(from)
		body = body[k:]
	}
}

// NALUs puts the frame's NAL units together again, for files.
func (f *Frame) NALUs() [][]byte {
	if f.H265 {
		return hevcNALUs(f.Payloads)
	}
	var out [][]byte
	var part []byte
	for _, b := range f.Payloads {
		switch b[0] & 0x1f {
		case nalSTAPA:
			for b = b[1:]; len(b) >= 2; {
				n := int(b[0])<<8 | int(b[1])
				out = append(out, b[2:2+n])
				b = b[2+n:]
			}
		case nalFUA:
			if b[1]&0x80 != 0 {
				part = []byte{b[0]&0x60 | b[1]&0x1f}
			}
			part = append(part, b[2:]...)
			if b[1]&0x40 != 0 {
				out, part = append(out, part), nil
			}
		default:
			out = append(out, b)
		}
	}
	return out
}
