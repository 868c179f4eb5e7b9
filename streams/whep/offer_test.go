package whep

import (
	"strings"
	"testing"
)

const goodOffer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 00\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\n" +
	"a=fmtp:97 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"

func TestJudge(t *testing.T) {
	r := func(old, new string) string { return strings.ReplaceAll(goodOffer, old, new) }
	for _, c := range []struct {
		name, offer string
		want        verdict
	}{
		{"good", goodOffer, fine},
		{"capital profile", r("42e01f", "42E01F"), fine},
		{"high, constrained", r("42e01f", "640c1f"), fine},
		{"spaces", r(";packetization", "; packetization"), fine},
		{"other profile", r("42e01f", "f4001f"), noH264},
		{"mode 0", r("mode=1", "mode=0"), noH264},
		{"no mode", r("packetization-mode=1;", ""), noH264},
		{"audio only", r("m=video", "m=audio"), noH264},
		{"sends only", r("recvonly", "sendonly"), noH264},
		{"other codec", r("H264", "H265"), noH264},
		{"no media", goodOffer[:strings.Index(goodOffer, "m=")], junk},
		{"no fingerprint", r("a=fingerprint", "a=x"), junk},
		{"text", "hello", junk},
		{"nothing", "", junk},
	} {
		if got := judge([]byte(c.offer)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestParseFragment(t *testing.T) {
	f, ok := parseFragment("a=ice-ufrag:abcd\r\na=ice-pwd:x\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\na=mid:1\r\na=candidate:2\r\na=end-of-candidates\r\n")
	if !ok || f.ufrag != "abcd" || len(f.candidates) != 2 || f.candidates[0] != (candidate{"0", "candidate:1 1 udp 1 10.0.0.1 5 typ host"}) || f.candidates[1].mid != "1" {
		t.Fatalf("got %+v, %v", f, ok)
	}
}

// FuzzJudge: no offer does more than be refused.
func FuzzJudge(f *testing.F) {
	f.Add(goodOffer)
	f.Add("v=0\r\nm=video")
	f.Fuzz(func(_ *testing.T, offer string) {
		_ = judge([]byte(offer))
	})
}

// FuzzFragment: no fragment yields more candidates than the limit.
func FuzzFragment(f *testing.F) {
	f.Add("a=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		if g, ok := parseFragment(body); ok && len(g.candidates) > maxCandidates {
			t.Fatalf("%d candidates", len(g.candidates))
		}
	})
}
