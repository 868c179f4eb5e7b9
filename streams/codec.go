package streams

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/deepch/vdk/codec/h264parser"
)

// maxSPS is far above what an encoder writes (bytes); longer ones are not parsed.
const maxSPS = 1024

// parseSPS reads size and frame rate from a sequence parameter set. The parser
// is not made for hostile bytes, so whatever it does stays in here.
func parseSPS(sps []byte) (c Codec, err error) {
	if len(sps) < 4 || len(sps) > maxSPS {
		return Codec{}, fmt.Errorf("sequence parameter set of %d bytes", len(sps))
	}
	defer func() {
		if r := recover(); r != nil {
			c, err = Codec{}, fmt.Errorf("sequence parameter set is damaged: %v", r)
		}
	}()
	// profile-level-id as RFC 6184, 8.1 has it: the three bytes behind the NAL header.
	c = Codec{Codec: "h264", Profile: hex.EncodeToString(sps[1:4])}
	info, err := h264parser.ParseSPS(sps)
	if err != nil {
		return Codec{}, fmt.Errorf("sequence parameter set: %w", err)
	}
	const side = 16384 // beyond any level's picture
	if info.Width == 0 || info.Height == 0 || info.Width > side || info.Height > side {
		return Codec{}, errors.New("sequence parameter set has an impossible size")
	}
	c.Width, c.Height = int(info.Width), int(info.Height)
	if info.FPS > 0 && info.FPS <= 240 {
		c.FPS = int(info.FPS)
	}
	return c, nil
}
