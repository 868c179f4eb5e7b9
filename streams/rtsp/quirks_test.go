package rtsp

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"dongyue/streams"
)

// packet is what a camera sends; each has the next sequence number.
type packet struct {
	ts      uint32
	marker  bool
	payload []byte
	skip    uint16 // numbers left out before it
}

// taken is what came of it.
type taken struct {
	ts    uint32
	nalus [][]byte
}

// keeper keeps what a sink is given.
type keeper struct {
	units chan taken
	lost  chan error
	said  chan streams.Description
	sound chan [][]byte
}

func newKeeper() *keeper {
	return &keeper{make(chan taken, 64), make(chan error, 64), make(chan streams.Description, 4), make(chan [][]byte, 64)}
}

func (k *keeper) Describe(d streams.Description) { k.said <- d }
func (k *keeper) Unit(nalus [][]byte, ts uint32, _ time.Time) {
	u := taken{ts: ts}
	for _, n := range nalus {
		u.nalus = append(u.nalus, bytes.Clone(n))
	}
	k.units <- u
}
func (k *keeper) Sound(pieces [][]byte, _ uint32, _ time.Time) { k.sound <- pieces }
func (k *keeper) Lost(err error)                               { k.lost <- err }

// Pieces that the packets below are made of.
var (
	sps   = []byte{0x67, 0x42, 0xc0, 0x1f, 1}
	pps   = []byte{0x68, 0xce, 0x3c, 0x80}
	sei   = []byte{0x06, 5, 1, 2}
	aud   = []byte{0x09, 0xf0}
	idr   = []byte{0x65, 0x88, 1, 2, 3, 4, 5, 6}
	plain = []byte{0x41, 0x9a, 7, 8, 9}
	code  = []byte{0, 0, 0, 1}

	sps5   = []byte{0x42, 1, 1, 1, 0x60}
	pps5   = []byte{0x44, 1, 0xc1, 2}
	vps5   = []byte{0x40, 1, 0x0c, 1}
	idr5   = []byte{0x26, 1, 0xaf, 1, 2, 3, 4, 5}
	plain5 = []byte{0x02, 1, 0xd0, 9, 8}
)

// rest is a slice that goes on where another one ended.
func rest(n []byte) []byte { return join(n[:1], []byte{0x3a}, n[2:]) }

