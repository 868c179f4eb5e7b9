package sound

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"testing"
	"time"
)

func tone(d time.Duration, amplitude float64) PCM {
	p := make(PCM, Samples(d))
	for i := range p {
		p[i] = int16(amplitude * math.MaxInt16 * math.Sin(2*math.Pi*440*float64(i)/Rate))
	}
	return p
}

func wavOf(p PCM) []byte { return append(Header(len(p)), p.Bytes()...) }

func TestWAVRoundTrip(t *testing.T) {
	in := tone(700*time.Millisecond, 0.5)
	out, err := Decode(wavOf(in))
	if err != nil || !bytes.Equal(in.Bytes(), out.Bytes()) || out.Length() != 700*time.Millisecond {
		t.Fatalf("%v, %v", out.Length(), err)
	}
}

// A stereo file of 48 kHz with another chunk before the data, as editors write it.
func TestWAVOfAnEditor(t *testing.T) {
	b := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00"), 0x80, 0xbb, 0, 0, 0, 0, 0, 0, 4, 0, 16, 0)
	b = append(b, "LIST\x03\x00\x00\x00abc\x00data\xff\xff\xff\x7f"...)
	for range 48000 {
		b = binary.LittleEndian.AppendUint16(b, 8000)
		b = binary.LittleEndian.AppendUint16(b, 4000)
	}
	p, err := Decode(b)
	if err != nil || p.Length() != time.Second || p[500] != 6000 {
		t.Fatalf("%v %v", p.Length(), err)
	}
}

