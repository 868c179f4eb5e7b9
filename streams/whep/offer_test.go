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
		{"other profile", r("42e01f", "f4001f"), noVideo},
		{"mode 0", r("mode=1", "mode=0"), noVideo},
		{"no mode", r("packetization-mode=1;", ""), noVideo},
		{"audio only", r("m=video", "m=audio"), noVideo},
		{"sends only", r("recvonly", "sendonly"), noVideo},
		{"other codec", r("H264", "VP8"), noVideo},
		{"no media", goodOffer[:strings.Index(goodOffer, "m=")], junk},
		{"no fingerprint", r("a=fingerprint", "a=x"), junk},
		{"no hash", r("sha-256 00", "sha-256 ZZ"), junk},
		{"half a hash", r("sha-256 00", "sha-256"), junk},
		{"switched off", r("m=video 9", "m=video 0"), noVideo},
		{"port of another section", r("m=video 9", "m=video 0") + "a=bundle-only\r\n", fine},
		{"text", "hello", junk},
		{"nothing", "", junk},
	} {
		if got := judge([]byte(c.offer)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestReceiving(t *testing.T) {
	head := "v=0\r\na=x\r\n"
	for _, c := range []struct{ offer, want string }{
		{head + "m=video 9\r\na=sendrecv\r\na=mid:0\r\n", head + "m=video 9\r\na=recvonly\r\na=mid:0\r\n"},
		{head + "m=audio 9\na=mid:0\nm=video 9\n", head + "m=audio 9\r\na=mid:0\r\na=recvonly\r\nm=video 9\r\na=recvonly\r\n"},
		{head + "m=application 9\r\nm=video 9\r\na=inactive", head + "m=application 9\r\nm=video 9\r\na=inactive\r\n"},
		{head, head},
	} {
		if got := receiving(c.offer); got != c.want {
			t.Errorf("%q becomes %q", c.offer, got)
		}
	}
	if goodOffer != receiving(goodOffer) {
		t.Error("a player's offer is changed")
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
	f.Fuzz(func(t *testing.T, offer string) {
		_ = judge([]byte(offer))
		if n, _, v := judgeWall([]byte(offer)); v == fine && (n < 1 || n > maxTiles) {
			t.Fatalf("a wall of %d tiles", n)
		}
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

// Each candidate is sent to, wherever it leads: a viewer names no more than are tried.
func TestSparing(t *testing.T) {
	const line = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
	section := "m=video 9\r\na=mid:0\r\n"
	many := "v=0\r\n" + section + strings.Repeat(line, 3000) + "a=recvonly\r\n" + section + strings.Repeat(line, 100)
	got := sparing(many)
	if n := strings.Count(got, line); n != 2*maxCandidates || !strings.Contains(got, "a=recvonly") || strings.Count(got, section) != 2 {
		t.Errorf("%d candidates are tried", n)
	}
	if got := sparing(goodOffer + line); got != goodOffer+line {
		t.Error("a player's offer is changed")
	}
	x := &session{}
	n := 0
	for range 100 {
		n += len(x.spare(make([]candidate, 10)))
	}
	if n != maxCandidates {
		t.Errorf("%d candidates that come later are tried", n)
	}
}
