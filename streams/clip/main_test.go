package clip

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"dongyue/internal/db"
	"dongyue/internal/simulator/camera"
	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/evidence"
	"dongyue/streams/rtsp"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(victimDir) != "" {
		victim()
		return
	}
	goleak.VerifyTestMain(m)
}

// anyone lets whoever names himself in a header do everything.
type anyone struct{}

func (anyone) Authenticate(r *http.Request) (web.Principal, bool) {
	who := r.Header.Get("X-Who")
	return web.Principal{ID: who, Name: "陈" + who}, who != ""
}
func (anyone) Allowed(web.Principal, web.Action) bool { return true }

// trace is an audit in memory.
type trace struct {
	mu    sync.Mutex
	lines []string
	fail  error
}

func (a *trace) Audit(_ context.Context, _ *sql.Tx, actor, action, target string, detail any) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail != nil {
		return a.fail
	}
	b, err := json.Marshal(detail)
	a.lines = append(a.lines, fmt.Sprintf("%s %s %s %s", actor, action, target, b))
	return err
}

func (a *trace) count(word string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.lines {
		if strings.Contains(l, word) {
			n++
		}
	}
	return n
}

// testSeed of the signing key.
func testSeed() []byte { s := sha256.Sum256([]byte("test")); return s[:] }

// hub is what lies between a camera and a clip, on real ports and files.
type hub struct {
	t       testing.TB
	dir     string
	db      *db.DB
	feed    *web.Feed
	streams *streams.Streams
	clips   *Recorder
	audit   *trace
	api     http.Handler
	stop    func()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// simulate starts cameras that outlive a hub.
func simulate(t testing.TB, cameras ...camera.Camera) *camera.Server {
	t.Helper()
	sim, err := camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: cameras})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- sim.Run(ctx) }()
	<-sim.Ready()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
	return sim
}

// source is a camera of the simulator with both streams.
func source(sim *camera.Server, id string) streams.Camera {
	base := "rtsp://" + sim.Addr().String() + "/" + id
	return streams.Camera{ID: id, Name: "东门 " + id, Zone: "east/b01", URL: streams.URL(base + "/main"), SubURL: streams.URL(base + "/sub")}
}

// open starts a hub on a folder; the same folder opens it again.
func open(t testing.TB, dir string, more func(*Options), cameras ...streams.Camera) *hub {
	t.Helper()
	pull, err := rtsp.New(rtsp.Options{})
	must(t, err)
	return openBy(t, dir, pull, more, cameras...)
}

// openBy is open with another way to the cameras.
func openBy(t testing.TB, dir string, pull streams.Puller, more func(*Options), cameras ...streams.Camera) *hub {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	h := &hub{t: t, dir: dir, audit: &trace{}}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	var err error
	h.db, err = db.Open(ctx, filepath.Join(dir, "hub.db"))
	must(t, err)
	h.feed, err = web.NewFeed(ctx, h.db)
	must(t, err)
	h.streams, err = streams.New(streams.Options{DB: h.db, Feed: h.feed, Puller: pull, Log: log})
	must(t, err)
	must(t, h.streams.Seed(ctx, cameras))
	o := Options{
		DB: h.db, Feed: h.feed, Streams: h.streams, Audit: h.audit, Dir: filepath.Join(dir, "clips"), Seed: testSeed(), Log: log,
		Metrics: prometheus.NewRegistry(), Version: "test", Before: 2 * time.Second, After: 2 * time.Second,
	}
	if more != nil {
		more(&o)
	}
	h.clips, err = New(o)
	must(t, err)
	api := web.NewAPI("test", anyone{}, log)
	h.clips.Register(api)
	h.api = api
	for name, run := range map[string]func(context.Context) error{"streams": h.streams.Run, "clips": h.clips.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	var once sync.Once
	h.stop = func() {
		once.Do(func() {
			cancel()
			wg.Wait()
			_ = h.db.Close()
		})
	}
	t.Cleanup(h.stop)
	return h
}

// filled waits until a camera's ring reaches back so far.
func (h *hub) filled(camera string, back time.Duration) {
	h.t.Helper()
	h.until(camera+" is armed", 20*time.Second, func() bool {
		h.clips.mu.Lock()
		a := h.clips.armed[camera]
		h.clips.mu.Unlock()
		if a == nil {
			return false
		}
		a.ring.mu.Lock()
		defer a.ring.mu.Unlock()
		for _, f := range a.ring.frags {
			if f.key {
				return time.Since(f.start()) > back
			}
		}
		return false
	})
}

func (h *hub) until(what string, within time.Duration, ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("not within %s: %s", within, what)
		}
	}
}

