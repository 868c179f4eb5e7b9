package clip

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dongyue/streams"
)

// Parameter sets of a real encoder: main profile, 1280×720, 25 frames a second.
func testParams() params {
	return params{
		sps: []byte{0x67, 0x4d, 0x40, 0x1f, 0xec, 0xa0, 0x28, 0x02, 0xdd, 0x80, 0xb5, 0x01, 0x01, 0x01, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc6, 0x0c, 0x65, 0x80},
		pps: []byte{0x68, 0xef, 0xbc, 0x80},
	}
}

// reelOf encodes fragments of 10 pictures.
func reelOf(t testing.TB, n int) (file []byte, want []*piece) {
	t.Helper()
	e := &encoder{zero: -ahead, params: testParams()}
	head, err := e.params.head()
	must(t, err)
	file = head
	r := &run{}
	r.came(0, begin())
	var pack streams.Packetizer
	for i := range n {
		f := &fragment{n: uint64(i), run: r, key: i%2 == 0, pts: int64(i * 10 * frameTicks), end: int64((i + 1) * 10 * frameTicks), next: int64((i + 1) * 10 * frameTicks)}
		if i == 3 {
			f.gap = "camera.failed"
		}
		for k := range 10 {
			nalus := [][]byte{{0x41}} // too short to tell its order, so it is decoded when it is shown
			if k == 0 && f.key {
				nalus = [][]byte{e.params.sps, e.params.pps, {0x65}}
			}
			x, err := pack.AccessUnit(nalus)
			must(t, err)
			x.NTP = begin().Add(time.Duration(i*10+k)*40*time.Millisecond + 3*time.Second)
			f.frames = append(f.frames, picture{x, f.pts + int64(k*frameTicks)})
		}
		p, b, err := e.encode(f)
		must(t, err)
		p.reel, p.at = "x", int64(len(file))
		want = append(want, p)
		file = append(file, b...)
	}
	return file, want
}

// What is read back of a reel is what was written, up to where it breaks off.
func TestScan(t *testing.T) {
	file, want := reelOf(t, 6)
	for cutOff := range len(file) {
		if cutOff%17 != 0 && cutOff < len(file)-40 {
			continue
		}
		p, ps, good, err := scan(bytes.NewReader(file[:cutOff]), "x")
		whole := 0
		for _, w := range want {
			if w.at+w.size <= int64(cutOff) {
				whole++
			}
		}
		if err != nil {
			if int64(cutOff) >= want[0].at {
				t.Fatalf("cut off at %d: %v", cutOff, err)
			}
			continue
		}
		if len(ps) != whole || good > int64(cutOff) || !bytes.Equal(p.sps, testParams().sps) {
			t.Fatalf("cut off at %d: %d fragments to %d, want %d", cutOff, len(ps), good, whole)
		}
	}
	_, ps, good, err := scan(bytes.NewReader(file), "x")
	must(t, err)
	if good != int64(len(file)) {
		t.Errorf("%d of %d bytes are good", good, len(file))
	}
	for i, p := range ps {
		w := want[i]
		if p.seq != w.seq || p.key != w.key || p.frames != w.frames || p.pts != w.pts || p.dts != w.dts || p.length != w.length || p.Gap != w.Gap || p.at != w.at || p.size != w.size {
			t.Errorf("fragment %d: %+v, want %+v", i, p, w)
		}
		if !p.start.Equal(w.start) || !p.end.Equal(w.end) || !p.low.Equal(w.low) || p.NTP == nil || !p.NTP.Equal(*w.NTP) {
			t.Errorf("fragment %d: %s to %s, want %s to %s, %v", i, p.start, p.end, w.start, w.end, p.NTP)
		}
	}
	if d, ok := skew(ps); !ok || d != 3*time.Second {
		t.Errorf("skew is %s", d)
	}
	if p := testParams(); p.codec() != "avc1.4d401f" {
		t.Errorf("codec is %s", p.codec())
	}
}

func TestCutAndGaps(t *testing.T) {
	_, ps := reelOf(t, 6)
	from, to := begin().Add(900*time.Millisecond), begin().Add(2*time.Second)
	k := cutOf(ps[2:], from, to)
	if k.media != ahead+ticks(900*time.Millisecond) || k.length != 1100*time.Millisecond || !k.from.Equal(from) || !k.to.Equal(to) {
		t.Fatalf("got %+v", k)
	}
	p := testParams()
	head, _ := p.head()
	b, err := header(bytes.Clone(head), k, ps[2:])
	must(t, err)
	if media, err := beginsAt(b); err != nil || media != k.media {
		t.Errorf("the edit list begins at %d, %v", media, err)
	}
	_, err = boxes(b, 0, len(b))
	must(t, err)
	// Fragments 2 and 4 begin with key frames, at 0.8 and 1.6 s.
	if got, want := stretches(ps[2:], k), []stretch{{ps[2].size + ps[3].size, ticks(700 * time.Millisecond)}, {ps[4].size + ps[5].size, ticks(400 * time.Millisecond)}}; !slices.Equal(got, want) {
		t.Errorf("the index has %+v, want %+v", got, want)
	}
	gs := gaps(ps, begin().Add(-time.Second), begin().Add(5*time.Second), codeMemory, codeStopped)
	if len(gs) != 2 || gs[0].Reason != codeMemory || gs[1].Reason != codeStopped || gs[0].To.Sub(gs[0].From) != time.Second || gs[1].To.Sub(gs[1].From) != 2600*time.Millisecond {
		t.Errorf("gaps are %+v", gs) // the one before fragment 3 has no length
	}
}

// FuzzScan: whatever lies in a reel, reading it neither panics nor finds fragments
// that are not there.
func FuzzScan(f *testing.F) {
	file, _ := reelOf(f, 3)
	f.Add(file)
	f.Add(file[:len(file)-7])
	f.Add(append(bytes.Clone(file), wrap("uuid", func(w *writer) { w.text(noteID + "{") })...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, ps, good, err := scan(bytes.NewReader(b), "x")
		if err != nil {
			return
		}
		if good > int64(len(b)) {
			t.Fatalf("%d of %d bytes are good", good, len(b))
		}
		for _, p := range ps {
			if p.size <= 0 || p.at+p.size > good || p.pts < 0 || p.frames == 0 {
				t.Fatalf("got %+v", p)
			}
		}
		if len(ps) > 0 {
			c := &clip{from: begin(), to: begin().Add(time.Second), resumed: true}
			c.recall(inOrder(ps))
			if got := c.pieces(); len(got) > 0 {
				_ = cutOf(got, c.from, c.to)
				_ = gaps(got, c.from, c.to, codeMemory, codeStopped)
			}
		}
	})
}

// FuzzTrim: a file that is not the library's own is refused.
func FuzzTrim(f *testing.F) {
	p := testParams()
	head, _ := p.head()
	f.Add(head)
	f.Add([]byte("\x00\x00\x00\x08ftyp\x00\x00\x00\x08moov"))
	dir := f.TempDir()
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = beginsAt(b)
		_, _ = cutTracks(b, 1, 2, nil)
		_, _ = paramsOf(b)
		_, _ = splice(bytes.Clone(b), edit(1, 2), "moov", "trak", "tkhd")
		x, err := os.Create(filepath.Join(dir, "x"))
		if err != nil {
			return
		}
		_, _ = x.Write(b)
		_, _ = newExtract(p).trim(x, 1, time.Second)
		_ = x.Close()
	})
}
