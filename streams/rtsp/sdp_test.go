package rtsp

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
)

// Parameter sets of an encoder, 640x480.
const (
	someSPS = "Z0LAHtkDxWhAAAADAEAAAAwDxYuS"
	somePPS = "aMuMsg=="
)

func readSDP(t *testing.T, body string) (*description.Session, map[string][][]byte) {
	t.Helper()
	out, sets := mendSDP([]byte(body))
	d, err := sdpunmarshaler.Unmarshal(out)
	if err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	s := &description.Session{}
	if err := s.Unmarshal2(d); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	return s, sets
}

// Descriptions of cameras that don't keep to the standard show their picture all the same.
func TestOddDescriptions(t *testing.T) {
	const head, video = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
	for _, c := range []struct{ name, body string }{
		{"as the standard has it", head + video},
		{"sound without its configuration", head + video + "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=control:track2\r\n"},
		{"a coding without a clock", head + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264\r\na=control:track1\r\n"},
		{"the frame rate as the clock", head + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 h264/25\r\na=control:track1\r\n"},
		{"a clock with channels", head + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000/1\r\na=control:track1\r\n"},
		{"no coding, but its parameters", head + "m=video 0 RTP/AVP 96\r\na=fmtp:96 packetization-mode=1;profile-level-id=42E01E\r\na=control:track1\r\n"},
		{"parameters that are damaged", head + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=one;sprop-parameter-sets=!!!,###\r\na=control:track1\r\n"},
		{"a bandwidth with a fraction", head + strings.Replace(video, "a=rtpmap", "b=AS:1.5\r\na=rtpmap", 1)},
		{"a bandwidth that nobody knows", strings.Replace(head, "t=0 0", "b=RATE:5\r\nt=0 0", 1) + video},
		{"times that are none", strings.Replace(head, "t=0 0", "t=now", 1) + video},
		{"an origin that is none", "v=0\r\no=camera\r\ns=\r\n" + video},
		{"no head", video},
		{"a line that is none", head + "garbage\r\n" + video + "\x00\r\n"},
		{"an unknown medium", head + video + "m=image 0 RTP/AVP 98\r\na=control:track3\r\n"},
		{"an unknown way", head + video + "m=application 0 RTP/FOO 98\r\na=control:track3\r\n"},
		{"a medium without formats", head + "m=audio 0 RTP/AVP\r\n" + video},
		{"names for some media", head + video + "a=mid:video\r\nm=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n"},
		{"the same name twice", head + video + "a=mid:0\r\nm=audio 0 RTP/AVP 0\r\na=mid:0\r\n"},
		{"a group of what is not there", "v=0\r\ns=x\r\na=group:FEC 1 2\r\n" + video},
		{"a port that is none", strings.Replace(head+video, "video 0", "video any", 1)},
		{"ends of line of old Macs", strings.ReplaceAll(head+video, "\r\n", "\r")},
		{"the same payload type twice", strings.Replace(head+video, "AVP 96", "AVP 96 96", 1)},
		{"a relative address of all", "v=0\r\ns=x\r\na=control:media\r\n" + video},
		{"capitals", head + strings.Replace(strings.Replace(video, "video", "VIDEO", 1), "rtpmap", "RTPMAP", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := readSDP(t, c.body)
			var four *format.H264
			m := s.FindFormat(&four)
			if m == nil {
				t.Fatal("no picture")
			}
			if m.Control != "track1" || len(m.Formats) != 1 || four.PacketizationMode != 1 {
				t.Errorf("control %q, %d formats, mode %d", m.Control, len(m.Formats), four.PacketizationMode)
			}
		})
	}
}

func TestDescriptionOfH265(t *testing.T) {
	for _, body := range []string{
		"m=video 0 RTP/AVP 96\na=rtpmap:96 HEVC/90000\n",
		"m=video 0 RTP/AVP 96\na=rtpmap:96 H265/30\na=fmtp:96 sprop-vps=AAA;sprop-sps=AAAA;sprop-pps=AAAA\n",
		"m=video 0 RTP/AVP 96\na=fmtp:96 sprop-vps=QAEMAQ==; sprop-sps=QgEB\n",
	} {
		s, _ := readSDP(t, body)
		var five *format.H265
		if s.FindFormat(&five) == nil {
			t.Errorf("no picture in %q", body)
		}
	}
}

// Parameter sets are found whatever their form: a camera may send them nowhere else.
func TestParameterSetsOfADescription(t *testing.T) {
	sps, _ := base64.StdEncoding.DecodeString(someSPS)
	pps, _ := base64.StdEncoding.DecodeString(somePPS)
	annexB := base64.StdEncoding.EncodeToString(append([]byte{0, 0, 0, 1}, sps...))
	both := base64.StdEncoding.EncodeToString(bytes.Join([][]byte{{0, 0, 1}, sps, {0, 0, 0, 1}, pps}, nil))
	for name, v := range map[string]string{
		"plain": someSPS + "," + somePPS, "no padding": someSPS + "," + strings.TrimRight(somePPS, "="), "the other way round": somePPS + "," + someSPS,
		"start code": annexB + "," + somePPS, "one piece": both, "a comma behind": someSPS + "," + somePPS + ",", "spaces": " " + someSPS + " , " + somePPS,
	} {
		s, sets := readSDP(t, "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1; sprop-parameter-sets="+v+"\r\n")
		var four *format.H264
		if s.FindFormat(&four) == nil || !bytes.Equal(four.SPS, sps) || !bytes.Equal(four.PPS, pps) {
			t.Errorf("%s: the library has %x, %x", name, four.SPS, four.PPS)
		}
		if got := sets["96"]; len(got) != 2 {
			t.Errorf("%s: noted %x", name, got)
		}
	}
	// One that the library does not understand is noted all the same.
	_, sets := readSDP(t, "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=Z2QA,aO48\r\n")
	if len(sets["96"]) != 2 {
		t.Errorf("noted %x", sets["96"])
	}
}

// FuzzAddresses: whatever a camera describes, each of its media has an address
// that can be asked for.
func FuzzAddresses(f *testing.F) {
	f.Add([]byte("v=0\r\na=control:rtsp://x/%\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:%zz\r\n"))
	f.Add([]byte("m=video 0 RTP/AVP 96\na=control:RTSP://[\nm=audio 0 RTP/AVP 0"))
	f.Fuzz(func(t *testing.T, body []byte) {
		out, _ := mendSDP(body)
		d, err := sdpunmarshaler.Unmarshal(out)
		if err != nil {
			return
		}
		var s description.Session
		if s.Unmarshal2(d) != nil {
			return
		}
		from, _ := base.ParseURL("rtsp://127.0.0.1/live")
		for _, m := range s.Medias {
			if u, err := m.URL(from); err != nil || u == nil {
				t.Fatalf("%q became %q, which has no address", body, out)
			}
		}
	})
}
