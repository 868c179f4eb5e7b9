package camera

import (
	"embed"
	"fmt"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

//go:embed clips/*.h264
var clips embed.FS

// Scenes returns the names of the scenes.
func Scenes() []string {
	return []string{"charger-shed", "unit-door", "east-gate", "plaza", "lamp-path", "car-park"}
}

// clip is a loop as packets. It is read once per scene and quality and shared.
type clip struct {
	sps, pps []byte
	fps      int // divides 90,000
	frames   []frame
}

// frame is one access unit.
type frame struct {
	key      bool
	nalus    [][]byte // of a key frame
	payloads [][]byte
}

// qualities are the two streams of each camera and their frames a second.
func qualities() map[string]int { return map[string]int{"main": 25, "sub": 12} }

func loadClip(scene, quality string) (*clip, error) {
	b, err := clips.ReadFile("clips/" + scene + "." + quality + ".h264")
	if err != nil {
		return nil, fmt.Errorf("camera: no scene %q: one of %v", scene, Scenes())
	}
	return readClip(scene+"."+quality, b, qualities()[quality])
}

// clipRate is that of clips which are given, in pictures a second.
const clipRate = 25

// readClip makes packets of a byte stream.
func readClip(name string, b []byte, fps int) (*clip, error) {
	c := &clip{fps: fps}
	enc := &rtph264.Encoder{PayloadType: payloadType, PacketizationMode: 1}
	if err := enc.Init(); err != nil {
		return nil, fmt.Errorf("camera: clip %s: %w", name, err)
	}
	var unit [][]byte
	for _, n := range annexB(b) {
		t := h264.NALUType(n[0] & 0x1f)
		switch t {
		case h264.NALUTypeSPS:
			c.sps = n
		case h264.NALUTypePPS:
			c.pps = n
		default:
		}
		unit = append(unit, n)
		// The clips have one slice per picture, so a slice ends its unit.
		if t != h264.NALUTypeIDR && t != h264.NALUTypeNonIDR {
			continue
		}
		ps, err := enc.Encode(unit)
		if err != nil {
			return nil, fmt.Errorf("camera: clip %s: %w", name, err)
		}
		f := frame{key: t == h264.NALUTypeIDR}
		if f.key {
			f.nalus = unit
		}
		for _, p := range ps {
			f.payloads = append(f.payloads, p.Payload)
		}
		c.frames, unit = append(c.frames, f), nil
	}
	if len(c.frames) == 0 || !c.frames[0].key || c.sps == nil || c.pps == nil {
		return nil, fmt.Errorf("camera: clip %s does not begin with a key frame", name)
	}
	return c, nil
}

// annexB splits a byte stream at its start codes (H.264, annex B).
func annexB(b []byte) (nalus [][]byte) {
	from := -1
	end := func(at int) {
		for from >= 0 && at > from && b[at-1] == 0 { // trailing zeros belong to the next start code
			at--
		}
		if from >= 0 && at > from {
			nalus = append(nalus, b[from:at])
		}
	}
	for i := 0; i+2 < len(b); i++ {
		if b[i] == 0 && b[i+1] == 0 && b[i+2] == 1 {
			end(i)
			from = i + 3
			i += 2
		}
	}
	end(len(b))
	return nalus
}
