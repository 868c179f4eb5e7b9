package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
)

// snapshotWait is how long a snapshot waits for a camera that was not pulled.
const snapshotWait = 4 * time.Second

// errNoPicture means that no key frame came in time.
var errNoPicture = errors.New("no picture came")

// Snapshot returns the newest key frame as a fragmented MP4 of one frame, and
// when it came. A camera that nobody watches is pulled for it.
func (s *Streams) Snapshot(ctx context.Context, id string, q Quality) ([]byte, time.Time, error) {
	l, err := s.Open(id, q)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(ctx, snapshotWait)
	defer cancel()
	for {
		f, wake, err := l.key()
		if err != nil {
			return nil, time.Time{}, err
		}
		if f != nil {
			b, err := still(f)
			return b, f.At, err
		}
		select {
		case <-ctx.Done():
			return nil, time.Time{}, errNoPicture
		case <-wake:
		}
	}
}

// Split parts a key frame into its parameter sets, as files have them in front, and
// the picture. codec is nil for other frames.
func (f *Frame) Split() (codec codecs.Codec, picture [][]byte) {
	var vps, sps, pps []byte
	for _, n := range f.NALUs() {
		switch {
		case f.H265 && hevcType(n) == hevcVPS:
			vps = n
		case f.H265 && hevcType(n) == hevcSPS, !f.H265 && n[0]&0x1f == nalSPS:
			sps = n
		case f.H265 && hevcType(n) == hevcPPS, !f.H265 && n[0]&0x1f == nalPPS:
			if pps != nil { // a header has room for one; decoders find the others here
				picture = append(picture, pps)
			}
			pps = n
		default:
			picture = append(picture, n)
		}
	}
	switch {
	case sps == nil:
		return nil, picture
	case f.H265:
		return &codecs.H265{VPS: vps, SPS: sps, PPS: pps}, picture
	}
	return &codecs.H264{SPS: sps, PPS: pps}, picture
}

// still writes a key frame as init segment and one fragment (ISO/IEC 14496-12).
func still(f *Frame) ([]byte, error) {
	codec, picture := f.Split()
	sample, err := h264.AVCC(picture).Marshal()
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	var out seekablebuffer.Buffer
	init := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: 1, TimeScale: clockRate, Codec: codec}}}
	if err := init.Marshal(&out); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	b := out.Bytes()
	out = seekablebuffer.Buffer{}
	part := fmp4.Part{Tracks: []*fmp4.PartTrack{{ID: 1, Samples: []*fmp4.Sample{{Duration: clockRate, Payload: sample}}}}}
	if err := part.Marshal(&out); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return append(b, out.Bytes()...), nil
}