func rest5(n []byte) []byte { return join(n[:2], []byte{0x3a}, n[3:]) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// stap aggregates NAL units (RFC 6184, 5.7.1).
func stap(nalus ...[]byte) []byte {
	b := []byte{0x78}
	for _, n := range nalus {
		b = join(b, []byte{0, byte(len(n))}, n)
	}
	return b
}

// Cameras send what no standard has. What comes of it must be the pictures.
func TestQuirks(t *testing.T) {
	four, five := h264(), &format.H265{PayloadTyp: 96}
	key := [][]byte{sps, pps, idr}
	for _, c := range []struct {
		name string
		is   format.Format
		in   []packet
		want []taken
		lost int
	}{
		{"as the standard has it", four, []packet{{0, false, sps, 0}, {0, false, pps, 0}, {0, true, idr, 0}, {1, true, plain, 0}},
			[]taken{{0, key}, {1, [][]byte{plain}}}, 0},
		{"marker on parameter sets", four, []packet{{0, true, sps, 0}, {0, true, pps, 0}, {0, true, idr, 0}},
			[]taken{{0, [][]byte{sps}}, {0, [][]byte{pps}}, {0, [][]byte{idr}}}, 0},
		{"delimiter, SPS, PPS, SEI in this order", four, []packet{{0, false, aud, 0}, {0, false, sps, 0}, {0, false, pps, 0}, {0, false, sei, 0}, {0, true, idr, 0}},
			[]taken{{0, [][]byte{aud, sps, pps, sei, idr}}}, 0},
		{"several NAL units in Annex B in one packet", four, []packet{{0, true, join(code, sps, code, pps, code, idr), 0}, {1, true, join(code, plain), 0}},
			[]taken{{0, key}, {1, [][]byte{plain}}}, 0},
		{"Annex B without the first start code", four, []packet{{0, true, join(sps, code, pps, code, idr), 0}},
			[]taken{{0, key}}, 0},
		{"one fragment that is first and last", four, []packet{{0, true, join([]byte{0x7c, 0xc5}, idr[1:]), 0}},
			[]taken{{0, [][]byte{idr}}}, 0},
		{"no marker at all", four, []packet{{0, false, sps, 0}, {0, false, pps, 0}, {0, false, idr, 0}, {3000, false, plain, 0}, {6000, false, plain, 0}},
			[]taken{{0, key}, {3000, [][]byte{plain}}}, 0},
		{"padding behind an aggregate", four, []packet{{0, false, join(stap(sps, pps), []byte{0, 0, 0, 0}), 0}, {0, true, idr, 0}},
			[]taken{{0, key}}, 0},
		{"a hole within a picture", four, []packet{{0, true, idr, 0}, {1, false, plain, 0}, {1, true, plain, 3}, {2, true, plain, 0}},
			[]taken{{0, [][]byte{idr}}, {2, [][]byte{plain}}}, 1},
		{"a hole between pictures", four, []packet{{0, true, idr, 0}, {2, true, idr, 1}},
			[]taken{{0, [][]byte{idr}}, {2, [][]byte{idr}}}, 1},
		{"a fragment without its beginning", four, []packet{{0, true, idr, 0}, {1, true, []byte{0x7c, 0x45, 1, 2}, 0}, {2, true, idr, 0}},
			[]taken{{0, [][]byte{idr}}, {2, [][]byte{idr}}}, 1},

		{"one number for all packets", four, []packet{
			{0, true, idr, 65535}, {1, false, join([]byte{0x7c, 0x85}, idr[1:4]), 65535}, {1, true, join([]byte{0x7c, 0x45}, idr[4:]), 65535}, {2, true, plain, 65535},
		}, []taken{{0, [][]byte{idr}}, {1, [][]byte{idr}}, {2, [][]byte{plain}}}, 0},
		{"a packet without content", four, []packet{{0, true, idr, 0}, {1, false, nil, 0}, {1, true, plain, 0}, {1, true, nil, 0}, {2, true, plain, 0}},
			[]taken{{0, [][]byte{idr}}, {1, [][]byte{plain}}, {2, [][]byte{plain}}}, 0},
		{"marker on each slice", four, []packet{
			{0, true, idr, 0}, {0, true, rest(idr), 0}, {1, true, plain, 0}, {1, true, rest(plain), 0}, {2, true, idr, 0}, {2, true, rest(idr), 0}, {2, true, rest(idr), 0}, {3, true, plain, 0},
		}, []taken{{0, [][]byte{idr}}, {1, [][]byte{plain, rest(plain)}}, {2, [][]byte{idr, rest(idr), rest(idr)}}}, 1},
		{"H.265, marker on each slice", five, []packet{
			{0, true, idr5, 0}, {0, true, rest5(idr5), 0}, {1, true, plain5, 0}, {1, true, rest5(plain5), 0}, {2, true, idr5, 0}, {2, true, rest5(idr5), 0}, {3, true, plain5, 0},
		}, []taken{{0, [][]byte{idr5}}, {1, [][]byte{plain5, rest5(plain5)}}, {2, [][]byte{idr5, rest5(idr5)}}}, 1},

		{"H.265 as the standard has it", five, []packet{{0, false, vps5, 0}, {0, false, sps5, 0}, {0, false, pps5, 0}, {0, true, idr5, 0}, {1, true, plain5, 0}},
			[]taken{{0, [][]byte{vps5, sps5, pps5, idr5}}, {1, [][]byte{plain5}}}, 0},
		{"H.265, marker on parameter sets", five, []packet{{0, true, vps5, 0}, {0, true, sps5, 0}, {0, true, pps5, 0}, {0, true, idr5, 0}},
			[]taken{{0, [][]byte{vps5}}, {0, [][]byte{sps5}}, {0, [][]byte{pps5}}, {0, [][]byte{idr5}}}, 0},
		{"H.265, aggregate and fragments", five, []packet{
			{0, false, join([]byte{0x60, 1, 0, 4}, vps5, []byte{0, 5}, sps5, []byte{0, 4}, pps5), 0},
			{0, false, join([]byte{0x62, 1, 0x93}, idr5[2:5]), 0}, {0, true, join([]byte{0x62, 1, 0x53}, idr5[5:]), 0},
		}, []taken{{0, [][]byte{vps5, sps5, pps5, idr5}}}, 0},
		{"H.265, no marker at all", five, []packet{{0, false, idr5, 0}, {3000, false, plain5, 0}, {6000, false, idr5, 0}, {9000, false, plain5, 0}, {12000, false, plain5, 0}, {15000, false, plain5, 0}},
			[]taken{{3000, [][]byte{plain5}}, {6000, [][]byte{idr5}}, {9000, [][]byte{plain5}}}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, k := serve(t, c.is), newKeeper()
			pull(t, s.addr, k)
			seq := s.prime(t, k, c.is)
			for _, p := range c.in {
				seq += p.skip
				s.write(seq, p.ts, p.marker, p.payload)
				seq++
			}
			for i, want := range c.want {
				select {
				case got := <-k.units:
					for got.ts == primed {
						got = <-k.units
					}
					if fmt.Sprintf("%d %x", got.ts, got.nalus) != fmt.Sprintf("%d %x", want.ts, want.nalus) {
						t.Fatalf("unit %d is %d %x, want %d %x", i, got.ts, got.nalus, want.ts, want.nalus)
					}
				case <-time.After(5 * time.Second):
					t.Fatalf("unit %d does not come", i)
				}
			}
			if n := len(k.lost); n != c.lost {
				t.Errorf("%d times something was lost, want %d", n, c.lost)
			}
			if d := <-k.said; d.H265 != (c.is == format.Format(five)) {
				t.Errorf("it was described as %+v", d)
			}
		})
	}
}

