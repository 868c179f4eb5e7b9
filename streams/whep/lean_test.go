package whep

import (
	"strings"
	"testing"
)

func TestLean(t *testing.T) {
	lines := func(l ...string) string { return strings.Join(l, "\r\n") + "\r\n" }
	head := lines("v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=extmap-allow-mixed")
	for name, c := range map[string]struct{ offer, want string }{
		"a browser's": {
			head + lines("m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 49", "c=IN IP4 0.0.0.0", "a=mid:0", "a=extmap:1 urn:x", "a=recvonly", "a=rtcp-mux",
				"a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96",
				"a=rtpmap:102 H264/90000", "a=rtcp-fb:102 goog-remb", "a=rtcp-fb:102 nack", "a=rtcp-fb:102 nack pli", "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f",
				"a=rtpmap:103 rtx/90000", "a=fmtp:103 apt=102", "a=rtpmap:49 H265/90000", "a=fmtp:49 profile-id=1", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host") +
				lines("m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0", "a=mid:1", "a=rtpmap:111 opus/48000/2", "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111", "a=rtpmap:9 G722/8000"),
			head + lines("m=video 9 UDP/TLS/RTP/SAVPF 102 49", "c=IN IP4 0.0.0.0", "a=mid:0", "a=recvonly", "a=rtcp-mux",
				"a=rtpmap:102 H264/90000", "a=rtcp-fb:102 nack", "a=rtcp-fb:102 nack pli", "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f",
				"a=rtpmap:49 H265/90000", "a=fmtp:49 profile-id=1", "a=candidate:1 1 udp 1 192.0.2.1 9 typ host") +
				lines("m=audio 9 UDP/TLS/RTP/SAVPF 111 0", "a=mid:1", "a=rtpmap:111 opus/48000/2"),
		},
		"nothing that a camera sends": {
			head + lines("m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", "a=extmap:1 urn:x"),
			head + lines("m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", "a=extmap:1 urn:x"),
		},
		"data": {
			head + lines("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000"),
			head + lines("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000"),
		},
		"no section":     {head, head},
		"nothing":        {"", ""},
		"no formats":     {head + "m=video 9 UDP/TLS/RTP/SAVPF\r\n", head + "m=video 9 UDP/TLS/RTP/SAVPF\r\n"},
		"only LF":        {"v=0\nm=audio 9 X 8\na=mid:0\n", "v=0\nm=audio 9 X 8\r\na=mid:0\n"},
		"no end of line": {"v=0\r\nm=audio 9 X 8 9", "v=0\r\nm=audio 9 X 8\r\n"},
	} {
		if got := lean(c.offer); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}
