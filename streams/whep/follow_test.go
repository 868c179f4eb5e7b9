package whep

import (
	"testing"

	"github.com/pion/webrtc/v4"
)

func TestRoadsThatCanBeTaken(t *testing.T) {
	pair := func(typ webrtc.ICECandidateType, proto webrtc.ICEProtocol, addr string) *webrtc.ICECandidatePair {
		return webrtc.NewICECandidatePair(&webrtc.ICECandidate{Typ: typ, Protocol: proto}, &webrtc.ICECandidate{Address: addr, Port: 5000})
	}
	for _, x := range []struct {
		name string
		pair *webrtc.ICECandidatePair
		want string
	}{
		{"none", nil, ""},
		{"udp", pair(webrtc.ICECandidateTypeHost, webrtc.ICEProtocolUDP, "192.0.2.1"), "192.0.2.1:5000"},
		{"udp6", pair(webrtc.ICECandidateTypeHost, webrtc.ICEProtocolUDP, "2001:db8::1"), "[2001:db8::1]:5000"},
		{"tcp", pair(webrtc.ICECandidateTypeHost, webrtc.ICEProtocolTCP, "192.0.2.1"), ""},
		{"our relay", pair(webrtc.ICECandidateTypeRelay, webrtc.ICEProtocolUDP, "192.0.2.1"), ""},
		{"a name", pair(webrtc.ICECandidateTypeHost, webrtc.ICEProtocolUDP, "x.local"), ""},
	} {
		var r road
		if ok := r.follow(x.pair); ok != (x.want != "") || ok && r.to.Load().String() != x.want {
			t.Errorf("%s: %v, %v", x.name, ok, r.to.Load())
		}
	}
}
