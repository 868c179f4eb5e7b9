package mse

import (
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"dongyue/streams"
)

var (
	sps = []byte{0x67, 0x4d, 0x40, 0x1f, 0xec, 0xa0, 0x28, 0x02, 0xdd, 0x80, 0xb5, 0x01, 0x01, 0x01, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc6, 0x0c, 0x65, 0x80}
	pps = []byte{0x68, 0xef, 0xbc, 0x80}
)

func frame(t testing.TB, ts uint32, at time.Time, nalus ...[]byte) *streams.Frame {
	t.Helper()
	f := picture(ts, at, nalus...)
	if f == nil {
		t.Fatal("no picture")
	}
	return f
}

// picture is nil where the bytes are none.
func picture(ts uint32, at time.Time, nalus ...[]byte) *streams.Frame {
	var p streams.Packetizer
	p.SetParams(sps, pps)
	f, err := p.AccessUnit(nalus)
	if err != nil || f == nil {
		return nil
	}
	f.TS, f.At, f.Due = ts, at, at
	return f
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const wrap = 1<<32 - 3600
	key, plain := []byte{0x65, 1, 2}, []byte{0x41, 1, 2}
	m, err := newMuxer(frame(t, wrap, at, key), streams.Sound{Codec: streams.Opus, Rate: 48000, Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	if m.mime() != `video/mp4; codecs="avc1.4d401f,opus"` {
		t.Fatal(m.mime())
	}
	steps := []struct {
		ts    uint32
		after int64 // of the picture before, when it is shown
	}{{wrap, 0}, {0, 3600}, {3600, 3600}, {3600, 3600}, {10800, 7200}, {10800 + 90000*60, 7200}, {10800 + 90000*60 + 3000, 3000}}
	var at0 uint64
	shown := int64(2 * usual) // its parameter sets speak of two B-frames, so it is decoded so much earlier
	for i, s := range steps {
		b, err := m.add(frame(t, s.ts, at, plain))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if b != nil {
				t.Fatal("a picture whose length is not known")
			}
			continue
		}
		var parts fmp4.Parts
		if err := parts.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		p := parts[0].Tracks[0]
		if got := int64(p.BaseTime) + int64(p.Samples[0].PTSOffset); p.BaseTime != at0 || got != shown || p.Samples[0].PTSOffset < 0 {
			t.Fatalf("step %d: decoded at %d and shown at %d, want %d and %d", i, p.BaseTime, got, at0, shown)
		}
		at0 += uint64(p.Samples[0].Duration)
		shown += s.after
	}
	// Sound that belongs 100 ms behind the newest picture lies there.
	b, err := m.hear([]*streams.SoundFrame{{Due: at.Add(100 * time.Millisecond), Data: []byte{1}, Samples: 960}})
	if err != nil {
		t.Fatal(err)
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	if p := parts[0].Tracks[0]; p.ID != soundID || p.BaseTime != uint64(shown)*48000/90000+4800 {
		t.Fatalf("sound at %d", p.BaseTime)
	}
	// A little off is the network's doing and moves nothing; far off does.
	if b, err = m.hear([]*streams.SoundFrame{{Due: at.Add(130 * time.Millisecond), Data: []byte{1}, Samples: 960}}); err != nil {
		t.Fatal(err)
	}
	parts = nil
	if err := parts.Unmarshal(b); err != nil || parts[0].Tracks[0].BaseTime != uint64(shown)*48000/90000+4800+960 {
		t.Fatalf("sound goes on at %d, %v", parts[0].Tracks[0].BaseTime, err)
	}
}

// B-frames have two times: they are decoded one after the other, and shown in their order.
func TestBFramesHaveTwoTimes(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	key, plain := []byte{0x65, 1, 2}, []byte{0x41, 1, 2}
	m, err := newMuxer(frame(t, 0, at, key), streams.Sound{})
	if err != nil {
		t.Fatal(err)
	}
	var last uint64
	order := []uint32{0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12}
	for i, n := range order {
		b, err := m.add(frame(t, n*usual, at, [][]byte{key, plain}[min(i, 1)]))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue
		}
		var parts fmp4.Parts
		if err := parts.Unmarshal(b); err != nil {
			t.Fatal(err)
		}
		p := parts[0].Tracks[0]
		shown := int64(p.BaseTime) + int64(p.Samples[0].PTSOffset)
		if want := int64(order[i-1]+2) * usual; shown != want || p.Samples[0].PTSOffset < 0 || i > 1 && p.BaseTime != last {
			t.Errorf("picture %d is decoded at %d, behind %d, and shown at %d, want %d", i-1, p.BaseTime, last, shown, want)
		}
		last = p.BaseTime + uint64(p.Samples[0].Duration)
	}
}

func TestG711IsNotInFiles(t *testing.T) {
	m, err := newMuxer(frame(t, 0, time.Now(), []byte{0x65, 1, 2}), streams.Sound{Codec: streams.PCMA, Rate: 8000, Channels: 1})
	if err != nil || m.mime() != `video/mp4; codecs="avc1.4d401f"` {
		t.Fatalf("%v, %v", m, err)
	}
	if b, err := m.hear([]*streams.SoundFrame{{Data: []byte{1}}}); b != nil || err != nil {
		t.Fatal("it is written")
	}
}

// FuzzMuxer: whatever cameras send as pictures and sound, what is written can be
// read again and holds the picture as it was.
func FuzzMuxer(f *testing.F) {
	f.Add([]byte{0x65, 1, 2, 3}, []byte{0x41, 1}, []byte{1, 2}, uint32(3600), []byte{0x11, 0x90}, int64(20))
	f.Add([]byte{0x65}, []byte{0x65, 9}, []byte{}, uint32(0), []byte{}, int64(-5))
	f.Fuzz(func(t *testing.T, a, b, sound []byte, step uint32, config []byte, due int64) {
		at := time.Unix(1_700_000_000, 0)
		first, second := picture(100, at, a), picture(100+step, at, b)
		if first == nil || second == nil {
			return
		}
		m, err := newMuxer(first, streams.Sound{Codec: streams.AAC, Rate: 48000, Channels: 2, Config: config})
		if err != nil {
			return
		}
		head, err := m.init()
		if err != nil || len(head) == 0 || m.mime() == "" {
			return
		}
		if _, err := m.add(first); err != nil {
			t.Fatal(err)
		}
		out, err := m.add(second)
		if err != nil {
			t.Fatal(err)
		}
		var parts fmp4.Parts
		if err := parts.Unmarshal(out); err != nil {
			t.Fatal(err)
		}
		s := parts[0].Tracks[0].Samples[0]
		if _, want := first.Split(); len(want) == 1 && string(s.Payload[4:]) != string(want[0]) || s.Duration == 0 {
			t.Fatalf("%x for %d", s.Payload, s.Duration)
		}
		if _, err := m.hear([]*streams.SoundFrame{{Due: at.Add(time.Duration(due % int64(time.Hour))), Data: sound, Samples: 1024}}); err != nil {
			t.Fatal(err)
		}
	})
}