func TestBadRecordings(t *testing.T) {
	good := wavOf(tone(time.Second, 0.5))
	at := func(i int, v byte) []byte { b := bytes.Clone(good); b[i] = v; return b }
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":        {nil, ErrFormat},
		"a page":         {[]byte("<html>"), ErrFormat},
		"MP3":            {[]byte("ID3\x04\x00"), ErrFormat},
		"no data":        {good[:36], ErrBroken},
		"empty data":     {wavOf(nil), ErrEmpty},
		"float coding":   {at(20, 3), ErrFormat},
		"24 bits":        {at(34, 24), ErrFormat},
		"no channels":    {at(22, 0), ErrFormat},
		"200 channels":   {at(22, 200), ErrFormat},
		"no rate":        {append(append(bytes.Clone(good[:24]), 0, 0, 0, 0), good[28:]...), ErrFormat},
		"chunk too long": {at(19, 0x7f), ErrBroken},
		"eleven minutes": {wavOf(make(PCM, 11*60*Rate)), ErrTooLong},
		"broken ogg":     {[]byte("OggS but not really, and long enough for a head"), ErrFormat},
	} {
		if _, err := Decode(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestLevelFollowsTheSamples(t *testing.T) {
	loud, soft := Level(tone(time.Second, 0.7), 100), Level(tone(time.Second, 0.07), 100)
	if d := loud - soft; math.Abs(d-20) > 0.1 {
		t.Errorf("a tenth of the amplitude is %.1f dB less", d)
	}
	if l := Level(make(PCM, 100), 100); l != floor {
		t.Errorf("silence has %.1f dB", l)
	}
	if l := Level(tone(time.Second, 0.7), 0); l != floor {
		t.Errorf("turned down it has %.1f dB", l)
	}
}

// spoken is Ogg Opus that libopus has written.
func spoken(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/spoken.opus")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpusOfLibopus(t *testing.T) {
	p, err := Decode(spoken(t))
	if err != nil || p.Length() < time.Second || Level(p, 100) < 75 {
		t.Fatalf("%v %.1f dB %v", p.Length(), Level(p, 100), err)
	}
}

// What comes in as packets goes out as a stream that reads the same.
func TestStreamOfPackets(t *testing.T) {
	in := NewPackets(bytes.NewReader(spoken(t)))
	var out bytes.Buffer
	w, err := NewWriter(&out, 7)
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for i := 0; ; i++ {
		b, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if i < 2 { // headers
			continue
		}
		packets = append(packets, b)
		if err := w.Packet(b, Duration(b)); err != nil || Duration(b) != 960 {
			t.Fatal(err, Duration(b))
		}
	}
	r := NewPackets(&out)
	for range 2 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range packets {
		if got, err := r.Next(); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last: %v", err)
	}
}

func TestDurations(t *testing.T) {
	for _, c := range []struct {
		b    []byte
		want uint64
	}{
		{nil, 0},
		{[]byte{0}, 480},
		{[]byte{3 << 3}, 2880},
		{[]byte{15 << 3}, 960},
		{[]byte{31<<3 | 1}, 1920},
		{[]byte{28<<3 | 3}, 0},
		{[]byte{28<<3 | 3, 2}, 240},
		{[]byte{3<<3 | 3, 63}, 0},
	} {
		if got := Duration(c.b); got != c.want {
			t.Errorf("%x: %d, want %d", c.b, got, c.want)
		}
	}
}

// FuzzDecode: no bytes panic or hang the reader; what it takes has a length in its limits.
func FuzzDecode(f *testing.F) {
	f.Add(spoken(f))
	f.Add(wavOf(tone(20*time.Millisecond, 0.5)))
	f.Add([]byte("OggS"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		p, err := Decode(b)
		if err == nil && (len(p) == 0 || p.Length() > MaxLength) {
			t.Fatalf("%d samples", len(p))
		}
		if err != nil && p != nil {
			t.Fatal("sound and an error")
		}
		_ = Duration(b)
	})
}

// extended is a WAV whose format chunk names its coding in its extension.
func extended(coding byte) []byte {
	b := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x28\x00\x00\x00\xfe\xff\x01\x00"), 0x80, 0x3e, 0, 0, 0, 0x7d, 0, 0, 2, 0, 16, 0, 22, 0, 16, 0, 4, 0, 0, 0)
	b = append(b, coding, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71)
	b = append(b, "data\x80\x3e\x00\x00"...)
	return append(b, make([]byte, 16000)...)
}

func TestCodingInTheExtension(t *testing.T) {
	if p, err := Decode(extended(1)); err != nil || p.Length() != 500*time.Millisecond {
		t.Errorf("PCM: %v, %v", p.Length(), err)
	}
	for name, coding := range map[string]byte{"float": 3, "A-law": 6, "MP3": 0x55} {
		if p, err := Decode(extended(coding)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, %v", name, p.Length(), err)
		}
	}
}

// What has more channels than one packet of Opus holds is refused, and so is a version to come.
func TestOpusOfManyChannels(t *testing.T) {
	for name, c := range map[string]struct{ at, v byte }{"family 1": {18, 1}, "version 16": {8, 16}} {
		id := append([]byte("OpusHead"), 1, 6, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0)
		id[c.at] = c.v
		var b bytes.Buffer
		w := &Writer{w: &b, serial: 7}
		for _, page := range [][]byte{id, append([]byte("OpusTags"), 0, 0, 0, 0, 0, 0, 0, 0), {0x78, 1, 2}} {
			if err := w.put(0, page); err != nil {
				t.Fatal(err)
			}
		}
		if p, err := Decode(b.Bytes()); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, %v", name, p.Length(), err)
		}
	}
}

// Ten minutes are not longer than ten minutes.
func TestTenMinutes(t *testing.T) {
	b := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"), 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0) // 8 kHz, 8 bit
	b = append(b, "data\xff\xff\xff\x7f"...)
	b = append(b, bytes.Repeat([]byte{128}, 600*8000)...)
	if p, err := Decode(b); err != nil || p.Length() != MaxLength {
		t.Errorf("%v, %v", p.Length(), err)
	}
	if _, err := Decode(append(b, 128)); !errors.Is(err, ErrTooLong) {
		t.Errorf("a sample more: %v", err)
	}
}
