package streams

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/deepch/vdk/codec/h265parser"
)

var errSize = errors.New("sequence parameter set has an impossible size")

// parseSPS265 reads profile, size and frame rate from a sequence parameter set of
// H.265. The parser tells the size in the file; what of it is shown, and the rate,
// it does not know, so a second one is asked, and the two must agree. Neither is
// trusted with hostile bytes.
func parseSPS265(sps []byte) (c Codec, err error) {
	if len(sps) < 15 || len(sps) > maxSPS {
		return Codec{}, fmt.Errorf("sequence parameter set of %d bytes", len(sps))
	}
	defer func() {
		if r := recover(); r != nil {
			c, err = Codec{}, fmt.Errorf("sequence parameter set is damaged: %v", r)
		}
	}()
	c = Codec{Codec: "h265", Profile: profile265(sps)}
	if c.Profile == "" {
		return Codec{}, errors.New("sequence parameter set is too short")
	}
	info, err := h265parser.ParseSPS(sps)
	if err != nil {
		return Codec{}, fmt.Errorf("sequence parameter set: %w", err)
	}
	const side = 16384 // beyond any level's picture
	if info.Width == 0 || info.Height == 0 || info.Width > side || info.Height > side {
		return Codec{}, errSize
	}
	var other h265.SPS
	if err := other.Unmarshal(sps); err != nil {
		return Codec{}, fmt.Errorf("sequence parameter set: %w", err)
	}
	c.Width, c.Height = other.Width(), other.Height()
	if uint(other.PicWidthInLumaSamples) != info.Width || uint(other.PicHeightInLumaSamples) != info.Height || c.Width <= 0 || c.Height <= 0 {
		return Codec{}, errSize
	}
	if fps := other.FPS(); fps >= 1 && fps <= 240 {
		c.FPS = int(fps + 0.5)
	}
	return c, nil
}

// profile265 is the profile, tier and level as ISO/IEC 14496-15, E.3 writes them behind
// "hvc1.": profile space and profile, compatibility flags in reverse, tier and
// level, constraint bytes without those that are zero at the end. "" when the set is too short.
func profile265(sps []byte) string {
	b := unescape(sps[2:], 13) // profile_tier_level begins with its second byte (7.3.2.2)
	if len(b) < 13 {
		return ""
	}
	var s strings.Builder
	if space := b[1] >> 6; space > 0 {
		s.WriteByte('A' + space - 1)
	}
	compat := uint32(b[2])<<24 | uint32(b[3])<<16 | uint32(b[4])<<8 | uint32(b[5])
	tier := byte('L')
	if b[1]&0x20 != 0 {
		tier = 'H'
	}
	fmt.Fprintf(&s, "%d.%X.%c%d", b[1]&0x1f, bits.Reverse32(compat), tier, b[12])
	limits := b[6:12]
	for len(limits) > 0 && limits[len(limits)-1] == 0 {
		limits = limits[:len(limits)-1]
	}
	for _, x := range limits {
		fmt.Fprintf(&s, ".%X", x)
	}
	return s.String()
}

// unescape takes the emulation prevention bytes out (7.4.2) of as much as gives n bytes.
func unescape(b []byte, n int) []byte {
	out := make([]byte, 0, n)
	zeros := 0
	for _, x := range b {
		if len(out) == n {
			break
		}
		if zeros >= 2 && x == 3 {
			zeros = 0
			continue
		}
		if zeros++; x != 0 {
			zeros = 0
		}
		out = append(out, x)
	}
	return out
}
