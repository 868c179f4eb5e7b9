package clip

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"math"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dongyue/streams"
	"dongyue/streams/evidence"
)

// foreign starts GStreamer's RTSP server, as the tests of streams/whep do, and returns
// its port.
func foreign(t *testing.T) string {
	t.Helper()
	const python = "/usr/bin/python3" // Debian's, which has the bindings
	check := "import gi; gi.require_version('GstRtspServer','1.0'); from gi.repository import Gst; Gst.init(None); assert Gst.ElementFactory.find('x264enc')"
	if out, err := exec.Command(python, "-c", check).CombinedOutput(); err != nil {
		t.Skipf("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-ugly): %s", out)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, python, "../whep/testdata/gst_rtsp.py", "admin", "s3cr3t")
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
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

// B-frames, also those that other B-frames refer to: browsers don't get them, but they
// are evidence like any other picture. Each is there, in its place.
func TestBFrames(t *testing.T) {
	t.Parallel()
	port := foreign(t)
	var cameras []streams.Camera
	for _, name := range []string{"b", "pyramid", "test", "h265", "h265-open"} {
		cameras = append(cameras, streams.Camera{ID: "gst-" + name, Name: name, URL: streams.URL("rtsp://admin:s3cr3t@127.0.0.1:" + port + "/" + name)})
	}
	h := open(t, t.TempDir(), nil, cameras...)
	var ids []string
	for _, c := range cameras {
		h.filled(c.ID, 3*time.Second)
		h.until(c.ID+" tells its clock", 20*time.Second, func() bool { return h.tellsItsClock(c.ID) })
	}
	for _, c := range cameras {
		ids = append(ids, h.record(c.ID, c.ID, 2*time.Second, 2*time.Second).ID)
	}
	for i, id := range ids {
		c := h.over(id)
		if hevc := strings.HasPrefix(c.Codec, "hvc1.1.6.L"); hevc != strings.HasPrefix(c.Camera, "gst-h265") {
			t.Errorf("%s: coded as %s", c.Camera, c.Codec)
		}
		if c.State != Complete || len(c.Gaps) > 0 || c.Width != 640 {
			t.Errorf("%s: %+v", cameras[i].ID, c)
			continue
		}
		if c.SkewMS == nil {
			t.Errorf("%s: the camera's clock is not known, although it sends reports", cameras[i].ID)
		} else if *c.SkewMS > 10_000 || *c.SkewMS < -10_000 { // it is this machine's
			t.Errorf("%s: the camera's clock is %d ms off", cameras[i].ID, *c.SkewMS)
		}
		files := map[string][]byte{"original": h.video(id)}
		w := h.do(http.MethodPost, "/clips/"+id+"/export", `{"reason":"x"}`)
		z, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
		must(t, err)
		f, err := z.Open(evidence.VideoName)
		must(t, err)
		files["export"] = readAll(t, f)
		for kind, b := range files {
			t.Run(cameras[i].ID+" "+kind, func(t *testing.T) {
				evenly(t, probe(t, write(t, b)), cameras[i].ID != "gst-test" && cameras[i].ID != "gst-h265")
			})
		}
	}
	h.folder(len(ids))
}

// tellsItsClock tells whether a camera's sender report has come.
func (h *hub) tellsItsClock(camera string) bool {
	a, err := h.clips.armedCamera(camera)
	must(h.t, err)
	a.ring.mu.Lock()
	defer a.ring.mu.Unlock()
	ps := a.ring.open().frames
	return len(ps) > 0 && !ps[len(ps)-1].NTP.IsZero()
}

// evenly checks that the pictures of 15 a second follow each other without one missing.
func evenly(t *testing.T, p probed, reordered bool) {
	ts := shown(t, p)
	begins(t, ts, 1.0/15)
	for i := 1; i < len(ts); i++ {
		if d := ts[i] - ts[i-1]; math.Abs(d-1.0/15) > 0.01 {
			t.Errorf("%f s lie between the pictures at %f and %f", d, ts[i-1], ts[i])
		}
	}
	last, dts := -1e9, -1e9
	some := false
	for _, k := range p.Packets {
		pts := number(t, k.PTS)
		some = some || pts < last
		last = pts
		d := number(t, k.DTS)
		if d <= dts || d > pts+0.001 {
			t.Errorf("a picture for %f is decoded at %f, the one before at %f", pts, d, dts)
		}
		dts = d
	}
	if some != reordered {
		t.Errorf("B-frames in it: %v", some)
	}
}
