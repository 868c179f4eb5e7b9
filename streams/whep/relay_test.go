package whep_test

import (
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"dongyue/internal/simulator/camera"
	"dongyue/streams/whep"
)

const relaySecret = "r3lay"

// relay is a TURN server that gives out addresses of this machine.
func relay(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := turn.NewServer(turn.ServerConfig{
		Realm: "dongyue.test", AuthHandler: turn.LongTermTURNRESTAuthHandler(relaySecret, nil),
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn:            conn,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return "turn:" + conn.LocalAddr().String() + "?transport=udp"
}

// The viewer is told of the relay, with a password of its own that ends by itself,
// and who can be reached by the relay only gets pictures. The hub can use it too.
func TestByRelay(t *testing.T) {
	at := relay(t)
	h := newHub(t, func(o *whep.Options) { o.Relays, o.RelaySecret = []string{at, "stun:127.0.0.1:9"}, relaySecret }, camera.Camera{ID: "cam-1", Scene: "plaza"})
	pc, err := newClient().NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.GracefulClose() }()
	res, answer := h.do(http.MethodPost, "/whep/cam-1", "application/sdp", h.offer(pc))
	if !strings.Contains(answer, " typ relay") {
		t.Errorf("the hub has no address of the relay:\n%s", answer)
	}
	links := res.Header.Values("Link")
	if len(links) != 2 || links[1] != `<stun:127.0.0.1:9>; rel="ice-server"` || strings.Contains(links[0], relaySecret) {
		t.Fatalf("got %q", links)
	}
	f := regexp.MustCompile(`^<(turn:[^>]+)>; rel="ice-server"; username="(\d+:u1)"; credential="([^"]+)"; credential-type="password"$`).FindStringSubmatch(links[0])
	if f == nil || f[1] != at {
		t.Fatalf("got %q", links[0])
	}
	v := h.watchBy(webrtc.Configuration{
		ICEServers: []webrtc.ICEServer{{URLs: []string{f[1]}, Username: f[2], Credential: f[3]}}, ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	}, "/whep/cam-1?stream=sub")
	for range 20 {
		v.next(10 * time.Second)
	}
	pair, err := v.pc.GetReceivers()[0].Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair.Local.Typ != webrtc.ICECandidateTypeRelay {
		t.Errorf("the viewer came by %v: %v", pair, err)
	}
}

func TestRelaysAreChecked(t *testing.T) {
	for _, x := range []struct{ url, secret string }{{"192.0.2.1:3478", ""}, {"http://192.0.2.1", "x"}, {"turn:192.0.2.1:3478", ""}} {
		h := whep.Options{Addr: "127.0.0.1:0", Streams: newHub(t, nil).streams, Relays: []string{x.url}, RelaySecret: x.secret}
		if _, err := whep.New(h); err == nil || !strings.Contains(err.Error(), x.url) {
			t.Errorf("%s: got %v", x.url, err)
		}
	}
}
