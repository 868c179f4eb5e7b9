package streams

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/pion/rtp"
)

// decode reads a frame with another implementation.
func decode(t *testing.T, f *Frame) [][]byte {
	t.Helper()
	d := &rtph264.Decoder{PacketizationMode: 1}
	if err := d.Init(); err != nil {
		t.Fatal(err)
	}
	for i, b := range f.Payloads {
		au, err := d.Decode(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Marker: i == len(f.Payloads)-1}, Payload: b})
		if err == nil {
			return au
		}
		if !errors.Is(err, rtph264.ErrMorePacketsNeeded) {
			t.Fatal(err)
		}
	}
	t.Fatal("frame is not complete")
	return nil
}

func equal(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func TestAccessUnit(t *testing.T) {
	idr, p := slice(nalIDR, 5000), slice(nalSlice, 300)
	aud, filler, sei := []byte{9, 0xf0}, []byte{12, 0xff, 0x80}, []byte{6, 1, 2, 3}
	for _, c := range []struct {
		name     string
		in, want [][]byte
		key      bool
	}{
		{"key frame", [][]byte{testSPS, testPPS, idr}, [][]byte{testSPS, testPPS, idr}, true},
		{"delimiter and filler go", [][]byte{aud, testSPS, testPPS, sei, idr, filler}, [][]byte{testSPS, testPPS, sei, idr}, true},
		{"sets in another order", [][]byte{aud, testPPS, testSPS, idr}, [][]byte{testSPS, testPPS, idr}, true},
		{"sets are kept for the next key frame", [][]byte{idr}, [][]byte{testSPS, testPPS, idr}, true},
		{"plain", [][]byte{p}, [][]byte{p}, false},
		{"two slices", [][]byte{p, p}, [][]byte{p, p}, false},
		{"empty NAL", [][]byte{{}, p}, [][]byte{p}, false},
		{"extension slices go", [][]byte{p, {20, 1, 2}, {14, 1}}, [][]byte{p}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var k Packetizer
			k.SetParams(testSPS, testPPS)
			f, err := k.AccessUnit(c.in)
			if err != nil {
				t.Fatal(err)
			}
			if f.Key != c.key || !equal(f.NALUs(), c.want) || !equal(decode(t, f), c.want) {
				t.Fatalf("key %v, %d NAL units, want %v, %d", f.Key, len(f.NALUs()), c.key, len(c.want))
			}
		})
	}
}

func TestAccessUnitRefuses(t *testing.T) {
	many := make([][]byte, maxUnitNALs+1)
	for _, c := range []struct {
		name string
		in   [][]byte
		want error
	}{
		{"no parameter sets", [][]byte{slice(nalIDR, 10)}, errNoParams},
		{"forbidden bit", [][]byte{{0x80 | nalSlice, 1}}, errForbidden},
		{"too many", many, errTooLarge},
		{"too long", [][]byte{slice(nalSlice, maxUnitBytes+1)}, errTooLarge},
		{"nothing", nil, nil},
		{"sets alone", [][]byte{testSPS, testPPS}, nil},
	} {
		var k Packetizer
		f, err := k.AccessUnit(c.in)
		if f != nil || !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%s: got %v, %v", c.name, f, err)
		}
	}
}

func TestFragmentsAreEqual(t *testing.T) {
	for _, n := range []int{MaxPayload, MaxPayload + 1, 2 * MaxPayload, 10_000, 100_003} {
		var k Packetizer
		f, err := k.AccessUnit([][]byte{slice(nalSlice, n)})
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range f.Payloads {
			if len(b) > MaxPayload {
				t.Fatalf("%d: payload %d has %d bytes", n, i, len(b))
			}
			last := i == len(f.Payloads)-1
			if len(b) != len(f.Payloads[0]) && !last || last && len(b) > len(f.Payloads[0]) {
				t.Fatalf("%d: payload %d has %d bytes, the first %d", n, i, len(b), len(f.Payloads[0]))
			}
		}
		if cap(f.Payloads[0]) != len(f.Payloads[0]) {
			t.Fatal("a payload can be appended into the next one")
		}
	}
}

func TestLongParameterSetsStandAlone(t *testing.T) {
	pps := append([]byte{0x68}, bytes.Repeat([]byte{0xaa}, MaxPayload)...)
	var k Packetizer
	f, err := k.AccessUnit([][]byte{testSPS, pps, slice(nalIDR, 10)})
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, f); !equal(got, [][]byte{testSPS, pps, slice(nalIDR, 10)}) {
		t.Fatalf("%d NAL units", len(got))
	}
}

// FuzzAccessUnit cuts arbitrary bytes into NAL units: whatever they are, payloads
// stay within the limit and the picture comes out as it went in.
func FuzzAccessUnit(f *testing.F) {
	f.Add([]byte{0x67, 1, 2, 3, 0, 0, 1, 0x68, 4, 0, 0, 1, 0x65, 5, 6, 7}, uint16(0))
	f.Add([]byte{0x41, 1}, uint16(5000))
	f.Add([]byte{0xff, 0, 0, 1, 0x7c, 0x85}, uint16(1200))
	f.Fuzz(func(t *testing.T, b []byte, grow uint16) {
		nalus := bytes.Split(b, []byte{0, 0, 1})
		if last := len(nalus) - 1; len(nalus[last]) > 0 {
			nalus[last] = append(append([]byte(nil), nalus[last]...), make([]byte, grow)...)
		}
		var k Packetizer
		k.SetParams(testSPS, testPPS)
		fr, err := k.AccessUnit(nalus)
		if err != nil || fr == nil {
			return
		}
		total := 0
		for _, p := range fr.Payloads {
			if len(p) == 0 || len(p) > MaxPayload {
				t.Fatalf("payload of %d bytes", len(p))
			}
			total += len(p)
		}
		if total != fr.Bytes {
			t.Fatalf("%d bytes, said %d", total, fr.Bytes)
		}
		out := fr.NALUs()
		if fr.Key && (out[0][0]&0x1f != nalSPS || h264.NALUType(out[len(out)-1][0]&0x1f) == h264.NALUTypeSPS) {
			t.Fatal("a key frame without parameter sets in front")
		}
		var pictures, want [][]byte
		for _, n := range out {
			if y := n[0] & 0x1f; y != nalSPS && y != nalPPS {
				pictures = append(pictures, n)
			}
		}
		for _, n := range nalus {
			if len(n) > 0 && n[0]&0x1f >= nalSlice && n[0]&0x1f <= nalSEI {
				want = append(want, n)
			}
		}
		if !equal(pictures, want) {
			t.Fatalf("in %x, out %x", want, pictures)
		}
	})
}
