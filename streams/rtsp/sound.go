package rtsp

import (
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpfragmented"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"

	"dongyue/streams"
)

// sound turns packets into pieces of sound. Without media there is none.
type sound struct {
	media  *description.Media
	forma  format.Format
	sound  streams.Sound
	decode decode
	to     streams.Sink
	taken  func(*rtp.Packet) time.Time
}

// findSound takes the first sound of a camera that can be passed on: such that
// browsers take over WebRTC before such that they do not.
func findSound(desc *description.Session) *sound {
	best := &sound{}
	for _, m := range desc.Medias {
		if m.Type != description.MediaTypeAudio || m.IsBackChannel {
			continue
		}
		for _, f := range m.Formats {
			s := &sound{media: m, forma: f}
			s.understand()
			better := best.media == nil || best.sound.Codec == streams.AAC && s.sound.Codec != streams.AAC
			if s.decode != nil && better {
				best = s
			}
		}
	}
	return best
}

// understand sets sound and decode where the format is one that is passed on.
func (s *sound) understand() {
	switch f := s.forma.(type) {
	case *format.G711:
		if f.SampleRate != 8000 || f.ChannelCount != 1 {
			return // not what browsers take for G.711 (RFC 3551, 4.5.14)
		}
		s.sound = streams.Sound{Codec: streams.PCMA, Rate: 8000, Channels: 1}
		if f.MULaw {
			s.sound.Codec = streams.PCMU
		}
		s.decode = whole
	case *format.Opus:
		s.sound = streams.Sound{Codec: streams.Opus, Rate: 48000, Channels: max(f.ChannelCount, 1)}
		s.decode = whole
	case *format.MPEG4Audio:
		if d, err := f.CreateDecoder(); err == nil && s.aac(f.Config) {
			s.decode = d.Decode
		}
	case *format.MPEG4AudioLATM:
		if d, err := f.CreateDecoder(); err == nil && f.StreamMuxConfig != nil && s.aac(latmConfig(f.StreamMuxConfig)) {
			s.decode = latm(d, f)
		}
	}
}

// aac notes the configuration, and whether it is one that can be written again.
func (s *sound) aac(c *mpeg4audio.AudioSpecificConfig) bool {
	if c == nil {
		return false
	}
	b, err := c.Marshal()
	channels := int(c.ChannelConfig)
	if channels == 7 {
		channels = 8 // ISO/IEC 14496-3, table 1.19
	}
	if err != nil || c.SampleRate <= 0 || channels < 1 || channels > 8 {
		return false
	}
	s.sound = streams.Sound{Codec: streams.AAC, Rate: c.SampleRate, Channels: channels, Config: b}
	return true
}

func latmConfig(c *mpeg4audio.StreamMuxConfig) *mpeg4audio.AudioSpecificConfig {
	if len(c.Programs) != 1 || len(c.Programs[0].Layers) != 1 {
		return nil
	}
	return c.Programs[0].Layers[0].AudioSpecificConfig
}

// latm reads AAC in its other wrapping (RFC 6416, 6.1).
func latm(d *rtpfragmented.Decoder, f *format.MPEG4AudioLATM) decode {
	return func(pkt *rtp.Packet) ([][]byte, error) {
		b, err := d.Decode(pkt)
		if err != nil {
			return nil, err
		}
		e := mpeg4audio.AudioMuxElement{MuxConfigPresent: f.CPresent, StreamMuxConfig: f.StreamMuxConfig}
		if err := e.Unmarshal(b); err != nil {
			return nil, fmt.Errorf("sound: %w", err)
		}
		var out [][]byte
		for _, sub := range e.Payloads {
			for _, program := range sub {
				out = append(out, program...)
			}
		}
		return out, nil
	}
}

// whole is a packet that is one piece.
func whole(pkt *rtp.Packet) ([][]byte, error) { return [][]byte{pkt.Payload}, nil }

// packet passes on what can be read. A piece that is lost is heard as a short gap,
// and decoders conceal it, so nobody is told.
func (s *sound) packet(pkt *rtp.Packet) {
	defer func() {
		_ = recover() // whatever a packet does to the decoder costs only this piece of sound
	}()
	pieces, err := s.decode(pkt)
	if err != nil || len(pieces) == 0 || errors.Is(err, rtpmpeg4audio.ErrMorePacketsNeeded) {
		return
	}
	s.to.Sound(pieces, pkt.Timestamp, s.taken(pkt))
}
