package whep

import (
	"strings"
	"testing"
)

func TestJudgeWall(t *testing.T) {
	at := strings.Index(goodOffer, "m=")
	head, section := goodOffer[:at], goodOffer[at:]
	video := func(n int) string { return strings.Repeat(section, n) }
	for _, c := range []struct {
		name, offer string
		tiles       int
		mid         string
		want        verdict
	}{
		{"one", goodOffer, 1, "", fine},
		{"64", head + video(64), 64, "", fine},
		{"with sound", head + video(2) + strings.ReplaceAll(section, "m=video", "m=audio"), 2, "", fine},
		{"65", head + video(65), 0, "", tooMany},
		{"a thousand", head + video(1000), 0, "", tooMany},
		{"sound only", head + strings.ReplaceAll(section, "m=video", "m=audio"), 0, "", noVideo},
		{"one sends", head + video(1) + strings.NewReplacer("recvonly", "sendonly", "mid:0", "mid:b").Replace(section), 0, "b", noVideo},
		{"nothing", head, 0, "", junk},
	} {
		tiles, mid, got := judgeWall([]byte(c.offer))
		if tiles != c.tiles || mid != c.mid || got != c.want {
			t.Errorf("%s: %d, %q, %d", c.name, tiles, mid, got)
		}
	}
}

func TestParseTiles(t *testing.T) {
	got, err := parseTiles("cam-1:main,,cam-2,cam-3:sub", 5)
	if err != nil || len(got) != 5 || got[0] != (wish{"cam-1", "main"}) || got[1] != (wish{}) || got[2] != (wish{"cam-2", "sub"}) || got[4] != (wish{}) {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestRenewedAndExcerpt(t *testing.T) {
	offer := renewed(goodOffer+"a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\na=end-of-candidates\r\n", fragment{ufrag: "new1", pwd: "abcdefghijklmnopqrstuv"})
	if strings.Contains(offer, "abcd\r") || strings.Contains(offer, "candidate") || !containsLine(offer, "a=ice-ufrag:new1") || !containsLine(offer, "a=ice-pwd:abcdefghijklmnopqrstuv") {
		t.Fatal(offer)
	}
	got := excerpt("v=0\r\na=fingerprint:sha-256 00\r\na=group:BUNDLE 0 1\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:0\r\na=rtpmap:97 H264/90000\r\na=ice-ufrag:u\r\na=candidate:1\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:1\r\n")
	if got != "a=group:BUNDLE 0 1\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:0\r\na=ice-ufrag:u\r\na=candidate:1\r\n" {
		t.Fatal(got)
	}
}

// FuzzTiles: whatever is asked for, a tile is empty or has a camera's id and a stream.
func FuzzTiles(f *testing.F) {
	f.Add("cam-1:sub,,cam-2:main")
	f.Fuzz(func(t *testing.T, list string) {
		wishes, err := parseTiles(list, 4)
		if err != nil {
			return
		}
		for _, w := range wishes {
			if (w.camera == "") != (w.stream == "") || len(w.camera) > 63 {
				t.Fatalf("%+v", w)
			}
		}
	})
}

// FuzzChanges: no body does more than be refused.
func FuzzChanges(f *testing.F) {
	f.Add(`{"tiles":[{"mid":"0","camera":"cam-1","stream":"sub"}]}`)
	f.Add(`{"tiles":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		if changes, err := parseChanges([]byte(body)); err == nil && changes == nil {
			t.Fatal("no list and no error")
		}
	})
}

// FuzzRestart: credentials that are let through can't bring lines of their own.
func FuzzRestart(f *testing.F) {
	f.Add("abcd", "0123456789012345678901")
	f.Fuzz(func(t *testing.T, ufrag, pwd string) {
		if credentials(ufrag, pwd) && strings.Count(renewed(goodOffer, fragment{ufrag: ufrag, pwd: pwd}), "\n") != strings.Count(goodOffer, "\n") {
			t.Fatalf("%q, %q", ufrag, pwd)
		}
	})
}
