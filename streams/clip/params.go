package clip

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"dongyue/streams"
)

// params are what a session's header holds: parameter sets, and how sound is coded.
type params struct {
	vps      []byte // of H.265; H.264 has none
	sps, pps []byte
	sounds   []heard
}

// errChanged ends the clips of a camera that was set to another coding: one file
// holds one.
var errChanged = fmt.Errorf("%w: the camera changed from one to another while it was recorded", errCodec)

func (p *params) h265() bool { return p.vps != nil }

// track is how the library knows them.
func (p *params) track() codecs.Codec {
	if p.h265() {
		return &codecs.H265{VPS: p.vps, SPS: p.sps, PPS: p.pps}
	}
	return &codecs.H264{SPS: p.sps, PPS: p.pps}
}

// paramsIn is the reverse of track.
func paramsIn(c codecs.Codec) (params, bool) {
	switch c := c.(type) {
	case *codecs.H264:
		return params{sps: c.SPS, pps: c.PPS}, true
	case *codecs.H265:
		return params{vps: c.VPS, sps: c.SPS, pps: c.PPS}, len(c.VPS) > 0
	}
	return params{}, false
}

// codec is the name of RFC 6381.
func (p *params) codec() string { return streams.CodecName(p.track()) }

func (p *params) size() (width, height int) {
	if p.h265() {
		var s h265.SPS
		if s.Unmarshal(p.sps) != nil {
			return 0, 0
		}
		return s.Width(), s.Height()
	}
	var s h264.SPS
	if s.Unmarshal(p.sps) != nil {
		return 0, 0
	}
	return s.Width(), s.Height()
}

// find takes the parameter sets of a key frame.
func (p *params) find(f *streams.Frame) {
	codec, _ := f.Split()
	if found, ok := paramsIn(codec); ok {
		found.sounds = p.sounds
		*p = found
	}
}

// head is the beginning of a file with these parameter sets (ftyp, moov).
func (p *params) head() ([]byte, error) {
	var out seekablebuffer.Buffer
	i := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: track, TimeScale: clockRate, Codec: p.track()}}}
	for _, h := range p.sounds {
		i.Tracks = append(i.Tracks, &fmp4.InitTrack{ID: h.id, TimeScale: uint32(h.Rate), Codec: h.track()}) //nolint:gosec // Hz
	}
	if err := i.Marshal(&out); err != nil {
		return nil, fmt.Errorf("write header: %w", err)
	}
	b := out.Bytes()
	return b, name(b, p.sounds)
}