// primed is the time of the pictures that are sent until the first arrives.
const primed = 77

// prime sends until something arrives, since the server plays a little later than it
// says so, and returns the number of the next packet, which wraps soon.
func (s *server) prime(t *testing.T, k *keeper, is format.Format) (seq uint16) {
	t.Helper()
	unit := sei
	if _, five := is.(*format.H265); five {
		unit = []byte{0x4e, 1, 5}
	}
	for seq = 65500; ; time.Sleep(5 * time.Millisecond) {
		s.write(seq, primed, true, unit)
		seq++
		select {
		case <-k.units:
			return seq
		default:
		}
	}
}

// FuzzPacket265 is FuzzPacket for the other coding.
func FuzzPacket265(f *testing.F) {
	f.Add(join([]byte{5}, vps5, []byte{8}, idr5), true)
	f.Add([]byte{6, 0x62, 1, 0x93, 1, 2, 3}, false)
	f.Add([]byte{4, 0x60, 1, 0, 9}, true)
	f.Fuzz(func(t *testing.T, b []byte, marker bool) {
		v, _, err := findVideo(sessionOf(&format.H265{PayloadTyp: 96}))
		if err != nil {
			t.Fatal(err)
		}
		v.to, v.taken = &unitSink{t: t}, func(*rtp.Packet) time.Time { return time.Time{} }
		feed(b, marker, v.packet)
	})
}

// FuzzSound: whatever packets of sound say, no piece of what comes of it is mad.
func FuzzSound(f *testing.F) {
	f.Add(byte(0), []byte{6, 0, 16, 0, 0x20, 1, 2}, true)
	f.Add(byte(1), []byte{3, 0x78, 1, 2}, false)
	f.Add(byte(2), []byte{4, 0, 1, 2, 3}, true)
	f.Fuzz(func(t *testing.T, kind byte, b []byte, marker bool) {
		is := soundFormats(t)
		a := findSound(sessionOf(is[int(kind)%len(is)]))
		if a.media == nil {
			t.Fatal("sound that is not understood")
		}
		a.to, a.taken = &soundSink{t: t}, func(*rtp.Packet) time.Time { return time.Time{} }
		feed(b, marker, a.packet)
	})
}

// feed cuts bytes into packets; the first byte of each is its length.
func feed(b []byte, marker bool, take func(*rtp.Packet)) {
	for i := 0; len(b) > 0; i++ {
		n := min(int(b[0]), len(b)-1)
		take(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i / 3), Marker: marker}, Payload: b[1 : 1+n]})
		b = b[1+n:]
	}
}

type soundSink struct {
	unitSink
	t *testing.T
}

func (s soundSink) Sound(pieces [][]byte, _ uint32, _ time.Time) {
	if len(pieces) == 0 {
		s.t.Fatal("nothing is handed over as sound")
	}
}

func sessionOf(f format.Format) *description.Session {
	kind := description.MediaTypeAudio
	if _, video := f.(*format.H265); video {
		kind = description.MediaTypeVideo
	}
	return &description.Session{Medias: []*description.Media{{Type: kind, Formats: []format.Format{f}}}}
}
