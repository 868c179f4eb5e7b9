package mse

import (
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"dongyue/streams"
)

const (
	clockRate = 90000 // Hz, of pictures
	// longest is the longest time that a picture stands in the file. A camera that
	// was away leaves no hole, or players would wait in it.
	longest = 2 * clockRate
	usual   = clockRate / 25
	// apart is how far sound may be off before it is set anew.
	apart = 80 * time.Millisecond
)

// The tracks.
const (
	pictureID = 1
	soundID   = 2
)

// muxer makes a file of one viewer's pictures and sound. A picture is written when
// the next one has come, because only then it is known how long it stands.
type muxer struct {
	video codecs.Codec
	sound streams.Sound
	audio codecs.Codec // nil: none, or none that files in browsers can hold
	seq   uint32

	held  *streams.Frame
	at    int64  // decoding time of held
	shown int64  // when it is shown
	top   int64  // the latest such time so far
	topTS uint32 // the same on the stream's clock
	step  int64  // between the last two pictures that were not B-frames
	order streams.Decoding

	heard int64 // end of the sound so far, in sound.Rate
	begun bool  // there was sound
}

var errNoKey = errors.New("a file must begin with a key frame")

// newMuxer begins with a key frame.
func newMuxer(key *streams.Frame, sound streams.Sound) (*muxer, error) {
	m := &muxer{step: usual, topTS: key.TS}
	if err := m.take(key); err != nil {
		return nil, err
	}
	// The file begins with the time at which the key frame is decoded.
	ahead := streams.NewDecoding(m.video, []int64{0}, usual)
	m.top = -ahead.Next(0)
	m.order = streams.NewDecoding(m.video, []int64{m.top}, usual)
	m.hears(sound)
	return m, nil
}

// take reads the parameter sets of a key frame.
func (m *muxer) take(key *streams.Frame) error {
	if !key.Key {
		return errNoKey
	}
	if m.video, _ = key.Split(); m.video == nil || streams.CodecName(m.video) == "" {
		return errors.New("key frame without usable parameter sets")
	}
	return nil
}

// hears adds sound that browsers play from files. G.711 is none of it.
func (m *muxer) hears(s streams.Sound) {
	m.sound = s
	switch s.Codec {
	case streams.Opus:
		m.audio = &codecs.Opus{ChannelCount: s.Channels}
	case streams.AAC:
		var c mpeg4audio.AudioSpecificConfig
		if c.Unmarshal(s.Config) == nil {
			m.audio = &codecs.MPEG4Audio{Config: c}
		}
	}
}

// mime is what a SourceBuffer is made of.
func (m *muxer) mime() string {
	names := streams.CodecName(m.video)
	if m.audio != nil {
		names += "," + streams.CodecName(m.audio)
	}
	return `video/mp4; codecs="` + names + `"`
}

// init is the initialisation segment.
func (m *muxer) init() ([]byte, error) {
	i := fmp4.Init{Tracks: []*fmp4.InitTrack{{ID: pictureID, TimeScale: clockRate, Codec: m.video}}}
	if m.audio != nil {
		i.Tracks = append(i.Tracks, &fmp4.InitTrack{ID: soundID, TimeScale: uint32(m.sound.Rate), Codec: m.audio}) //nolint:gosec // Hz
	}
	var out seekablebuffer.Buffer
	if err := i.Marshal(&out); err != nil {
		return nil, fmt.Errorf("write header: %w", err)
	}
	return out.Bytes(), nil
}

// changes tells whether a key frame's parameter sets are others than the header's.
func (m *muxer) changes(f *streams.Frame) bool {
	if !f.Key {
		return false
	}
	c, _ := f.Split()
	switch c := c.(type) {
	case *codecs.H264:
		was, ok := m.video.(*codecs.H264)
		return !ok || string(was.SPS) != string(c.SPS) || string(was.PPS) != string(c.PPS)
	case *codecs.H265:
		was, ok := m.video.(*codecs.H265)
		return !ok || string(was.VPS) != string(c.VPS) || string(was.SPS) != string(c.SPS) || string(was.PPS) != string(c.PPS)
	}
	return false
}

// add takes the next picture and returns the fragment of the one before it, nil at
// the first.
func (m *muxer) add(f *streams.Frame) ([]byte, error) {
	was, at, shown := m.held, m.at, m.shown
	m.held, m.shown = f, m.shows(f)
	m.at = m.order.Next(m.shown)
	if was == nil {
		return nil, nil
	}
	_, picture := was.Split()
	payload, err := h264.AVCC(picture).Marshal() // lengths of four bytes, as H.265 has them too
	if err != nil {
		return nil, fmt.Errorf("write picture: %w", err)
	}
	return m.part(&fmp4.PartTrack{ID: pictureID, BaseTime: uint64(at), Samples: []*fmp4.Sample{
		{Duration: uint32(m.at - at), PTSOffset: int32(shown - at), IsNonSyncSample: !was.Key, Payload: payload},
	}})
}

// shows is when a picture is shown. One that comes much later than the one before, or
// with the same time, follows it at the usual distance.
func (m *muxer) shows(f *streams.Frame) int64 {
	d := int64(int32(f.TS - m.topTS)) //nolint:gosec // modulo 2^32 is meant
	switch {
	case m.held == nil: // it is the first
		return m.top
	case d < 0 && d > -longest: // a B-frame
		return max(m.top+d, 0)
	case d <= 0 || d > longest:
		d = m.step
	default:
		m.step = d
	}
	m.top, m.topTS = m.top+d, f.TS
	return m.top
}

// hear writes pieces of sound; nil where there is none to write, or no picture yet
// that it belongs to.
func (m *muxer) hear(list []*streams.SoundFrame) ([]byte, error) {
	if m.audio == nil || m.held == nil || len(list) == 0 {
		return nil, nil
	}
	rate := int64(m.sound.Rate)
	due := m.shown*rate/clockRate + int64(list[0].Due.Sub(m.held.Due))*rate/int64(time.Second)
	if due < 0 {
		return nil, nil // from before the first picture
	}
	if off := due - m.heard; !m.begun || off > rate*int64(apart)/int64(time.Second) || -off > rate*int64(apart)/int64(time.Second) {
		if m.begun && due < m.heard {
			return nil, nil // it is heard already; what follows comes up with the pictures
		}
		m.heard, m.begun = due, true
	}
	t := &fmp4.PartTrack{ID: soundID, BaseTime: uint64(m.heard)}
	for _, s := range list {
		t.Samples = append(t.Samples, &fmp4.Sample{Duration: s.Samples, Payload: s.Data})
		m.heard += int64(s.Samples)
	}
	return m.part(t)
}

func (m *muxer) part(t *fmp4.PartTrack) ([]byte, error) {
	m.seq++
	var out seekablebuffer.Buffer
	if err := (fmp4.Part{SequenceNumber: m.seq, Tracks: []*fmp4.PartTrack{t}}).Marshal(&out); err != nil {
		return nil, fmt.Errorf("write fragment: %w", err)
	}
	return out.Bytes(), nil
}
