package streams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
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

// still writes a key frame as init segment and one fragment (ISO/IEC 14496-12).
func still(f *Frame) ([]byte, error) {
	var sps, pps []byte
	var picture [][]byte
	for _, n := range f.NALUs() {
		switch n[0] & 0x1f {
		case nalSPS:
			sps = n
		case nalPPS:
			pps = n
		default:
			picture = append(picture, n)
		}
	}
	sample, err := h264.AVCC(picture).Marshal()
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	var out seeker
	init := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: 1, TimeScale: clockRate, Codec: &codecs.H264{SPS: sps, PPS: pps}}}}
	if err := init.Marshal(&out); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	b := out.b
	out = seeker{}
	part := fmp4.Part{Tracks: []*fmp4.PartTrack{{ID: 1, Samples: []*fmp4.Sample{{Duration: clockRate, Payload: sample}}}}}
	if err := part.Marshal(&out); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return append(b, out.b...), nil
}

// seeker is a file in memory.
type seeker struct {
	b  []byte
	at int64
}

// Write implements io.Writer.
func (s *seeker) Write(p []byte) (int, error) {
	if need := int(s.at) + len(p); need > len(s.b) {
		s.b = append(s.b, make([]byte, need-len(s.b))...)
	}
	s.at += int64(copy(s.b[s.at:], p))
	return len(p), nil
}

// Seek implements io.Seeker.
func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += int64(len(s.b))
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	s.at = offset
	return offset, nil
}
