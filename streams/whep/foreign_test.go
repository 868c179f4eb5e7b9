package whep_test

import (
	"bufio"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"dongyue/streams"
)

// python is Debian's, which has the bindings of GStreamer.
const python = "/usr/bin/python3"

// foreign starts GStreamer's RTSP server and returns its port.
func foreign(t *testing.T) string {
	t.Helper()
	check := "import gi; gi.require_version('GstRtspServer','1.0'); from gi.repository import Gst; Gst.init(None); assert Gst.ElementFactory.find('x264enc')"
	if out, err := exec.Command(python, "-c", check).CombinedOutput(); err != nil {
		t.Skipf("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-ugly): %s", out)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, python, "testdata/gst_rtsp.py", "admin", password)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		cancel()
		_ = cmd.Wait()
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("GStreamer's server did not start: %v", err)
	}
	return strings.TrimSpace(port)
}

func TestForeignServer(t *testing.T) {
	port := foreign(t)
	h := newHub(t, nil)
	at := "127.0.0.1:" + port + "/test"
	err := h.streams.Seed(context.Background(), []streams.Camera{
		{ID: "gst", URL: streams.URL("rtsp://admin:" + password + "@" + at)},
		{ID: "wrong", URL: streams.URL("rtsp://admin:" + password + "x@" + at)},
		{ID: "missing", URL: streams.URL("rtsp://admin:" + password + "@" + at + "/nothing")},
		{ID: "nobody", URL: streams.URL("rtsp://admin:" + password + "@127.0.0.1:1/test")},
	})
	if err != nil {
		t.Fatal(err)
	}
	v := h.watch("/whep/gst")
	first := v.next(15 * time.Second)
	if !first.key {
		t.Fatal("the first picture is no key frame")
	}
	for range 40 {
		v.next(5 * time.Second)
	}
	view := h.state("gst", streams.Live, time.Second)
	if view.Main.Width != 640 || view.Main.Height != 360 || !strings.HasPrefix(view.Main.Profile, "42") {
		t.Fatalf("got %+v", view.Main)
	}
	for id, want := range map[string]string{"wrong": "camera.auth", "missing": "camera.path", "nobody": "camera.unreachable"} {
		h.watch("/whep/" + id)
		h.state(id, streams.NoSignal, 5*time.Second)
		res, body := h.do("GET", "/api/v1/cameras/"+id+"/why", "", "")
		if res.StatusCode != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %s", id, body)
		}
		if strings.Contains(body, "127.0.0.1") {
			t.Errorf("%s: the address is in the answer: %s", id, body)
		}
	}
}

