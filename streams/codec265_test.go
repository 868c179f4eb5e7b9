package streams

import (
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/deepch/vdk/codec/h265parser"
)

func TestParseSPS265(t *testing.T) {
	c, err := parseSPS265(testSPS265)
	if err != nil {
		t.Fatal(err)
	}
	if c != (Codec{Codec: "h265", Profile: "1.6.L120.90", Width: 1920, Height: 1080, FPS: 15}) {
		t.Fatalf("got %+v", c)
	}
	if got := CodecName(&codecs.H265{SPS: testSPS265}); got != "hvc1.1.6.L120.90" {
		t.Fatal(got)
	}
}

// small is of the same encoder at 640×360.
var small265 = []byte{0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3f, 0xa0, 0x05, 0x02, 0x01, 0x71, 0xf2, 0xe5, 0x95, 0x95, 0x29, 0x30, 0xbc, 0x05, 0xa0, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x03, 0x01, 0xe1}

// The two parsers must agree on what is in the file; only one knows what of it is shown.
func TestParseSPS265AgainstAnother(t *testing.T) {
	for _, sps := range [][]byte{testSPS265, small265} {
		a, err := h265parser.ParseSPS(sps)
		if err != nil {
			t.Fatal(err)
		}
		var b h265.SPS
		if err := b.Unmarshal(sps); err != nil {
			t.Fatal(err)
		}
		if a.Width != uint(b.PicWidthInLumaSamples) || a.Height != uint(b.PicHeightInLumaSamples) {
			t.Errorf("%d×%d and %d×%d", a.Width, a.Height, b.PicWidthInLumaSamples, b.PicHeightInLumaSamples)
		}
	}
}

// FuzzSPS265: nothing that a camera sends as parameter set gets out of parseSPS265.
func FuzzSPS265(f *testing.F) {
	f.Add(testSPS265)
	f.Add(small265)
	f.Add(testSPS265[:16])
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseSPS265(b)
		if err == nil && (c.Width <= 0 || c.Height <= 0 || c.FPS < 0 || c.FPS > 240 || c.Profile == "") {
			t.Fatalf("got %+v", c)
		}
	})
}
