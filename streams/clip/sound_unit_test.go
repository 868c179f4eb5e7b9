package clip

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"dongyue/streams"
)

func alaw() streams.Sound { return streams.Sound{Codec: streams.PCMA, Rate: 8000, Channels: 1} }

func opus() streams.Sound { return streams.Sound{Codec: streams.Opus, Rate: 48000, Channels: 2} }

// filmed is a ring after some pictures at 25 a second, a group of them a second, and
// sound in pieces of 20 ms beside them; sound says how it is coded at a picture, and
// how much later it is heard than the camera's clock says.
func filmed(t testing.TB, pictures int, sound func(n int) (streams.Sound, time.Duration)) *ring {
	t.Helper()
	r := &ring{keep: time.Minute, most: 1 << 30, wake: func() {}}
	r.setSound(true)
	p := testParams()
	var pack streams.Packetizer
	for n := range pictures {
		nalus := [][]byte{{0x41}}
		if n%25 == 0 {
			nalus = [][]byte{p.sps, p.pps, {0x65}}
		}
		f, err := pack.AccessUnit(nalus)
		must(t, err)
		f.At = begin().Add(time.Duration(n) * 40 * time.Millisecond)
		f.Due, f.TS = f.At, uint32(n*frameTicks)
		r.put(f)
		s, late := sound(n)
		if s.Rate == 0 {
			continue
		}
		for k := range 2 {
			at := f.Due.Add(time.Duration(k)*20*time.Millisecond + late)
			r.hear(s, &streams.SoundFrame{At: at, Due: at, Data: []byte{byte(n), byte(k)}, Samples: uint32(s.Rate / 50)})
		}
	}
	r.close(int64(pictures*frameTicks), "")
	return r
}

// written encodes what a ring has into one file, with all tracks in its head.
func written(t testing.TB, r *ring) (file []byte, head params, ps []*piece) {
	t.Helper()
	e := &encoder{zero: -ahead, params: testParams()}
	for _, f := range r.frags {
		e.params.learn(f)
	}
	file, err := e.params.head()
	must(t, err)
	for _, f := range r.frags {
		p, b, err := e.encode(f)
		must(t, err)
		p.reel, p.at = "x", int64(len(file))
		ps, file = append(ps, p), append(file, b...)
	}
	return file, e.params, ps
}

// heardPart is where sound lies in a fragment, and how long each piece lasts.
type heardPart struct {
	id      int
	at      uint64
	lengths []uint32
}

func heardParts(t testing.TB, file []byte, ps []*piece) (out []heardPart) {
	t.Helper()
	for _, p := range ps {
		b := file[p.at : p.at+p.size]
		list, err := boxes(b, 0, len(b))
		must(t, err)
		for _, x := range list {
			if x.kind != "moof" {
				continue
			}
			part, err := samplesOf(b[x.from:])
			must(t, err)
			for _, tr := range part.Tracks[1:] {
				h := heardPart{id: tr.ID, at: tr.BaseTime}
				for _, s := range tr.Samples {
					h.lengths = append(h.lengths, s.Duration)
				}
				out = append(out, h)
			}
		}
	}
	return out
}

// Sound lies where it is heard, piece behind piece; where the camera has paused, or its
// clock was set, it is set anew.
func TestSoundLiesWhereItIsHeard(t *testing.T) {
	r := filmed(t, 50, func(n int) (streams.Sound, time.Duration) {
		switch {
		case n >= 10 && n < 15:
			return streams.Sound{}, 0 // 200 ms are missing
		case n == 30:
			return alaw(), 7 * time.Millisecond // it trembles
		case n >= 40:
			return alaw(), 100 * time.Millisecond // it was set
		}
		return alaw(), 0
	})
	file, head, ps := written(t, r)
	end := uint64(ahead * 8000 / clockRate)
	pieces := 0
	for i, h := range heardParts(t, file, ps) {
		if h.id != 2 || h.at != end {
			t.Errorf("part %d of track %d begins at %d, want %d", i, h.id, h.at, end)
		}
		for _, n := range h.lengths {
			switch end += uint64(n); {
			case n == 160+1600 && pieces == 19, n == 160+800 && pieces == 69, n == 160:
			default:
				t.Errorf("piece %d lasts %d", pieces, n)
			}
			pieces++
		}
	}
	if pieces != 2*45-5 { // the last 100 ms wait for their pictures
		t.Errorf("%d pieces", pieces)
	}
	got, back, _, err := scan(bytes.NewReader(file), "x")
	must(t, err)
	if len(back) != len(ps) || len(got.sounds) != 1 || !got.sounds[0].Equal(alaw()) || got.sound(back) != streams.PCMA {
		t.Errorf("read back: %+v, was %+v", got.sounds, head.sounds)
	}
	skimmed, err := skim(bytes.NewReader(file), int64(len(file)), "x")
	must(t, err)
	for i, p := range skimmed {
		if p.sound != ps[i].sound || p.frames != ps[i].frames || p.length != ps[i].length {
			t.Errorf("fragment %d is skimmed as %+v", i, p)
		}
	}
}

