package whep

import (
	"strings"
	"testing"
)

const answerWithCandidates = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n" +
	"a=candidate:1 1 udp 2130706431 172.17.0.2 8189 typ host ufrag x\r\n" +
	"a=candidate:2 1 udp 2130706430 127.0.0.1 8189 typ host ufrag x\r\n" +
	"a=candidate:3 1 tcp 1671430143 172.17.0.2 8189 typ host tcptype passive ufrag x\r\n" +
	"a=end-of-candidates\r\n"

func TestAdvertise(t *testing.T) {
	if got := advertise(answerWithCandidates, nil); got != answerWithCandidates {
		t.Fatalf("got %s", got)
	}
	got := advertise(answerWithCandidates, []string{"192.0.2.7", "172.17.0.2"})
	for _, want := range []string{
		" 1 udp 2130706431 192.0.2.7 8189 typ host ufrag x\r\n",
		" 1 tcp 1671430143 192.0.2.7 8189 typ host tcptype passive ufrag x\r\n",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("no %q in %s", want, got)
		}
	}
	if n := strings.Count(got, "a=candidate:"); n != 5 {
		t.Errorf("%d candidates in %s", n, got)
	}
	if !strings.HasSuffix(got, "a=end-of-candidates\r\n") {
		t.Errorf("the end is not the end: %s", got)
	}
}

func TestCheckHosts(t *testing.T) {
	if err := checkHosts([]string{"192.0.2.7", "2001:db8::1"}); err != nil {
		t.Error(err)
	}
	if err := checkHosts([]string{"hub.example"}); err == nil {
		t.Error("a name was taken")
	}
}