// record begins a clip around now.
func (h *hub) record(key, camera string, before, after time.Duration) Clip {
	h.t.Helper()
	now := time.Now()
	c, err := h.clips.Record(context.Background(), Request{
		Key: key, Camera: camera, From: now.Add(-before), To: now.Add(after), Alarm: "alarm-" + key, Reason: "温度过高", By: HubActor,
	})
	must(h.t, err)
	return c
}

// over waits for a clip's end.
func (h *hub) over(id string) Clip {
	h.t.Helper()
	var c Clip
	h.until("clip "+id+" has ended", 90*time.Second, func() bool {
		var err error
		c, err = h.clips.Get(context.Background(), id)
		must(h.t, err)
		going, _ := h.clips.soFar(id)
		return c.State != Recording && going == nil // it is told and counted a moment after it can be read
	})
	return c
}

// do asks the API as somebody.
func (h *hub) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("X-Who", "u1")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	return w
}

// video downloads a clip.
func (h *hub) video(id string) []byte {
	h.t.Helper()
	w := h.do(http.MethodGet, "/clips/"+id+"/video.mp4", "")
	if w.Code != http.StatusOK {
		h.t.Fatalf("video: %d %s", w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func (h *hub) manifest(id string) *evidence.Signed {
	h.t.Helper()
	w := h.do(http.MethodGet, "/clips/"+id+"/manifest.json", "")
	if w.Code != http.StatusOK {
		h.t.Fatalf("manifest: %d %s", w.Code, w.Body)
	}
	s, err := evidence.Parse(w.Body.Bytes())
	must(h.t, err)
	return s
}

// tool runs a program of ffmpeg's on a file; whatever it complains of is an error.
func tool(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	var out, complaints bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("%s %v: %v\n%s", name, args, err, complaints.Bytes())
	}
	return out.Bytes()
}

// probed is what ffprobe sees.
type probed struct {
	Streams []struct {
		CodecName string `json:"codec_name"`
		Width     int
		Height    int
		Duration  string
		Packets   string `json:"nb_read_packets"`
	}
	Format struct {
		Duration string
	}
	Packets []struct {
		PTS   string `json:"pts_time"`
		DTS   string `json:"dts_time"`
		Flags string
	}
	Frames []struct {
		PTS   string `json:"pts_time"`
		Key   int    `json:"key_frame"`
		Media string `json:"media_type"`
	}
}

func probe(t testing.TB, file string) (p probed) {
	t.Helper()
	out := tool(t, "ffprobe", "-v", "warning", "-count_packets", "-show_streams", "-show_format", "-show_packets", "-show_frames", "-of", "json", file)
	// With packets and frames together ffprobe mixes the two in one list.
	var mixed struct {
		probed
		Mixed []json.RawMessage `json:"packets_and_frames"`
	}
	must(t, json.Unmarshal(out, &mixed))
	p = mixed.probed
	for _, m := range mixed.Mixed {
		var kind struct{ Type string }
		must(t, json.Unmarshal(m, &kind))
		switch kind.Type {
		case "packet":
			p.Packets = append(p.Packets, struct {
				PTS   string `json:"pts_time"`
				DTS   string `json:"dts_time"`
				Flags string
			}{})
			must(t, json.Unmarshal(m, &p.Packets[len(p.Packets)-1]))
		case "frame":
			p.Frames = append(p.Frames, struct {
				PTS   string `json:"pts_time"`
				Key   int    `json:"key_frame"`
				Media string `json:"media_type"`
			}{})
			must(t, json.Unmarshal(m, &p.Frames[len(p.Frames)-1]))
		}
	}
	return p
}

func write(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "clip.mp4")
	must(t, os.WriteFile(name, b, 0o600))
	return name
}

func readAll(t testing.TB, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	must(t, err)
	return b
}