// Each coding is a track, and a file has those that it has something of.
func TestTracksOfSound(t *testing.T) {
	r := filmed(t, 100, func(n int) (streams.Sound, time.Duration) {
		switch n / 25 {
		case 1:
			return alaw(), 0
		case 2:
			return opus(), 0
		}
		return streams.Sound{}, 0
	})
	file, _, ps := written(t, r)
	raw := file[:ps[0].at]
	for want, part := range map[string][]*piece{"1": ps[:1], "1 2": ps[:3], "1 2 3": ps, "1 3": ps[len(ps)-4:]} {
		b, err := header(raw, cutOf(part, part[0].start, part[len(part)-1].end), part)
		must(t, err)
		list, err := tracksIn(b)
		must(t, err)
		var got []byte
		for _, x := range list {
			got = append(got, ' ', byte('0'+x.id))
			if media, err := editOf(b, &x); err != nil || media != part[0].pts*x.scale/clockRate {
				t.Errorf("track %d begins at %d, %v", x.id, media, err)
			}
		}
		if string(got) != " "+want {
			t.Errorf("the tracks are%s, want %s", got, want)
		}
		if _, err := paramsOf(b); err != nil {
			t.Error(err)
		}
	}
}

// Sound that nobody wants any more is forgotten at once, also what waits in memory.
func TestSoundIsForgotten(t *testing.T) {
	r := filmed(t, 50, func(int) (streams.Sound, time.Duration) { return alaw(), 0 })
	loud := func(f *fragment) bool { return len(f.sounds) > 0 }
	if !slices.ContainsFunc(r.frags, loud) {
		t.Fatal("there was none")
	}
	was := r.keptBytes()
	r.setSound(false)
	r.hear(alaw(), &streams.SoundFrame{Data: []byte{1}, Samples: 160})
	if slices.ContainsFunc(r.frags, loud) || len(r.heard.wait) > 0 || r.keptBytes() >= was {
		t.Errorf("it is still there: %d bytes of %d", r.keptBytes(), was)
	}
}

// FuzzTracks: a header from a damaged file is cut, named and read without a panic, and
// so is a fragment.
func FuzzTracks(f *testing.F) {
	r := filmed(f, 60, func(n int) (streams.Sound, time.Duration) { return []streams.Sound{alaw(), opus()}[n/30], 0 })
	file, _, ps := written(f, r)
	f.Add(file[:ps[0].at], file[ps[0].at:ps[1].at])
	f.Add(file[:ps[0].at], file[ps[len(ps)-1].at:])
	f.Add([]byte("\x00\x00\x00\x08ftyp\x00\x00\x00\x08moov"), []byte("\x00\x00\x00\x08moof"))
	f.Fuzz(func(_ *testing.T, head, fragment []byte) {
		p, _ := paramsOf(head)
		if b, err := cutTracks(head, 1000, 10, []*piece{{sound: 2}}); err == nil {
			_, _ = beginsAt(b)
			_, _ = header(head, cut{}, []*piece{{sound: 3}})
		}
		_ = name(slices.Clone(head), p.sounds)
		_, _ = parseFragment(fragment)
		_, _ = timesOf(bytes.NewReader(fragment), 0, int64(len(fragment)), map[int]int64{1: clockRate, 2: 8000})
		_, _ = skimFragment(bytes.NewReader(fragment), 0, int64(len(fragment)))
	})
}
