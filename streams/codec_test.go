package streams

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

func TestParseSPS(t *testing.T) {
	c, err := parseSPS(testSPS)
	if err != nil {
		t.Fatal(err)
	}
	if c != (Codec{Codec: "h264", Profile: "4d401f", Width: 1280, Height: 720, FPS: 25}) {
		t.Fatalf("got %+v", c)
	}
}

// The two parsers must agree on the clips of the simulated cameras.
func TestParseSPSAgainstAnother(t *testing.T) {
	files, err := filepath.Glob("../internal/simulator/camera/clips/*.h264")
	if err != nil || len(files) == 0 {
		t.Fatalf("no clips: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var nalus h264.AnnexB
		if err := nalus.Unmarshal(b[:2048]); err != nil {
			t.Fatal(err)
		}
		var other h264.SPS
		if err := other.Unmarshal(nalus[0]); err != nil {
			t.Fatal(err)
		}
		c, err := parseSPS(nalus[0])
		if err != nil {
			t.Fatal(err)
		}
		if c.Width != other.Width() || c.Height != other.Height() || float64(c.FPS) != other.FPS() {
			t.Errorf("%s: %+v, the other says %d×%d, %v", name, c, other.Width(), other.Height(), other.FPS())
		}
	}
}

// FuzzSPS: nothing that a camera sends as parameter set gets out of parseSPS.
func FuzzSPS(f *testing.F) {
	f.Add(testSPS)
	f.Add(testSPS[:5])
	f.Add([]byte{0x67, 100, 0, 31, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseSPS(b)
		if err == nil && (c.Width <= 0 || c.Height <= 0 || c.FPS < 0 || c.FPS > 240) {
			t.Fatalf("got %+v", c)
		}
	})
}
