package whep_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dongyue/internal/simulator/camera"
)

// gstreamer plays a stream with GStreamer's webrtcbin and returns what it saw.
func (h *hub) gstreamer(path string, frames int) (seen struct {
	Status, Width, Height, Frames, Deleted int
	FirstMS                                int `json:"first_ms"`
	Location, ETag, Error                  string
}) {
	h.t.Helper()
	check := "import gi; gi.require_version('GstWebRTC','1.0'); from gi.repository import Gst; Gst.init(None); assert Gst.ElementFactory.find('nicesrc') and Gst.ElementFactory.find('openh264dec')"
	if out, err := exec.Command(python, "-c", check).CombinedOutput(); err != nil {
		h.t.Skipf("GStreamer's WebRTC is not installed (gstreamer1.0-nice, gir1.2-gst-plugins-bad-1.0): %s", out)
	}
	arg, err := json.Marshal(map[string]any{"url": h.http.URL + path, "token": "u1", "frames": frames, "seconds": 30})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "../../e2e/clients/whep_gst.py", string(arg))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if json.Unmarshal(out, &seen) != nil {
		h.t.Fatalf("%v: %s", err, out)
	}
	return seen
}

// A player that is neither a browser's nor the library's: libnice, OpenSSL, libsrtp.
func TestGStreamerPlays(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "plaza"})
	got := h.gstreamer("/whep/cam-1", 100)
	t.Logf("%+v", got)
	if got.Error != "" || got.Frames < 100 || got.Width != 1280 || got.Height != 720 {
		t.Fatalf("got %+v", got)
	}
	if got.Status != 201 || got.Deleted != 200 || got.ETag == "" || !strings.HasPrefix(got.Location, h.http.URL) {
		t.Fatalf("got %+v", got)
	}
	for end := time.Now().Add(5 * time.Second); h.whep.Sessions() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("its session is left")
		}
	}
	if got := h.gstreamer("/whep/nobody", 1); !strings.Contains(got.Error, "404") {
		t.Fatalf("an unknown camera: %+v", got)
	}
}
