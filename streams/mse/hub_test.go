package mse_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"dongyue/internal/db"
	"dongyue/internal/simulator/camera"
	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/mse"
	"dongyue/streams/rtsp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "s3cr3t-Pa55"

// anyone lets whoever names himself in a header do everything.
type anyone struct{}

func (anyone) Authenticate(r *http.Request) (web.Principal, bool) {
	who := r.Header.Get("X-Who")
	return web.Principal{ID: who}, who != ""
}
func (anyone) Allowed(web.Principal, web.Action) bool { return true }

// hub is everything between a camera and a browser, on real ports.
type hub struct {
	t       *testing.T
	http    *httptest.Server
	mse     *mse.Server
	streams *streams.Streams
	sim     *camera.Server
}

func newHub(t *testing.T, cameras ...camera.Camera) *hub {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	run := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	h := &hub{t: t}
	var err error
	h.sim, err = camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: cameras})
	must(err)
	run(h.sim.Run)
	<-h.sim.Ready()
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "hub.db"))
	must(err)
	feed, err := web.NewFeed(ctx, d)
	must(err)
	pull, err := rtsp.New(rtsp.Options{})
	must(err)
	h.streams, err = streams.New(streams.Options{DB: d, Feed: feed, Puller: pull, LeaveOff: 300 * time.Millisecond})
	must(err)
	for _, c := range cameras {
		base := "rtsp://admin:" + password + "@" + h.sim.Addr().String() + "/" + c.ID
		must(h.streams.Seed(ctx, []streams.Camera{{ID: c.ID, URL: streams.URL(base + "/main"), SubURL: streams.URL(base + "/sub")}}))
	}
	run(h.streams.Run)
	h.mse, err = mse.New(mse.Options{Streams: h.streams, MaxPerPrincipal: 3})
	must(err)
	run(h.mse.Run)
	<-h.streams.Ready()
	<-h.mse.Ready()
	api := web.NewAPI("test", anyone{}, nil)
	h.mse.Register(api)
	h.http = httptest.NewServer(api)
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		h.http.Close()
		_ = d.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return h
}

// seed adds cameras of GStreamer's server: id to the name of its stream.
func (h *hub) seed(port string, names map[string]string) {
	h.t.Helper()
	for id, name := range names {
		u := streams.URL("rtsp://admin:" + password + "@127.0.0.1:" + port + "/" + name)
		if err := h.streams.Seed(context.Background(), []streams.Camera{{ID: id, URL: u}}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// foreign starts GStreamer's RTSP server and returns its port.
func foreign(t *testing.T) string {
	t.Helper()
	check := "import gi; gi.require_version('GstRtspServer','1.0'); from gi.repository import Gst; Gst.init(None); assert Gst.ElementFactory.find('x265enc')"
	if out, err := exec.Command("/usr/bin/python3", "-c", check).CombinedOutput(); err != nil {
		t.Skipf("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-bad): %s", out)
	}
	cmd := exec.Command("/usr/bin/python3", "../whep/testdata/gst_rtsp.py", "admin", password)
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
		_ = cmd.Wait()
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("GStreamer's server did not start: %v", err)
	}
	return strings.TrimSpace(port)
}

// viewer is a browser's stand-in.
type viewer struct {
	t    *testing.T
	conn *websocket.Conn
	file bytes.Buffer // all that came
}

func (h *hub) dial(path string, header ...string) (*websocket.Conn, *http.Response, error) {
	head := http.Header{"X-Who": {"u1"}}
	for i := 0; i+1 < len(header); i += 2 {
		head.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return websocket.Dial(ctx, h.http.URL+path, &websocket.DialOptions{HTTPHeader: head}) //nolint:bodyclose // the library does
}

func (h *hub) watch(path string) *viewer {
	h.t.Helper()
	conn, res, err := h.dial(path)
	if err != nil {
		h.t.Fatalf("%s: %v (%v)", path, err, res)
	}
	conn.SetReadLimit(8 << 20)
	h.t.Cleanup(func() { _ = conn.CloseNow() })
	return &viewer{t: h.t, conn: conn}
}

func (v *viewer) read() (websocket.MessageType, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	return v.conn.Read(ctx)
}

// hello reads the message of text that comes now.
func (v *viewer) hello() mse.Hello {
	v.t.Helper()
	kind, b, err := v.read()
	if err != nil || kind != websocket.MessageText {
		v.t.Fatalf("no text: %v, %d bytes, %v", kind, len(b), err)
	}
	var x mse.Hello
	if err := json.Unmarshal(b, &x); err != nil {
		v.t.Fatal(err)
	}
	return x
}

// header reads the initialisation segment.
func (v *viewer) header() fmp4.Init {
	v.t.Helper()
	_, b, err := v.read()
	if err != nil {
		v.t.Fatal(err)
	}
	v.file.Write(b)
	var i fmp4.Init
	if err := i.Unmarshal(bytes.NewReader(b)); err != nil {
		v.t.Fatal(err)
	}
	return i
}

// next reads a fragment.
func (v *viewer) next() *fmp4.PartTrack {
	v.t.Helper()
	kind, b, err := v.read()
	if err != nil || kind != websocket.MessageBinary {
		v.t.Fatalf("no fragment: %v, %q, %v", kind, b, err)
	}
	v.file.Write(b)
	var parts fmp4.Parts
	if err := parts.Unmarshal(b); err != nil || len(parts) != 1 || len(parts[0].Tracks) != 1 {
		v.t.Fatalf("%d parts, %v", len(parts), err)
	}
	return parts[0].Tracks[0]
}
