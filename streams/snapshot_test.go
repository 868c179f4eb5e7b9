package streams_test

import (
	"bytes"
	"context"
	"image/jpeg"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/simulator/camera"
	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/rtsp"
)

type anybody struct{}

func (anybody) Authenticate(*http.Request) (web.Principal, bool) {
	return web.Principal{ID: "u1", Role: web.Admin}, true
}
func (anybody) Allowed(web.Principal, web.Action) bool { return true }

// start runs a simulated camera and the room that pulls it.
func start(t *testing.T) http.Handler {
	t.Helper()
	sim, err := camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: []camera.Camera{{ID: "cam-1", Scene: "plaza"}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = sim.Run(ctx) })
	<-sim.Ready()
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	feed, err := web.NewFeed(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	pull, err := rtsp.New(rtsp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := streams.New(streams.Options{DB: d, Feed: feed, Puller: pull})
	if err != nil {
		t.Fatal(err)
	}
	base := "rtsp://" + sim.Addr().String() + "/cam-1"
	if err := s.Seed(ctx, []streams.Camera{{ID: "cam-1", URL: streams.URL(base + "/main"), SubURL: streams.URL(base + "/sub")}}); err != nil {
		t.Fatal(err)
	}
	wg.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		_ = d.Close()
	})
	api := web.NewAPI("test", anybody{}, slog.New(slog.DiscardHandler))
	s.Register(api)
	return api
}

func fetch(api http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/api/v1"+path, nil))
	return w
}

// A snapshot is a JPEG of the stream's size, made once for all who ask; without ffmpeg
// the answer says what to install.
func TestSnapshotJPEG(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	api := start(t)
	var w *httptest.ResponseRecorder
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if w = fetch(api, "/cameras/cam-1/snapshot.jpg?stream=sub"); w.Code == http.StatusOK || time.Now().After(end) {
			break
		}
	}
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/jpeg" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	p, err := jpeg.DecodeConfig(bytes.NewReader(w.Body.Bytes()))
	if err != nil || p.Width != 640 || p.Height != 360 {
		t.Fatalf("got %+v, %v", p, err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if w := fetch(api, "/cameras/cam-1/snapshot.jpg?stream=sub"); w.Code != http.StatusOK || w.Body.Len() < 1000 {
				t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
			}
		})
	}
	wg.Wait()
	if w := fetch(api, "/cameras/cam-9/snapshot.jpg"); w.Code != http.StatusNotFound {
		t.Errorf("an unknown camera: %d %s", w.Code, w.Body)
	}
	t.Setenv("PATH", t.TempDir())
	time.Sleep(1100 * time.Millisecond) // another key frame
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if w = fetch(api, "/cameras/cam-1/snapshot.jpg?stream=sub"); w.Code == http.StatusNotImplemented {
			break
		}
	}
	if w.Code != http.StatusNotImplemented || !strings.Contains(w.Body.String(), "apt-get install ffmpeg") {
		t.Errorf("without ffmpeg: %d %s", w.Code, w.Body)
	}
	if w := fetch(api, "/cameras/cam-1/snapshot.mp4"); w.Code != http.StatusOK {
		t.Errorf("the MP4: %d", w.Code)
	}
}

func TestFFmpegLimits(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	if _, err := streams.FFmpeg(context.Background(), strings.NewReader("no video"), 100, "-i", "pipe:0", "-f", "mjpeg", "pipe:1"); err == nil || !strings.Contains(err.Error(), "Invalid data") {
		t.Errorf("got %v", err)
	}
	if _, err := streams.FFmpeg(context.Background(), nil, 100, "-f", "lavfi", "-i", "testsrc=d=1", "-f", "rawvideo", "pipe:1"); err == nil || !strings.Contains(err.Error(), "more than 100 bytes") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := streams.FFmpeg(ctx, nil, 1<<20, "-re", "-f", "lavfi", "-i", "testsrc=d=60", "-f", "null", "-"); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("got %v", err)
	}
}
