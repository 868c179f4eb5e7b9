package whep

import (
	"maps"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"dongyue/streams"
)

// Payload types of what is registered beside H.264, whose begin at 96.
const (
	typeHEVC = 110 // and the next one
	typeOpus = 120
	typePCMU = 0 // RFC 3551, table 4
	typePCMA = 8
)

// feedback is what a viewer may ask for.
func feedback() []webrtc.RTCPFeedback {
	return []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
}

// register adds H.265 in its profiles main and main 10 (RFC 7798, 7.1) and sound.
// The level is not compared; the highest that is made stands for all.
func register(media *webrtc.MediaEngine) error {
	for i, profile := range []string{"1", "2"} {
		err := media.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeH265, ClockRate: 90000, RTCPFeedback: feedback(),
				SDPFmtpLine: "level-id=180;profile-id=" + profile + ";tier-flag=0;tx-mode=SRST",
			},
			PayloadType: typeHEVC + webrtc.PayloadType(i), //nolint:gosec // two
		}, webrtc.RTPCodecTypeVideo)
		if err != nil {
			return err
		}
	}
	for _, c := range []webrtc.RTPCodecParameters{
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: typeOpus},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: 8000}, PayloadType: typePCMU},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMA, ClockRate: 8000}, PayloadType: typePCMA},
	} {
		if err := media.RegisterCodec(c, webrtc.RTPCodecTypeAudio); err != nil {
			return err
		}
	}
	return nil
}

// plays tells which codings an offer takes, of H.265 those that all of its pictures
// take. A coding that is not known yet is
// taken for H.264, as most are.
func plays(offer []byte) func(streams.Codec) bool {
	var d sdp.SessionDescription
	_ = d.Unmarshal(offer) // judge has read it
	var four bool
	var five map[string]bool
	for _, m := range d.MediaDescriptions {
		if m.MediaName.Media != "video" || !receives(m) {
			continue
		}
		four = four || offersH264(m)
		profiles := offersH265(m)
		if five == nil {
			five = profiles
		}
		maps.DeleteFunc(five, func(profile string, _ bool) bool { return !profiles[profile] })
	}
	return func(c streams.Codec) bool {
		if c.Codec == "h265" {
			return five[hevcProfile(c)]
		}
		return four
	}
}

// hevcProfile is profile-id of a coding (RFC 7798, 7.1).
func hevcProfile(c streams.Codec) string {
	id, _, _ := strings.Cut(c.Profile, ".")
	if id == "" {
		return "1" // not known yet, and what nearly all are
	}
	return id
}

// offersH265 lists the profiles of H.265 that a section takes.
func offersH265(m *sdp.MediaDescription) map[string]bool {
	is, profiles := map[string]string{}, map[string]bool{}
	for _, a := range m.Attributes {
		if pt, codec, ok := strings.Cut(a.Value, " "); ok && a.Key == "rtpmap" && strings.HasPrefix(strings.ToUpper(codec), "H265/90000") {
			is[pt] = "1" // where nothing is said
		}
	}
	for _, a := range m.Attributes {
		pt, params, _ := strings.Cut(a.Value, " ")
		if a.Key != "fmtp" || is[pt] == "" {
			continue
		}
		if id := param(params, "profile-id"); id != "" {
			is[pt] = strings.Clone(id) // it outlives the offer
		}
		if mode := param(params, "tx-mode"); mode != "" && !strings.EqualFold(mode, "SRST") {
			delete(is, pt)
		}
	}
	for _, id := range is {
		profiles[id] = true
	}
	return profiles
}

// pick takes of the payload types agreed the one whose profile is the camera's, or
// the first of its coding: browsers decode main and high under any of H.264's.
func pick(c streams.Codec, agreed []webrtc.RTPCodecParameters) (best *webrtc.RTPCodecParameters) {
	for _, p := range agreed {
		var same bool
		switch {
		case c.Codec == "h265" && strings.EqualFold(p.MimeType, webrtc.MimeTypeH265):
			same = param(p.SDPFmtpLine, "profile-id") == hevcProfile(c)
		case c.Codec != "h265" && strings.EqualFold(p.MimeType, webrtc.MimeTypeH264) && param(p.SDPFmtpLine, "packetization-mode") == "1":
			same = len(c.Profile) >= 2 && strings.HasPrefix(param(p.SDPFmtpLine, "profile-level-id"), c.Profile[:2])
		default:
			continue
		}
		if best == nil || same {
			best = &p
		}
		if same {
			break
		}
	}
	return best
}
