package streams

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

// boxes are the names of an MP4's outermost boxes; ok tells that their lengths fit.
func boxes(b []byte) (names []string, ok bool) {
	for len(b) > 0 {
		if len(b) < 8 {
			return names, false
		}
		n := int(binary.BigEndian.Uint32(b))
		if n < 8 || n > len(b) {
			return names, false
		}
		names, b = append(names, string(b[4:8])), b[n:]
	}
	return names, true
}

// FuzzParams: parameter sets of a session description and of a stream may be what
// they like: what comes in with them is shown, or refused; a still of it is an MP4
// or an error.
func FuzzParams(f *testing.F) {
	f.Add(false, testSPS, testPPS, testSPS, testPPS, []byte{0x65, 1, 2, 3})
	f.Add(false, []byte{0x67}, []byte{0x68}, []byte{0x67, 77}, []byte{}, []byte{0x65})
	f.Add(false, []byte{}, []byte{}, testSPS[:6], testPPS, []byte{0x06, 5, 1, 0})
	f.Add(true, testVPS265, testSPS265, testSPS265, testPPS265, []byte{0x26, 1, 2, 3})
	f.Fuzz(func(t *testing.T, h265 bool, told, told2, sps, pps, nal []byte) {
		s := NewStream()
		g := newIngest(s, "", func() {}, func() {})
		g.Describe(Description{H265: h265, Params: [][]byte{told, told2, pps}})
		g.Unit([][]byte{sps, pps, nal}, 0, time.Time{})
		g.Unit([][]byte{nal}, 3600, time.Time{})
		if c := s.Codec(); c.Width < 0 || c.Height < 0 || c.FPS < 0 || c.FPS > 240 {
			t.Fatalf("codec %+v", c)
		}
		key, _, _ := s.key()
		if key == nil {
			return
		}
		b, err := still(key)
		if err != nil {
			return
		}
		if names, ok := boxes(b); !ok || len(names) < 4 || names[0] != "ftyp" || names[1] != "moov" || names[len(names)-1] != "mdat" {
			t.Fatalf("the still is made of %v", names)
		}
		if !h265 && !bytes.Contains(b, nal) && len(nal) > 0 && nal[0]&0x1f == nalIDR {
			t.Fatal("the picture is not in the still")
		}
	})
}
