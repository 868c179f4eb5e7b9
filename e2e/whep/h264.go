package main

import (
	"errors"
	"fmt"
	"slices"
)

// NAL unit types (H.264 table 7-1, RFC 6184 5.2).
const (
	nalIDR   = 5
	nalSPS   = 7
	nalPPS   = 8
	nalSTAPA = 24
	nalFUA   = 28
)

// units are the types of the NAL units that a payload begins; a fragment that is
// not the first of its unit begins none. What is not well formed by RFC 6184 is an error.
func units(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, errors.New("empty payload")
	}
	if b[0]&0x80 != 0 {
		return nil, errors.New("forbidden bit set")
	}
	switch t := b[0] & 0x1f; {
	case t >= 1 && t <= 23:
		return []byte{t}, nil
	case t == nalSTAPA:
		return aggregated(b[1:])
	case t == nalFUA:
		if len(b) < 3 {
			return nil, errors.New("FU-A without content")
		}
		if b[1]&0xc0 == 0xc0 {
			return nil, errors.New("FU-A that is first and last fragment at once (5.8)")
		}
		if b[1]&0x20 != 0 {
			return nil, errors.New("FU-A with the reserved bit set (5.8)")
		}
		if b[1]&0x80 != 0 {
			return []byte{b[1] & 0x1f}, nil
		}
		return nil, nil
	default:
		return nil, fmt.Errorf("packet type %d is not of packetization mode 1 (5.4)", t)
	}
}

func aggregated(b []byte) (types []byte, err error) {
	for len(b) > 0 {
		if len(b) < 3 {
			return nil, errors.New("STAP-A is cut off (5.7.1)")
		}
		n := int(b[0])<<8 | int(b[1])
		if n == 0 || n > len(b)-2 {
			return nil, fmt.Errorf("STAP-A holds a unit of %d bytes in %d (5.7.1)", n, len(b)-2)
		}
		types = append(types, b[2]&0x1f)
		b = b[2+n:]
	}
	if len(types) == 0 {
		return nil, errors.New("empty STAP-A")
	}
	return types, nil
}

// startsKey tells whether an IDR slice begins in a payload.
func startsKey(b []byte) bool {
	t, err := units(b)
	return err == nil && slices.Contains(t, nalIDR)
}

// frame is the packets of one timestamp.
type frame struct {
	packets []packet
	types   []byte
}

func (f frame) key() bool { return slices.Contains(f.types, nalIDR) }

// frames sorts packets into pictures, in the order they came; the last one may be incomplete.
func frames(ps []packet) (fs []frame, err error) {
	for _, p := range ps {
		t, err := units(p.Payload)
		if err != nil {
			return nil, fmt.Errorf("packet %d: %w", p.SequenceNumber, err)
		}
		if len(fs) == 0 || fs[len(fs)-1].packets[0].Timestamp != p.Timestamp {
			fs = append(fs, frame{})
		}
		f := &fs[len(fs)-1]
		f.packets, f.types = append(f.packets, p), append(f.types, t...)
	}
	return fs, nil
}

// whole checks that the fragments of each unit follow one another without a hole (RFC 6184, 5.8).
func whole(ps []packet) error {
	open := false
	for _, p := range ps {
		fu := p.Payload[0]&0x1f == nalFUA
		switch {
		case open != (fu && p.Payload[1]&0x80 == 0):
			return fmt.Errorf("packet %d: a fragment is missing, or stands alone", p.SequenceNumber)
		case fu:
			open = p.Payload[1]&0x40 == 0
		}
		if open && p.Marker {
			return fmt.Errorf("packet %d ends a picture in the middle of a unit", p.SequenceNumber)
		}
	}
	return nil
}
