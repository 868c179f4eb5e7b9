package streams

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph265"
	"github.com/pion/rtp"
)

// Parameter sets of a real encoder: main profile, level 4, 1920×1080 (in a picture
// of 1920×1088), 15 frames a second.
var (
	testVPS265 = []byte{0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x78, 0x95, 0x94, 0x09}
	testSPS265 = []byte{0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x78, 0xa0, 0x03, 0xc0, 0x80, 0x11, 0x07, 0xcb, 0x96, 0x56, 0x54, 0xa4, 0xc2, 0xf0, 0x16, 0x80, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x07, 0x84}
	testPPS265 = []byte{0x44, 0x01, 0xc0, 0x73, 0xc1, 0x89}
)

// slice265 is a coded slice of n bytes.
func slice265(kind byte, n int) []byte {
	b := slice(0, n)
	b[0], b[1] = kind<<1, 1
	return b
}

// decode265 reads a frame with another implementation.
func decode265(t *testing.T, f *Frame) [][]byte {
	t.Helper()
	d := &rtph265.Decoder{}
	if err := d.Init(); err != nil {
		t.Fatal(err)
	}
	for i, b := range f.Payloads {
		au, err := d.Decode(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Marker: i == len(f.Payloads)-1}, Payload: b})
		if err == nil {
			return au
		}
		if !errors.Is(err, rtph265.ErrMorePacketsNeeded) {
			t.Fatal(err)
		}
	}
	t.Fatal("frame is not complete")
	return nil
}

func TestAccessUnit265(t *testing.T) {
	idr, cra, bla, p := slice265(hevcIDR, 5000), slice265(hevcCRA, 900), slice265(hevcBLA, 40), slice265(1, 300)
	aud, filler, sei := []byte{35 << 1, 1, 0x50}, []byte{38 << 1, 1, 0xff}, []byte{hevcSEI << 1, 1, 5}
	sets := [][]byte{testVPS265, testSPS265, testPPS265}
	with := func(n ...[]byte) [][]byte { return append(slices.Clone(sets), n...) }
	for _, c := range []struct {
		name     string
		in, want [][]byte
		key      bool
	}{
		{"key frame", with(idr), with(idr), true},
		{"clean random access", with(cra), with(cra), true},
		{"broken link", with(bla), with(bla), true},
		{"delimiter and filler go", append([][]byte{aud}, with(sei, idr, filler)...), with(sei, idr), true},
		{"sets in another order", [][]byte{testPPS265, testSPS265, testVPS265, idr}, with(idr), true},
		{"sets are kept for the next key frame", [][]byte{idr}, with(idr), true},
		{"plain", [][]byte{p}, [][]byte{p}, false},
		{"two slices", [][]byte{p, p}, [][]byte{p, p}, false},
		{"SEI behind", [][]byte{p, {hevcTail << 1, 1, 9}}, [][]byte{p, {hevcTail << 1, 1, 9}}, false},
		{"header alone", [][]byte{{2, 1}, p}, [][]byte{p}, false},
		{"another layer goes", [][]byte{p, {2, 1 | 1<<3, 1, 2}}, [][]byte{p}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var k hevcPacketizer
			k.setParams(sets)
			f, err := k.AccessUnit(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if f.Key != c.key || !f.H265 || !equal(f.NALUs(), c.want) || !equal(decode265(t, f), c.want) {
				t.Fatalf("key %v, %d NAL units, want %v, %d", f.Key, len(f.NALUs()), c.key, len(c.want))
			}
		})
	}
}

func TestAccessUnit265Refuses(t *testing.T) {
	for _, c := range []struct {
		name string
		in   [][]byte
		want error
	}{
		{"no parameter sets", [][]byte{slice265(hevcIDR, 10)}, errNoParams},
		{"forbidden bit", [][]byte{{0x82, 1, 1}}, errForbidden},
		{"too many", make([][]byte, maxUnitNALs+1), errTooLarge},
		{"too long", [][]byte{slice265(1, maxUnitBytes+1)}, errTooLarge},
		{"nothing", nil, nil},
		{"sets alone", [][]byte{testVPS265, testSPS265, testPPS265}, nil},
	} {
		var k hevcPacketizer
		f, err := k.AccessUnit(c.in)
		if f != nil || !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%s: got %v, %v", c.name, f, err)
		}
	}
}

