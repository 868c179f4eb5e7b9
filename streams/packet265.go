package streams

import "fmt"

// NAL unit types of H.265 (table 7-1, RFC 7798 4.4).
const (
	hevcRASLN  = 8  // skipped leading picture: it refers to pictures before its key frame
	hevcRASLR  = 9  //
	hevcSubTop = 15 // even types up to here are no references within their layer (table 7-1, note 4)
	hevcBLA    = 16 // broken link: what led up to it is lost; up to 18
	hevcIDR    = 19 // and 20
	hevcCRA    = 21
	hevcVPS    = 32
	hevcSPS    = 33
	hevcPPS    = 34
	hevcSEI    = 39
	hevcTail   = 40 // SEI behind the picture
	hevcAP     = 48
	hevcFU     = 49
)

func hevcType(n []byte) byte { return n[0] >> 1 & 0x3f }

// hevcPacketizer is Packetizer for H.265 (RFC 7798).
type hevcPacketizer struct {
	vps, sps, pps [][]byte
}

// setParams takes parameter sets from the session description; those in the
// stream win later.
func (p *hevcPacketizer) setParams(sets [][]byte) {
	for _, n := range sets {
		if len(n) < 3 || len(n) > maxSPS {
			continue
		}
		own := [][]byte{append([]byte(nil), n...)}
		switch hevcType(n) {
		case hevcVPS:
			p.vps = own
		case hevcSPS:
			p.sps = own
		case hevcPPS:
			p.pps = replaced(p.pps, own[0], 2)
		}
	}
}

// SPS is the newest sequence parameter set, nil before the first.
func (p *hevcPacketizer) SPS() []byte {
	if len(p.sps) == 0 {
		return nil
	}
	return p.sps[0]
}

// AccessUnit makes a frame as Packetizer does. Instantaneous, clean and broken
// random access pictures (IDR, CRA, BLA) are key frames.
func (p *hevcPacketizer) AccessUnit(nalus [][]byte) (*Frame, error) {
	if len(nalus) > maxUnitNALs {
		return nil, fmt.Errorf("%w: %d NAL units", errTooLarge, len(nalus))
	}
	keep, kind, err := p.sort(nalus)
	if err != nil || kind < 0 {
		return nil, err
	}
	f := &Frame{
		H265: true, Key: kind >= hevcBLA, broken: kind >= hevcBLA && kind < hevcIDR, clean: kind == hevcCRA,
		leading: kind == hevcRASLN || kind == hevcRASLR, Spare: kind < hevcSubTop && kind&1 == 0,
	}
	var params [][]byte
	if f.Key {
		if len(p.vps) == 0 || len(p.sps) == 0 || len(p.pps) == 0 {
			return nil, errNoParams
		}
		params = append(append(append(params, p.vps...), p.sps...), p.pps...)
	}
	size := 0
	for _, list := range [][][]byte{params, keep} {
		for _, n := range list {
			size += len(n) + 4 + 3*(len(n)/(MaxPayload-3))
		}
	}
	if size > maxUnitBytes {
		return nil, fmt.Errorf("%w: %d bytes", errTooLarge, size)
	}
	w := hevcWriter{writer{slab: make([]byte, 0, size)}}
	w.aggregate(params)
	for _, n := range keep {
		w.nal(n)
	}
	f.Payloads, f.Bytes = w.out, len(w.slab)
	return f, nil
}

// sort takes the parameter sets out and keeps what belongs to the picture; kind is
// the type of its slices, negative for none.
func (p *hevcPacketizer) sort(nalus [][]byte) (keep [][]byte, kind int, err error) {
	var vps, sps, pps [][]byte
	kind = -1
	total := 0
	for _, n := range nalus {
		if len(n) == 0 {
			continue
		}
		if n[0]&0x80 != 0 {
			return nil, -1, errForbidden
		}
		if total += len(n); total > maxUnitBytes {
			return nil, -1, fmt.Errorf("%w: over %d bytes", errTooLarge, maxUnitBytes)
		}
		if len(n) < 3 || n[0]&1 != 0 || n[1]>>3 != 0 {
			continue // nothing behind the header, or of a layer that browsers don't decode (nuh_layer_id)
		}
		switch t := hevcType(n); {
		case t == hevcVPS:
			vps = append(vps, append([]byte(nil), n...))
		case t == hevcSPS:
			sps = append(sps, append([]byte(nil), n...))
		case t == hevcPPS:
			pps = append(pps, append([]byte(nil), n...))
		case t == hevcSEI, t == hevcTail:
			keep = append(keep, n)
		case t <= hevcRASLR, t >= hevcBLA && t <= hevcCRA:
			keep = append(keep, n)
			kind = max(kind, int(t))
		default: // delimiter, filler, end of sequence, types without meaning
		}
	}
	if len(vps) > 0 {
		p.vps = vps
	}
	p.sps, p.pps = newer(p.sps, p.pps, sps, pps, 2)
	return keep, kind, nil
}

// hevcWriter is writer with the payloads of RFC 7798.
type hevcWriter struct{ writer }

// aggregate writes small NAL units as one aggregation packet (4.4.2), or one by one
// when they do not fit.
func (w *hevcWriter) aggregate(list [][]byte) {
	size, tid := 2, byte(7)
	for _, n := range list {
		size += 2 + len(n)
		tid = min(tid, n[1]&7)
	}
	if len(list) < 2 || size > MaxPayload {
		for _, n := range list {
			w.nal(n)
		}
		return
	}
	from := len(w.slab)
	w.slab = append(w.slab, hevcAP<<1, tid)
	for _, n := range list {
		w.slab = append(w.slab, byte(len(n)>>8), byte(len(n)))
		w.slab = append(w.slab, n...)
	}
	w.cut(from)
}

// nal writes one NAL unit, in fragments of equal length when it is long (4.4.3).
func (w *hevcWriter) nal(n []byte) {
	from := len(w.slab)
	if len(n) <= MaxPayload {
		w.slab = append(w.slab, n...)
		w.cut(from)
		return
	}
	body := n[2:]
	parts := (len(body) + MaxPayload - 4) / (MaxPayload - 3)
	each := (len(body) + parts - 1) / parts
	for first := true; len(body) > 0; first = false {
		k := min(each, len(body))
		head := hevcType(n)
		if first {
			head |= 0x80
		}
		if k == len(body) {
			head |= 0x40
		}
		from = len(w.slab)
		w.slab = append(w.slab, n[0]&0x81|hevcFU<<1, n[1], head)
		w.slab = append(w.slab, body[:k]...)
		w.cut(from)
		body = body[k:]
	}
}

// hevcNALUs puts the NAL units of payloads together again.
func hevcNALUs(payloads [][]byte) [][]byte {
	var out [][]byte
	var part []byte
	for _, b := range payloads {
		switch hevcType(b) {
		case hevcAP:
			for b = b[2:]; len(b) >= 2; {
				n := int(b[0])<<8 | int(b[1])
				out = append(out, b[2:2+n])
				b = b[2+n:]
			}
		case hevcFU:
			if b[2]&0x80 != 0 {
				part = []byte{b[0]&0x81 | b[2]&0x3f<<1, b[1]}
			}
			part = append(part, b[3:]...)
			if b[2]&0x40 != 0 {
				out, part = append(out, part), nil
			}
		default:
			out = append(out, b)
		}
	}
	return out
}
