package whep_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"dongyue/internal/simulator/camera"
	"dongyue/streams"
)

func TestPicturesComeAndGoOn(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "plaza"})
	v := h.watch("/whep/cam-1")
	first := v.next(10 * time.Second)
	if !first.key {
		t.Fatal("the first picture is no key frame")
	}
	t.Logf("cold camera: first picture after %s", first.at.Sub(v.posted))
	last := first
	for range 60 {
		last = v.next(5 * time.Second)
	}
	if d := last.ts - first.ts; d < 50*3600/2 {
		t.Fatalf("60 frames span %d ticks", d)
	}
	view := h.state("cam-1", streams.Live, time.Second)
	if m := view.Main; m.Codec.Codec != "h264" || m.Width != 1280 || m.Height != 720 || m.FPS != 25 || view.Viewers != 1 {
		t.Fatalf("got %+v, viewers %d", m, view.Viewers)
	}
	if !strings.Contains(v.answer, "a=setup:passive") || strings.Contains(v.answer, ".local") {
		t.Fatalf("answer:\n%s", v.answer)
	}
}

func TestJoinInTheMiddleAndPLI(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "unit-door"})
	a := h.watch("/whep/cam-1?stream=sub")
	for range 5 {
		a.next(10 * time.Second)
	}
	b := h.watch("/whep/cam-1?stream=sub")
	first := b.next(5 * time.Second)
	if !first.key {
		t.Fatal("the first picture is no key frame")
	}
	t.Logf("hot camera: first picture after %s", first.at.Sub(b.posted))
	time.Sleep(700 * time.Millisecond) // more than the pause between two replays
	for len(b.pictures) > 0 {
		<-b.pictures
	}
	ssrc := uint32(b.pc.GetReceivers()[0].Track().SSRC())
	if err := b.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}}); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ { // the camera's own key frames are 24 apart
		if b.next(5 * time.Second).key {
			break
		}
		if n > 25 {
			t.Fatal("a request for a key frame was not answered")
		}
	}
	if v, _ := h.streams.Get("cam-1"); v.Viewers != 2 || v.Main.State != streams.Idle || v.Sub.State != streams.Live {
		t.Fatalf("got %+v", v)
	}
}

func TestNACK(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "plaza"})
	v := h.watch("/whep/cam-1?stream=sub")
	p := v.next(10 * time.Second)
	for range 10 {
		v.next(5 * time.Second)
	}
	ssrc := uint32(v.pc.GetReceivers()[0].Track().SSRC())
	nack := &rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{p.first, p.first + 1})}
	if err := v.pc.WriteRTCP([]rtcp.Packet{nack}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []uint16{p.first, p.first + 1} {
		select {
		case got := <-v.again:
			if got != want {
				t.Fatalf("got packet %d, want %d", got, want)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("the packet was not sent again")
		}
	}
	for range 10 {
		v.next(5 * time.Second)
	}
}

func TestOutageKeepsTheConnection(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "east-gate"})
	v := h.watch("/whep/cam-1")
	v.next(10 * time.Second)
	v.wait(webrtc.PeerConnectionStateConnected)
	if err := h.sim.Off("cam-1"); err != nil {
		t.Fatal(err)
	}
	off := time.Now()
	view := h.state("cam-1", streams.NoSignal, 4*time.Second)
	t.Logf("no signal after %s: %s", time.Since(off), view.Error)
	for len(v.pictures) > 0 {
		<-v.pictures
	}
	if _, err := h.streams.Why("cam-1"); err != nil {
		t.Fatal(err)
	}
	if err := h.sim.On("cam-1"); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	p := v.next(6 * time.Second)
	t.Logf("back after %s", p.at.Sub(back))
	if !p.key {
		t.Fatal("the first picture after the outage is no key frame")
	}
	h.state("cam-1", streams.Live, time.Second)
	for range 30 {
		v.next(5 * time.Second)
	}
	for len(v.states) > 0 {
		if s := <-v.states; s != webrtc.PeerConnectionStateConnected {
			t.Fatalf("the viewer's connection was %s", s)
		}
	}
}

func TestCameraThatIsOffAtTheStart(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "lamp-path"})
	if err := h.sim.Off("cam-1"); err != nil {
		t.Fatal(err)
	}
	v := h.watch("/whep/cam-1")
	v.wait(webrtc.PeerConnectionStateConnected)
	view := h.state("cam-1", streams.NoSignal, 4*time.Second)
	if view.Error == "" || view.ErrorText.ZH == "" {
		t.Fatalf("no cause is told: %+v", view)
	}
	if err := h.sim.On("cam-1"); err != nil {
		t.Fatal(err)
	}
	if p := v.next(6 * time.Second); !p.key {
		t.Fatal("the first picture is no key frame")
	}
}

func TestOverTCP(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "car-park"})
	v := h.watch("/whep/cam-1?stream=sub", overTCP)
	for range 20 {
		v.next(10 * time.Second)
	}
}

func TestIdleCameraIsLeft(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "plaza"})
	v := h.watch("/whep/cam-1")
	v.next(10 * time.Second)
	if res, _ := h.do(http.MethodDelete, v.location, "", ""); res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	h.state("cam-1", streams.Idle, 3*time.Second)
	if res, _ := h.do(http.MethodDelete, v.location, "", ""); res.StatusCode != http.StatusNotFound {
		t.Fatal(res.Status)
	}
}

func TestRevokeAndDelete(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "plaza"}, camera.Camera{ID: "cam-2", Scene: "plaza"})
	a, b := h.watch("/whep/cam-1"), h.watch("/whep/cam-2")
	a.next(10 * time.Second)
	b.next(10 * time.Second)
	if res, _ := h.do(http.MethodDelete, "/api/v1/cameras/cam-2", "", ""); res.StatusCode != http.StatusNoContent {
		t.Fatal(res.Status)
	}
	b.wait(webrtc.PeerConnectionStateClosed)
	if n := h.whep.Revoke("somebody else"); n != 0 {
		t.Fatalf("%d sessions of somebody else", n)
	}
	if n := h.whep.Revoke("u1"); n != 1 {
		t.Fatalf("%d sessions were ended", n)
	}
	a.wait(webrtc.PeerConnectionStateClosed)
	for end := time.Now().Add(5 * time.Second); h.whep.Sessions() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("sessions are left")
		}
	}
}

func TestSnapshot(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "plaza"})
	res, b := h.do(http.MethodGet, "/api/v1/cameras/cam-1/snapshot.mp4", "", "")
	if res.StatusCode != http.StatusOK || !strings.Contains(b[:64], "ftyp") || !strings.Contains(b, "moof") {
		t.Fatalf("%s, %d bytes", res.Status, len(b))
	}
	if res, _ := h.do(http.MethodGet, "/api/v1/cameras/nobody/snapshot.mp4", "", ""); res.StatusCode != http.StatusNotFound {
		t.Fatal(res.Status)
	}
}
