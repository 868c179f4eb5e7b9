package probe

import (
	"fmt"
	"math"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/pion/rtp"
)

// Track is one track of a camera and what came of it.
type Track struct {
	Media      string  `json:"media"` // video, audio, application
	Codec      string  `json:"codec"`
	ClockRate  int     `json:"clock_rate"`
	Channels   int     `json:"channels,omitempty"`
	Width      int     `json:"width,omitempty"`
	Height     int     `json:"height,omitempty"`
	Profile    string  `json:"profile,omitempty"` // as "main@3.1"
	FPS        float64 `json:"fps,omitempty"`     // as declared
	CountedFPS float64 `json:"counted_fps,omitempty"`
	Frames     int     `json:"frames,omitempty"`
	KeyFrames  int     `json:"key_frames,omitempty"`
	GOP        int     `json:"gop,omitempty"`    // pictures from one key frame to the next, the longest seen
	GOPMS      int64   `json:"gop_ms,omitempty"` // the same in time
	BFrames    bool    `json:"b_frames"`
	Kbps       int     `json:"kbps"`

	decode  func(*rtp.Packet) ([][]byte, error)
	octets  int
	packets int
	first   uint32 // timestamps of the first, the newest and the last key frame
	last    uint32
	key     uint32
	since   int // pictures since the last key frame; -1: none yet
}

func newTrack(m *description.Media, f format.Format) *Track {
	t := &Track{Media: string(m.Type), ClockRate: f.ClockRate(), since: -1}
	switch x := f.(type) {
	case *format.H264:
		t.Codec = "h264"
		if d, err := x.CreateDecoder(); err == nil {
			t.decode = d.Decode
		}
		t.parameters([][]byte{x.SPS})
	case *format.H265:
		t.Codec = "h265"
		if d, err := x.CreateDecoder(); err == nil {
			t.decode = d.Decode
		}
		t.parameters([][]byte{x.SPS})
	case *format.G711:
		t.Codec, t.Channels = "pcma", x.ChannelCount
		if x.MULaw {
			t.Codec = "pcmu"
		}
	case *format.MPEG4Audio:
		t.Codec = "aac"
		if x.Config != nil {
			t.Channels = int(x.Config.ChannelConfig)
		}
	case *format.Opus:
		t.Codec, t.Channels = "opus", x.ChannelCount
	default:
		if t.Codec, _, _ = strings.Cut(strings.ToLower(f.RTPMap()), "/"); t.Codec == "" {
			t.Codec = fmt.Sprint("payload type ", f.PayloadType())
		}
	}
	return t
}

// packet counts a packet and reports whether it ended a key frame.
func (t *Track) packet(p *rtp.Packet) (key bool) {
	t.packets++
	t.octets += len(p.Payload)
	if t.decode == nil {
		return false
	}
	unit, err := t.decode(p)
	if err != nil || len(unit) == 0 {
		return false
	}
	t.parameters(unit)
	if t.Frames == 0 {
		t.first, t.last = p.Timestamp, p.Timestamp
	}
	t.Frames++
	if step := int32(p.Timestamp - t.last); step < 0 { //nolint:gosec // modulo 2^32 is meant
		t.BFrames = true // shown before one that came earlier
	} else {
		t.last = p.Timestamp
	}
	if t.since >= 0 {
		t.since++
	}
	if !t.isKey(unit) {
		return false
	}
	if t.since > t.GOP {
		t.GOP, t.GOPMS = t.since, int64(p.Timestamp-t.key)*1000/int64(max(1, t.ClockRate))
	}
	t.KeyFrames++
	t.since, t.key = 0, p.Timestamp
	return true
}

func (t *Track) isKey(unit [][]byte) bool {
	for _, n := range unit {
		if len(n) < 2 {
			continue
		}
		switch t.Codec {
		case "h264":
			if h264.NALUType(n[0]&0x1f) == h264.NALUTypeIDR {
				return true
			}
		case "h265":
			// IDR_W_RADL, IDR_N_LP, CRA (ITU-T H.265, table 7-1)
			if typ := n[0] >> 1 & 0x3f; typ >= 19 && typ <= 21 {
				return true
			}
		}
	}
	return false
}

// parameters reads size and profile where a sequence parameter set is among them.
func (t *Track) parameters(unit [][]byte) {
	defer func() { _ = recover() }() // bytes from outside; what can't be read stays unknown
	for _, n := range unit {
		if len(n) < 4 || len(n) > 1024 {
			continue
		}
		switch {
		case t.Codec == "h264" && n[0]&0x1f == byte(h264.NALUTypeSPS):
			var s h264.SPS
			if s.Unmarshal(n) == nil {
				t.Width, t.Height, t.FPS = s.Width(), s.Height(), rate(s.FPS())
				t.Profile = fmt.Sprintf("%s@%.1f", profile264(s.ProfileIdc), float64(s.LevelIdc)/10)
			}
		case t.Codec == "h265" && n[0]>>1&0x3f == byte(h265.NALUType_SPS_NUT):
			var s h265.SPS
			if s.Unmarshal(n) == nil {
				t.Width, t.Height, t.FPS = s.Width(), s.Height(), rate(s.FPS())
				t.Profile = fmt.Sprintf("%s@%.1f", profile265(s.ProfileTierLevel.GeneralProfileIdc), float64(s.ProfileTierLevel.GeneralLevelIdc)/30)
			}
		}
	}
}

func rate(f float64) float64 {
	if math.IsNaN(f) || f <= 0 || f > 1000 {
		return 0
	}
	return math.Round(f*100) / 100
}

func profile264(idc uint8) string {
	switch idc {
	case 66:
		return "baseline"
	case 77:
		return "main"
	case 88:
		return "extended"
	case 100:
		return "high"
	case 110:
		return "high10"
	}
	return fmt.Sprint("profile", idc)
}

func profile265(idc uint8) string {
	switch idc {
	case 1:
		return "main"
	case 2:
		return "main10"
	}
	return fmt.Sprint("profile", idc)
}

// clock is how fast the camera's clock ran against ours.
func (t *Track) clock(seconds float64) float64 {
	return float64(t.last-t.first) / float64(max(1, t.ClockRate)) / max(seconds, 0.001)
}

// sum computes the rates over the time that was looked at.
func (t *Track) sum(seconds float64) {
	if seconds <= 0 {
		return
	}
	t.Kbps = int(float64(t.octets)*8/1000/seconds + 0.5)
	if span := float64(t.last-t.first) / float64(max(1, t.ClockRate)); t.Frames > 1 && span > 0 {
		t.CountedFPS = rate(float64(t.Frames-1) / span)
	}
}