func TestFragmentsAreEqual265(t *testing.T) {
	for _, n := range []int{MaxPayload, MaxPayload + 1, 2 * MaxPayload, 10_000, 100_003} {
		var k hevcPacketizer
		f, err := k.AccessUnit([][]byte{slice265(1, n)})
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range f.Payloads {
			last := i == len(f.Payloads)-1
			if len(b) > MaxPayload || len(b) != len(f.Payloads[0]) && !last || last && len(b) > len(f.Payloads[0]) {
				t.Fatalf("%d: payload %d has %d bytes, the first %d", n, i, len(b), len(f.Payloads[0]))
			}
		}
	}
}

// Leading pictures refer to what came before their key frame: who joined at it
// can't decode them, who was there before can.
func TestLeadingPictures(t *testing.T) {
	s := NewStream()
	var tapped []byte
	defer s.Tap(func(f *Frame) { tapped = append(tapped, hevcType(f.NALUs()[len(f.NALUs())-1])) })()
	g := newIngest(s, "", func() {}, func() {})
	g.Describe(Description{H265: true, Params: [][]byte{testVPS265, testSPS265, testPPS265}})
	for i, kind := range []byte{hevcCRA, hevcRASLR, hevcRASLN, 1, hevcCRA, hevcRASLR, 1, hevcBLA, hevcRASLN, 1} {
		g.Unit([][]byte{slice265(kind, 40)}, uint32(i*3600), time.Time{})
	}
	if want := []byte{hevcCRA, 1, hevcCRA, hevcRASLR, 1, hevcBLA, 1}; !bytes.Equal(tapped, want) {
		t.Fatalf("passed on are %v, want %v", tapped, want)
	}
	if c := s.Codec(); c.Codec != "h265" || c.Width != 1920 || c.Height != 1080 {
		t.Fatalf("got %+v", c)
	}
}

// A camera that is set to another coding is another stream: who reads must ask anew.
func TestAnotherCodingEndsReaders(t *testing.T) {
	s := NewStream()
	g := newIngest(s, "", func() {}, func() {})
	g.Describe(Description{Params: [][]byte{testSPS, testPPS}})
	r := NewReader(s, discard{}, 0)
	g.Unit(unit(true, 100), 0, time.Time{})
	done := make(chan error, 1)
	go func() { done <- r.Run(t.Context()) }()
	newIngest(s, "", func() {}, func() {}).Describe(Description{H265: true})
	if err := <-done; !errors.Is(err, ErrCoding) {
		t.Fatalf("the reader ended with %v", err)
	}
	if cached(s) != 0 {
		t.Fatal("pictures of the old coding are cached")
	}
}

type discard struct{}

func (discard) Send(uint64, uint32, [][]byte, bool) error      { return nil }
func (discard) Report(time.Time, uint32, uint32, uint32) error { return nil }

// FuzzAccessUnit265 is FuzzAccessUnit for the other coding.
func FuzzAccessUnit265(f *testing.F) {
	f.Add(bytes.Join([][]byte{testVPS265, testSPS265, testPPS265, slice265(hevcIDR, 9)}, []byte{0, 0, 1}), uint16(0))
	f.Add([]byte{2, 1, 1}, uint16(5000))
	f.Add([]byte{0xff, 0, 0, 1, 0x62, 1, 0x93}, uint16(1200))
	f.Fuzz(func(t *testing.T, b []byte, grow uint16) {
		nalus := bytes.Split(b, []byte{0, 0, 1})
		if last := len(nalus) - 1; len(nalus[last]) > 0 {
			nalus[last] = append(append([]byte(nil), nalus[last]...), make([]byte, grow)...)
		}
		var k hevcPacketizer
		k.setParams([][]byte{testVPS265, testSPS265, testPPS265})
		fr, err := k.AccessUnit(nalus)
		if err != nil || fr == nil {
			return
		}
		total := 0
		for _, p := range fr.Payloads {
			if len(p) < 3 || len(p) > MaxPayload {
				t.Fatalf("payload of %d bytes", len(p))
			}
			total += len(p)
		}
		if total != fr.Bytes {
			t.Fatalf("%d bytes, said %d", total, fr.Bytes)
		}
		var pictures, want [][]byte
		for _, n := range fr.NALUs() {
			if y := hevcType(n); y < hevcVPS || y > hevcPPS {
				pictures = append(pictures, n)
			}
		}
		for _, n := range nalus {
			if len(n) < 3 || n[0]&1 != 0 || n[1]>>3 != 0 {
				continue
			}
			if y := hevcType(n); y <= hevcRASLR || y >= hevcBLA && y <= hevcCRA || y == hevcSEI || y == hevcTail {
				want = append(want, n)
			}
		}
		if !equal(pictures, want) {
			t.Fatalf("in %x, out %x", want, pictures)
		}
		if fr.Key && hevcType(fr.NALUs()[0]) != hevcVPS {
			t.Fatal("a key frame without parameter sets in front")
		}
	})
}
