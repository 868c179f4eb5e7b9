package sound

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/pion/opus"
)

// longest is the most that one packet of Opus holds: 120 ms (RFC 6716, 2.1.4).
const longest = Rate * 120 / 1000

// Opus decodes packets to PCM.
type Opus struct {
	dec opus.Decoder
	out [longest]int16
}

// NewOpus makes a decoder.
func NewOpus() (*Opus, error) {
	d, err := opus.NewDecoderWithOutput(Rate, 1)
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	return &Opus{dec: d}, nil
}

// Decode is the sound of one packet; it stays good until the next call. The library
// is other people's code that meets outside bytes: a panic is an error of the packet.
func (o *Opus) Decode(packet []byte) (p PCM, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("%w: %v", ErrBroken, r)
		}
	}()
	if len(packet) == 0 {
		return nil, fmt.Errorf("%w: an empty packet", ErrBroken)
	}
	n, err := o.dec.DecodeToInt16(packet, o.out[:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return o.out[:max(0, min(n, len(o.out)))], nil
}

// Duration is how many samples at 48 kHz a packet lasts (RFC 6716, 3.1); 0 for what
// is none.
func Duration(packet []byte) uint64 {
	if len(packet) == 0 {
		return 0
	}
	config, frames := packet[0]>>3, uint64(1)
	var one uint64 // of a frame
	switch {
	case config < 12:
		one = []uint64{480, 960, 1920, 2880}[config%4]
	case config < 16:
		one = []uint64{480, 960}[config%2]
	default:
		one = []uint64{120, 240, 480, 960}[config%4]
	}
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0
		}
		frames = uint64(packet[1] & 63)
	}
	if frames*one > OpusRate*120/1000 {
		return 0
	}
	return frames * one
}

// OpusReader reads a stream of Ogg Opus as it comes.
type OpusReader struct {
	packets *Packets
	opus    *Opus
	skip    int // samples before the sound begins
}

// NewOpusReader reads the two headers.
func NewOpusReader(r io.Reader) (*OpusReader, error) {
	o := &OpusReader{packets: NewPackets(r)}
	id, err := o.packets.Next()
	if err != nil || len(id) < 19 || string(id[:8]) != "OpusHead" || id[8]>>4 != 0 { // RFC 7845, 5.1
		return nil, ErrFormat
	}
	if id[18] != 0 { // each packet has several streams in it
		return nil, fmt.Errorf("%w: Opus of more than two channels; write one or two", ErrFormat)
	}
	if tags, err := o.packets.Next(); err != nil || !bytes.HasPrefix(tags, []byte("OpusTags")) {
		return nil, fmt.Errorf("%w: no OpusTags", ErrBroken)
	}
	o.skip = (int(id[10]) | int(id[11])<<8) * Rate / OpusRate
	o.opus, err = NewOpus()
	return o, err
}

// Next is the sound of the next packet; it stays good until the next call.
func (o *OpusReader) Next() (PCM, error) {
	b, err := o.packets.Next()
	if err != nil {
		return nil, err
	}
	p, err := o.opus.Decode(b)
	if err != nil {
		return nil, err
	}
	skip := min(o.skip, len(p))
	o.skip -= skip
	return p[skip:], nil
}

func decodeOpus(b []byte) (PCM, error) {
	r, err := NewOpusReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	var all PCM
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if all = append(all, p...); all.Length() > MaxLength {
			return nil, ErrTooLong
		}
	}
}

// Decode reads a recording: WAV with PCM, or Ogg Opus.
func Decode(b []byte) (PCM, error) {
	var p PCM
	var err error
	switch {
	case bytes.HasPrefix(b, []byte("RIFF")):
		p, err = decodeWAV(b)
	case bytes.HasPrefix(b, []byte("OggS")):
		p, err = decodeOpus(b)
	default:
		return nil, ErrFormat
	}
	if err == nil && len(p) == 0 {
		err = ErrEmpty
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}
