package streams

import (
	"context"
	"sync/atomic"
	"time"
)

// SoundReader sends a stream's sound to one viewer, from now on and as it comes:
// there is no replay of sound. Its sender reports tell the time at which each piece
// belongs to the pictures that Reader sends.
type SoundReader struct {
	from   *Stream
	out    Output // end is the marker
	codec  string // agreed with the viewer; other sound is not sent
	number uint64
	pieces atomic.Uint32
	octets atomic.Uint32
}

// NewSoundReader returns a reader whose sequence numbers begin at seq, as NewReader.
func NewSoundReader(from *Stream, out Output, codec string, seq uint16) *SoundReader {
	return &SoundReader{from: from, out: out, codec: codec, number: uint64(seq & 0x7fff)}
}

// Pieces is how many have been sent.
func (r *SoundReader) Pieces() uint32 { return r.pieces.Load() }

// Run sends until ctx ends or the output fails.
func (r *SoundReader) Run(ctx context.Context) error {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	var at uint64
	var newest *SoundFrame
	for spoke := false; ; {
		fs, first, wake := r.from.Sounds(at)
		if wake != nil {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-wake:
			case now := <-tick.C:
				if err := r.report(now, newest); err != nil {
					return err
				}
			}
			continue
		}
		at = first + uint64(len(fs))
		if r.from.Sound().Codec != r.codec {
			spoke = false
			continue
		}
		for _, f := range fs {
			if err := r.out.Send(r.number, f.TS, [][]byte{f.Data}, !spoke); err != nil { // the marker begins a talkspurt (RFC 3551, 4.1)
				return err
			}
			if !spoke { // at once, so that lips fit from the beginning
				if err := r.report(time.Now(), f); err != nil {
					return err
				}
			}
			spoke, newest = true, f
			r.number++
			r.pieces.Add(1)
			r.octets.Add(uint32(len(f.Data))) //nolint:gosec // bounded by maxSoundBytes
		}
	}
}

func (r *SoundReader) report(now time.Time, newest *SoundFrame) error {
	if newest == nil {
		return nil
	}
	ts := newest.TS + samples(now.Sub(newest.Due), r.from.Sound().Rate)
	return r.out.Report(now, ts, r.pieces.Load(), r.octets.Load())
}
