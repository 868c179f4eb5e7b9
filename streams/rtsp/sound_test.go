package rtsp

import (
	"bytes"
	"sync/atomic"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"dongyue/streams"
)

// soundFormats are those that are passed on.
func soundFormats(t *testing.T) []format.Format {
	t.Helper()
	c := &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 16000, ChannelConfig: 1}
	return []format.Format{
		&format.MPEG4Audio{PayloadTyp: 98, Config: c, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3},
		&format.Opus{PayloadTyp: 97, ChannelCount: 2},
		&format.G711{PayloadTyp: 8, SampleRate: 8000, ChannelCount: 1},
		&format.MPEG4AudioLATM{PayloadTyp: 99, StreamMuxConfig: &mpeg4audio.StreamMuxConfig{
			Programs: []*mpeg4audio.StreamMuxConfigProgram{{Layers: []*mpeg4audio.StreamMuxConfigLayer{{AudioSpecificConfig: c}}}},
		}},
	}
}

func TestFindSound(t *testing.T) {
	is := soundFormats(t)
	of := func(formats ...format.Format) *description.Session {
		d := &description.Session{}
		for _, f := range formats {
			d.Medias = append(d.Medias, &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{f}})
		}
		return d
	}
	back := of(is[2])
	back.Medias[0].IsBackChannel = true
	for _, c := range []struct {
		name string
		desc *description.Session
		want string
	}{
		{"none", of(), ""},
		{"AAC", of(is[0]), streams.AAC},
		{"AAC in its other wrapping", of(is[3]), streams.AAC},
		{"what browsers take goes before AAC", of(is[0], is[2]), streams.PCMA},
		{"and stays", of(is[1], is[0]), streams.Opus},
		{"µ-law", of(&format.G711{MULaw: true, SampleRate: 8000, ChannelCount: 1}), streams.PCMU},
		{"G.711 of another rate", of(&format.G711{SampleRate: 16000, ChannelCount: 1}), ""},
		{"G.726", of(&format.G726{PayloadTyp: 97, BitRate: 32}), ""},
		{"the loudspeaker", back, ""},
	} {
		if a := findSound(c.desc); a.sound.Codec != c.want || (c.want == "") != (a.media == nil) {
			t.Errorf("%s: %+v", c.name, a.sound)
		}
	}
}

// Picture and sound come from one camera; the sound is handed over as it was sent.
func TestSoundIsPulled(t *testing.T) {
	s := serveMany(t, h264(), &format.G711{PayloadTyp: 8, SampleRate: 8000, ChannelCount: 1})
	k := newKeeper()
	pull(t, s.addr, k)
	s.prime(t, k, h264())
	want := bytes.Repeat([]byte{0xd5}, 160)
	s.writeTo(1, 8, 1, 160, want)
	if got := <-k.sound; len(got) != 1 || !bytes.Equal(got[0], want) {
		t.Fatalf("got %x", got)
	}
	s.writeTo(1, 8, 9, 1600, want) // a piece that was lost costs no picture
	<-k.sound
	if len(k.lost) != 0 {
		t.Fatal(<-k.lost)
	}
	if d := <-k.said; d.Sound.Codec != streams.PCMA || d.Sound.Rate != 8000 {
		t.Fatalf("got %+v", d)
	}
}

// A camera that hangs up when it is asked for a second track shows its picture; one that
// only refuses is not dialled again.
func TestCameraThatCantStandSound(t *testing.T) {
	for name, c := range map[string]struct {
		answer      func(r *call) *base.Response
		hang        bool
		connections int32
	}{
		"it hangs up": {hang: true, connections: 2},
		"it refuses":  {answer: func(r *call) *base.Response { return status(r, base.StatusNotEnoughBandwidth) }, connections: 1},
	} {
		var most atomic.Int32
		q := newQuirky(t, nil, nil)
		q.answer = func(r *call, res *base.Response) *base.Response {
			most.Store(int32(r.conn)) // they come one after the other
			switch {
			case r.Method == base.Describe:
				res.Body = append(res.Body, "m=audio 0 RTP/AVP 8\r\na=control:track2\r\n"...)
			case r.Method == base.Setup && r.count == 2 && c.hang:
				res.Header["Connection"] = base.HeaderValue{"close"}
			case r.Method == base.Setup && r.count == 2:
				return c.answer(r)
			}
			return res
		}
		if err := film(t, at(q.addr, "")); err != nil || most.Load() != c.connections {
			t.Errorf("%s: %v, %d connections", name, err, most.Load())
		}
	}
}