// seed adds cameras of GStreamer's server: id to name of the main and the sub stream.
func (h *hub) seed(port string, cameras map[string][2]string) {
	h.t.Helper()
	url := func(name string) streams.URL {
		if name == "" {
			return ""
		}
		return streams.URL("rtsp://admin:" + password + "@127.0.0.1:" + port + "/" + name)
	}
	for id, names := range cameras {
		if err := h.streams.Seed(context.Background(), []streams.Camera{{ID: id, URL: url(names[0]), SubURL: url(names[1])}}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// A browser that takes H.265 gets it; one that does not gets the sub stream, or is
// sent to the other door. Nobody is left with a black picture and no reason.
func TestH265(t *testing.T) {
	h := newHub(t, nil)
	h.seed(foreign(t), map[string][2]string{"both": {"h265", "sub"}, "only": {"h265", ""}, "leading": {"h265-open", ""}})

	v := h.watch("/whep/only", hevc)
	if first := v.next(15 * time.Second); !first.key {
		t.Fatal("the first picture is no key frame")
	}
	for range 30 {
		v.next(5 * time.Second)
	}
	view := h.state("only", streams.Live, time.Second)
	if m := view.Main; m.Codec.Codec != "h265" || m.Width != 640 || m.Height != 360 || !strings.HasPrefix(m.Profile, "1.6.L") {
		t.Fatalf("got %+v", m)
	}
	if !strings.Contains(v.answer, "H265/90000") || v.header.Get("Dongyue-Stream") != "main" || v.header.Get("Dongyue-Reason") != "" {
		t.Fatalf("%v\n%s", v.header, v.answer)
	}

	v = h.watch("/whep/both", h264Only)
	v.next(15 * time.Second)
	if v.header.Get("Dongyue-Stream") != "sub" || v.header.Get("Dongyue-Reason") != "h265" {
		t.Fatalf("got %v", v.header)
	}
	if view := h.state("both", streams.Live, time.Second); view.Sub.State != streams.Live || view.Sub.Width != 320 {
		t.Fatalf("got %+v", view.Sub)
	}
	began := time.Now()
	res, body := h.post("/whep/only", h264Only)
	if res.StatusCode != 406 || !strings.Contains(body, "whep.use_mse") {
		t.Fatalf("%s: %s", res.Status, body)
	}
	if d := time.Since(began); d > 3*time.Second { // at once, whatever else the machine does: no wait for a picture of the sub stream
		t.Errorf("it took %s to say so", d)
	}

	// Pictures that go back in time are left out; the rest moves on.
	v = h.watch("/whep/leading", hevc)
	for range 20 {
		v.next(40 * time.Second) // a busy machine encodes slowly
	}
	if view := h.state("leading", streams.Live, time.Second); !view.Main.BFrames {
		t.Fatalf("got %+v", view.Main)
	}
}

// A sub stream without B-frames is better than a main stream with every other
// picture left out.
func TestBFramesPreferTheSubStream(t *testing.T) {
	h := newHub(t, nil)
	h.seed(foreign(t), map[string][2]string{"cam": {"b", "sub"}})
	v := h.watch("/whep/cam")
	for range 20 {
		v.next(15 * time.Second)
	}
	v = h.watch("/whep/cam")
	v.next(15 * time.Second)
	if v.header.Get("Dongyue-Stream") != "sub" || v.header.Get("Dongyue-Reason") != "b_frames" {
		t.Fatalf("got %v", v.header)
	}
}

// Some cameras send packets of 10 KB, which TCP allows; viewers get them in pieces.
func TestPacketsOf10KB(t *testing.T) {
	h := newHub(t, nil)
	h.seed(foreign(t), map[string][2]string{"cam": {"jumbo", ""}})
	v := h.watch("/whep/cam")
	most := 0
	for range 30 {
		most = max(most, v.next(15*time.Second).units)
	}
	if most < 10 {
		t.Fatalf("the largest picture has %d packets", most)
	}
	if w, err := h.streams.Why("cam"); err != nil || w.Streams[0].Damaged != 0 {
		t.Fatalf("%+v, %v", w, err)
	}
}

// A wall whose viewer takes H.265 shows both codings, and a tile changes from one to
// the other without a negotiation.
func TestWallOfTwoCodings(t *testing.T) {
	h := newHub(t, nil)
	h.seed(foreign(t), map[string][2]string{"both": {"h265", "sub"}, "only": {"h265", ""}})
	w := h.wall(2, "both:sub,only:main")
	for i := range w.tiles {
		if !w.tiles[i].next(20 * time.Second).key {
			t.Fatalf("tile %d begins without a key frame", i)
		}
		w.until("live", i, is("live"))
	}
	w.put(map[string]any{"mid": "0", "stream": "main"})
	s := w.until("live in main", 0, func(s shown) bool { return s.Stream == "main" && s.State == "live" })
	if !w.tiles[0].since(*s.BegunRTP).key {
		t.Fatal("the other coding begins without a key frame")
	}
	for range 20 {
		w.tiles[0].next(5 * time.Second)
	}
}

// Packets from before a change of the coding are asked for again behind it: they come
// as they came, with the type of the coding that they have.
func TestNACKAcrossCodings(t *testing.T) {
	h := newHub(t, nil)
	h.seed(foreign(t), map[string][2]string{"both": {"h265", "sub"}})
	w := h.wall(1, "both:sub")
	v := w.tiles[0]
	v.next(20 * time.Second)
	w.until("live", 0, is("live"))
	ssrc := uint32(w.pc.GetReceivers()[0].Track().SSRC())
	for _, stream := range []string{"main", "sub"} {
		w.put(map[string]any{"mid": "0", "stream": stream})
		s := w.until("live in "+stream, 0, func(s shown) bool { return s.Stream == stream && s.State == "live" })
		first := v.since(*s.BegunRTP).first
		var want []uint16
		for i := range uint16(6) { // three before the change, three behind it
			want = append(want, first-3+i)
		}
		for len(v.again) > 0 {
			<-v.again
		}
		nack := &rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(want)}
		if err := w.pc.WriteRTCP([]rtcp.Packet{nack}); err != nil {
			t.Fatal(err)
		}
		for _, n := range want {
			select {
			case got := <-v.again:
				if got != n {
					t.Fatalf("%s: got packet %d, want %d", stream, got, n)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s: packet %d was not sent again", stream, n)
			}
		}
	}
}
