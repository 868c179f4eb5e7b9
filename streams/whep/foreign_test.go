package whep_test

import (
	"bufio"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

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
