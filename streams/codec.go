package streams

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
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

// CodecName is how browsers call a coding (RFC 6381, 3.3; ISO/IEC 14496-15, E.3;
// RFC 6416 for AAC); "" where the parameter sets do not tell.
func CodecName(c codecs.Codec) string {
	switch c := c.(type) {
	case *codecs.H264:
		if len(c.SPS) >= 4 {
			return fmt.Sprintf("avc1.%x", c.SPS[1:4])
		}
	case *codecs.H265:
		if len(c.SPS) > 2 {
			if p := profile265(c.SPS); p != "" {
				return "hvc1." + p
			}
		}
	case *codecs.MPEG4Audio:
		return fmt.Sprintf("mp4a.40.%d", c.Config.Type)
	case *codecs.Opus:
		return "opus"
	}
	return ""
}
