package clip

import (
	"slices"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"dongyue/streams"
)

// Sound is recorded where the camera's record_sound says so, as the camera sends it:
// what people say is sensitive personal information, so nobody's is kept by default.
// A session's pictures are one track; each coding that its sound has had is a track of
// its own, so a camera whose sound comes, goes or changes goes on with its session,
// and its pictures know nothing of it.

const (
	// maxHeard is how much sound waits for its pictures: 10 s in pieces of 20 ms.
	maxHeard = 512
	// maxSounds is how many codings of sound one session has.
	maxSounds = 6
	// off is how far sound may be from its pictures before it is set anew: less than
	// a piece of any coding.
	off = 20 * time.Millisecond
)

// loud tells whether a camera's sound is recorded.
func (r *Recorder) loud(camera string) bool { return r.o.Streams.RecordsSound(camera) }

// piece of sound that waits for its pictures.
type waiting struct {
	streams.Sound
	*streams.SoundFrame
}

// heardSounds is the sound of a ring that belongs to no fragment yet.
type heardSounds struct {
	on   bool
	wait []waiting
}

// hear takes a piece of sound. It runs in the camera's goroutine.
func (r *ring) hear(s streams.Sound, f *streams.SoundFrame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &r.heard
	if !h.on || r.n == 0 {
		return
	}
	if len(h.wait) >= maxHeard { // pictures have stopped
		h.wait = slices.Delete(h.wait, 0, maxHeard/2)
	}
	h.wait = append(h.wait, waiting{s, f})
}

// setSound says whether sound is recorded. Where it is not, that in memory is forgotten.
func (r *ring) setSound(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heard.on == on {
		return
	}
	r.heard = heardSounds{on: on}
	for _, f := range r.frags {
		if on || f.frames == nil || f.wanted { // what is wanted is being written
			continue
		}
		for _, s := range f.sounds {
			f.bytes -= len(s.Data)
			r.bytes -= len(s.Data)
		}
		f.sounds = nil
	}
}

func (r *ring) loud() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard.on
}

// give gives a fragment the sound up to the picture behind it, 0 for up to its own
// end, and returns how many bytes it is.
func (h *heardSounds) give(f *fragment, next int64) (bytes int) {
	if len(h.wait) == 0 || len(f.frames) == 0 {
		return 0
	}
	if next == 0 || next-f.end > ticks(pause) {
		next = f.end
	}
	n := 0
	for _, w := range h.wait {
		if f.heardAt(w.SoundFrame) >= next || n > 0 && !w.Equal(f.sound) {
			break
		}
		f.sound = w.Sound
		f.sounds = append(f.sounds, w.SoundFrame)
		bytes += len(w.Data)
		n++
	}
	f.bytes += bytes
	h.wait = slices.Delete(h.wait, 0, n)
	return bytes
}

// heardAt is when a piece is heard, on the camera's clock of pictures.
func (f *fragment) heardAt(s *streams.SoundFrame) int64 {
	return f.pts + ticks(s.Due.Sub(f.frames[0].Due))
}

// heard is a track of sound.
type heard struct {
	id int
	streams.Sound
}

// track is how the library knows it; G.711 it does not know (see name).
func (h *heard) track() codecs.Codec {
	switch h.Codec {
	case streams.Opus:
		return &codecs.Opus{ChannelCount: h.Channels}
	case streams.AAC:
		var c mpeg4audio.AudioSpecificConfig
		if c.Unmarshal(h.Config) != nil {
			return nil
		}
		return &codecs.MPEG4Audio{Config: c}
	case streams.PCMA, streams.PCMU:
		return &codecs.LPCM{BitDepth: 16, SampleRate: h.Rate, ChannelCount: h.Channels}
	}
	return nil
}

// heardIn is the reverse of track; law names G.711.
func heardIn(t *fmp4.InitTrack, law string) (heard, bool) {
	h := heard{t.ID, streams.Sound{Rate: int(t.TimeScale)}}
	switch c := t.Codec.(type) {
	case *codecs.Opus:
		h.Codec, h.Channels = streams.Opus, c.ChannelCount
	case *codecs.MPEG4Audio:
		h.Codec, h.Channels = streams.AAC, int(c.Config.ChannelConfig)
		b, err := c.Config.Marshal()
		if err != nil {
			return h, false
		}
		h.Config = b
		if h.Channels == 7 {
			h.Channels = 8 // ISO/IEC 14496-3, table 1.19
		}
	case *codecs.LPCM:
		h.Codec, h.Channels = law, c.ChannelCount
	}
	return h, h.Codec != "" && h.id > track && h.Rate > 0
}

// idOf is the track of a coding, 0 for none.
func (p *params) idOf(s streams.Sound) int {
	for _, h := range p.sounds {
		if h.Equal(s) {
			return h.id
		}
	}
	return 0
}

// know adds a coding of sound; fresh tells that it is new.
func (p *params) know(s streams.Sound) (fresh bool) {
	h := heard{track + 1, s}
	if n := len(p.sounds); n > 0 {
		h.id = p.sounds[n-1].id + 1
	}
	if p.idOf(s) != 0 || len(p.sounds) >= maxSounds || h.track() == nil || s.Rate <= 0 {
		return false
	}
	p.sounds = append(slices.Clip(p.sounds), h)
	return true
}

// learn is know for a fragment's sound.
func (p *params) learn(f *fragment) (fresh bool) {
	return len(f.sounds) > 0 && p.know(f.sound)
}

// batch is as many fragments as have sound that is known, and the first.
func (p *params) batch(fs []*fragment) []*fragment {
	for i, f := range fs {
		if i > 0 && len(f.sounds) > 0 && p.idOf(f.sound) == 0 && len(p.sounds) < maxSounds {
			return fs[:i]
		}
	}
	return fs
}

// sound names the coding of fragments that have sound: the first one's.
func (p *params) sound(ps []*piece) string {
	for _, x := range ps {
		for _, h := range p.sounds {
			if h.id == x.sound {
				return h.Codec
			}
		}
	}
	return ""
}

// ear is where the sound so far ends.
type ear struct {
	id  int   // track; 0: there was none
	end int64 // in its own rate
}

// listen makes the track of a fragment's sound; nil where there is none. Pieces follow
// each other by their own length, as they were recorded; where that has come too far
// from the pictures, they are set to these anew.
func (e *encoder) listen(f *fragment, o *order) *fmp4.PartTrack {
	id := e.params.idOf(f.sound)
	if len(f.sounds) == 0 || id == 0 {
		return nil
	}
	rate := int64(f.sound.Rate)
	if o.ear.id != id {
		o.ear = ear{id: id, end: -1}
	}
	t := &fmp4.PartTrack{ID: id}
	far := rate * int64(off) / int64(time.Second)
	for _, s := range f.sounds {
		want := (f.heardAt(s) - e.zero) * rate / clockRate
		if want < 0 {
			continue
		}
		switch d := want - o.ear.end; {
		case o.ear.end < 0 || d > far:
			if n := len(t.Samples); n > 0 { // the one before stands until then
				t.Samples[n-1].Duration += uint32(d) //nolint:gosec // a fragment's length
			}
			o.ear.end = want
		case -d > far:
			continue // this was heard already
		}
		if len(t.Samples) == 0 {
			t.BaseTime = uint64(o.ear.end) //nolint:gosec // not negative
		}
		t.Samples = append(t.Samples, &fmp4.Sample{Duration: s.Samples, Payload: s.Data})
		o.ear.end += int64(s.Samples)
	}
	if len(t.Samples) == 0 {
		return nil
	}
	return t
}
