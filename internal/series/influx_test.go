package series

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dongyue/internal/event"
)

// server is a real time-series server that takes the InfluxDB 2 write API.
type server struct {
	t    *testing.T
	bin  string
	dir  string
	addr string
	cmd  *exec.Cmd
}

func newServer(t *testing.T) *server {
	t.Helper()
	bin, err := exec.LookPath("victoria-metrics")
	if err != nil {
		t.Skip("victoria-metrics is not installed (apt-get install victoria-metrics; `make setup` does it)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &server{t: t, bin: bin, dir: t.TempDir(), addr: l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.stop)
	return v
}

func (v *server) start() {
	v.t.Helper()
	v.cmd = exec.Command(v.bin, "-httpListenAddr="+v.addr, "-storageDataPath="+v.dir, "-retentionPeriod=100y", "-loggerLevel=ERROR", "-memory.allowedBytes=128MB")
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	eventually(v.t, "the server answers", func() bool {
		resp, err := http.Get("http://" + v.addr + "/health")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (v *server) stop() {
	if v.cmd != nil {
		_ = v.cmd.Process.Signal(syscall.SIGTERM)
		_ = v.cmd.Wait()
		v.cmd = nil
	}
	http.DefaultClient.CloseIdleConnections()
}

// stored reads every point back: by series and time, with its value.
func (v *server) stored() map[string]float64 {
	v.t.Helper()
	for _, path := range []string{"/internal/force_flush", "/api/v1/export?match[]=" + url.QueryEscape(`{__name__=~"telemetry_.*"}`)} {
		resp, err := http.Get("http://" + v.addr + path)
		if err != nil {
			v.t.Fatal(err)
		}
		if !strings.HasPrefix(path, "/api") {
			_ = resp.Body.Close()
			continue
		}
		out := map[string]float64{}
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var row struct {
				Metric     map[string]string
				Values     []float64
				Timestamps []int64
			}
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				v.t.Fatal(err)
			}
			for i, at := range row.Timestamps {
				k := fmt.Sprintf("%s/%s/%s/%s %d", row.Metric["kind"], row.Metric["device"], row.Metric["part"], row.Metric["__name__"], at)
				if _, twice := out[k]; twice {
					v.t.Errorf("%s is stored twice", k)
				}
				out[k] = row.Values[i]
			}
		}
		_ = resp.Body.Close()
		return out
	}
	return nil
}

// eventually waits for a state that another process reaches in its own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within a minute: %s", what)
}

// feed writes n messages to a running store and notes what must arrive.
func feed(t *testing.T, s *Store, from, n int, want map[string]float64) {
	t.Helper()
	for i := from; i < from+n; i += 50 {
		var evs []event.Event
		for j := i; j < min(i+50, from+n); j++ {
			at, device, part := noon.Add(time.Duration(j)*time.Second), fmt.Sprintf("charger-%d", j%5), fmt.Sprint(j%3)
			if j%3 == 0 {
				part = ""
			}
			evs = append(evs, telemetry(device, part, at, map[string]any{"temp_c": float64(j) / 10, "power_w": j}))
			want[fmt.Sprintf("charger/%s/%s/telemetry_temp_c %d", device, part, at.UnixMilli())] = float64(j) / 10
			want[fmt.Sprintf("charger/%s/%s/telemetry_power_w %d", device, part, at.UnixMilli())] = float64(j)
		}
		if err := s.Append(t.Context(), evs); err != nil {
			t.Fatal(err)
		}
	}
}

// run starts a store and returns what stops it.
func run(t *testing.T, s *Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func caughtUp(s *Store) func() bool { return func() bool { return s.Stats().Behind == 0 } }

// The server is stopped in the middle, the hub goes on and is itself restarted;
// when the server is back, every point is there, once, with its value.
func TestCopySurvivesAnOutage(t *testing.T) {
	v := newServer(t)
	v.start()
	o := Options{Path: t.TempDir() + "/series.db", Influx: &Influx{
		URL: "http://" + v.addr, Org: "dongyue", Bucket: "telemetry", Batch: 70, MinRetry: time.Millisecond, MaxRetry: 20 * time.Millisecond,
	}}
	want := map[string]float64{}

	s := open(t, o)
	stop := run(t, s)
	feed(t, s, 0, 200, want)
	eventually(t, "the first points are copied", caughtUp(s))
	v.stop()
	feed(t, s, 200, 300, want)
	eventually(t, "the outage is noticed", func() bool { return s.CopyErr() != nil })
	if s.Err() != nil {
		t.Errorf("the hub itself is ill: %v", s.Err())
	}
	stop()
	if err := s.flush(t.Context(), everything); err != nil { // what waits must outlast this
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, o)
	stop = run(t, s)
	feed(t, s, 500, 100, want)
	v.start()
	eventually(t, "everything is copied", caughtUp(s))
	stop()
	if diff := cmp.Diff(want, v.stored()); diff != "" {
		t.Errorf("-want +stored:\n%s", diff)
	}
	if st := s.Stats(); st.Spoiled != 0 || s.CopyErr() != nil {
		t.Errorf("got %+v, %v", st, s.CopyErr())
	}
	if err := s.flush(t.Context(), everything); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, "arrivals"); n != 0 {
		t.Errorf("%d arrivals stay after they were copied", n)
	}
}

// fake answers writes as the test says and keeps the lines of those it takes.
type fake struct {
	mu    sync.Mutex
	lines map[string]int
	calls int
	say   func(call int, lines []string) (status int)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body = z
	}
	b, _ := io.ReadAll(body)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	f.calls++
	status := f.say(f.calls, lines)
	if status == http.StatusNoContent {
		for _, l := range lines {
			f.lines[l]++
		}
	}
	w.WriteHeader(status)
}

// copied runs a store with n points against a server and returns the lines that
// it took.
func copied(t *testing.T, n int, say func(call int, lines []string) int) (map[string]int, Stats) {
	t.Helper()
	f := &fake{lines: map[string]int{}, say: say}
	srv := httptest.NewServer(f)
	defer srv.Close()
	s := open(t, Options{Influx: &Influx{URL: srv.URL, Org: "o", Bucket: "b", Token: "t", Batch: 64, MinRetry: time.Millisecond, MaxRetry: time.Millisecond}})
	stop := run(t, s)
	var evs []event.Event
	for i := range n {
		evs = append(evs, telemetry("c1", "7", noon.Add(time.Duration(i)*time.Second), map[string]any{"temp_c": i}))
	}
	if err := s.Append(t.Context(), evs); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything is copied", caughtUp(s))
	stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.lines), s.Stats()
}

func TestCopyTriesAgain(t *testing.T) {
	states := []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
	lines, st := copied(t, 100, func(call int, _ []string) int {
		if call <= len(states) {
			return states[call-1]
		}
		return http.StatusNoContent
	})
	if len(lines) != 100 || st.Copied != 100 || st.Spoiled != 0 {
		t.Errorf("%d lines, %+v", len(lines), st)
	}
	want := fmt.Sprintf("telemetry,device=c1,kind=charger,part=7 temp_c=5 %d", noon.Add(5*time.Second).UnixMilli())
	if lines[want] == 0 {
		t.Errorf("no line %q", want)
	}
}

// One point that the server will never take costs itself only.
func TestCopyLeavesAPoisonedPointBehind(t *testing.T) {
	lines, st := copied(t, 200, func(_ int, lines []string) int {
		for _, l := range lines {
			if strings.Contains(l, "temp_c=77 ") || strings.Contains(l, "temp_c=150 ") {
				return http.StatusBadRequest
			}
		}
		return http.StatusNoContent
	})
	if len(lines) != 198 || st.Spoiled != 2 || st.Copied != 198 {
		t.Errorf("%d lines, %+v", len(lines), st)
	}
}

// A server that is away for longer than the retention does not fill the disk.
func TestWaitingEndsWithTheRetention(t *testing.T) {
	c := &clock{noon}
	s := open(t, Options{Now: c.now, Retention: time.Hour, Influx: &Influx{URL: "http://127.0.0.1:1", Bucket: "b"}})
	put(t, s, telemetry("c1", "7", noon, map[string]any{"temp_c": 1}))
	c.t = noon.Add(30 * time.Minute)
	s.keepHouse(t.Context())
	if count(t, s, "arrivals") != 1 || count(t, s, "blocks") != 1 {
		t.Fatal("an arrival that is not copied yet was removed")
	}
	c.t = noon.Add(2 * time.Hour)
	s.keepHouse(t.Context())
	if count(t, s, "arrivals") != 0 || s.Stats().Spoiled != 1 {
		t.Errorf("%d arrivals, %+v", count(t, s, "arrivals"), s.Stats())
	}
}
