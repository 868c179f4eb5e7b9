package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/clip"
	"dongyue/streams/evidence"
)

// everybody may do everything.
type everybody struct{}

func (everybody) Authenticate(*http.Request) (web.Principal, bool) {
	return web.Principal{ID: "bench"}, true
}
func (everybody) Allowed(web.Principal, web.Action) bool { return true }

// check checks every clip and opens it as players do.
func (s *settings) check(ctx context.Context, x *site, alarms []alarm) error {
	if len(alarms) == 0 {
		return nil
	}
	rs, err := evidence.CheckPath(x.dir, x.clips.Key())
	if err != nil {
		return err
	}
	var errs []error
	for i := range rs {
		if !rs[i].OK {
			errs = append(errs, fmt.Errorf("%s: %v", rs[i].Name, rs[i].Findings))
		}
	}
	if len(rs) != len(alarms) {
		errs = append(errs, fmt.Errorf("%d manifests for %d alarms", len(rs), len(alarms)))
	}
	fmt.Fprintf(os.Stdout, "%d of %d clips agree with their signed manifests, byte for byte\n", len(rs)-len(errs), len(alarms))
	var whole []clip.Clip
	var bytes int64
	for _, a := range alarms {
		c, err := x.clips.Get(ctx, a.id)
		if err != nil {
			return err
		}
		bytes += c.Bytes
		if c.State != clip.Complete || len(c.Gaps) > 0 || !c.From.Equal(c.WantedFrom) || !c.To.Equal(c.WantedTo) {
			errs = append(errs, fmt.Errorf("clip %s of %s: %s %s, gaps %v", c.ID, c.Camera, c.State, c.Problem, c.Gaps))
			continue
		}
		whole = append(whole, c)
	}
	fmt.Fprintf(os.Stdout, "%d of %d clips are complete, from T-%s to T+%s without a gap; %.0f MB of clips lie in %.0f MB on disk\n",
		len(whole), len(alarms), s.before, s.after, float64(bytes)/1e6, float64(sizeOf(x.dir))/1e6)
	return errors.Join(append(errs, s.probeAll(ctx, x, whole))...)
}

func sizeOf(dir string) (size int64) {
	_ = filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			size += info.Size()
		}
		return nil
	})
	return size
}

// probeAll has ffprobe open the clips, as many at a time as there are processors.
func (s *settings) probeAll(ctx context.Context, x *site, clips []clip.Clip) error {
	if _, err := exec.LookPath("ffprobe"); err != nil {
		fmt.Fprintln(os.Stdout, "ffprobe is not installed, so no clip was opened")
		return nil //nolint:nilerr // the rest was checked
	}
	api := web.NewAPI("bench", everybody{}, slog.New(slog.DiscardHandler))
	x.clips.Register(api)
	frame := 1.0 / 12
	if s.stream == string(streams.Main) {
		frame = 1.0 / 25
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var errs []error
	var latest, sum float64
	asked, opened := 0, 0
	hands := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range clips {
		if i%s.probe != 0 {
			continue
		}
		asked++
		hands <- struct{}{}
		wg.Go(func() {
			late, err := first(ctx, api, &clips[i])
			<-hands
			mu.Lock()
			defer mu.Unlock()
			if err == nil && late > frame+0.001 {
				err = fmt.Errorf("clip %s begins %.1f ms late, more than a frame", clips[i].ID, 1000*late)
			}
			if err != nil {
				errs = append(errs, err)
				return
			}
			opened++
			latest, sum = max(latest, late), sum+late
		})
	}
	wg.Wait()
	fmt.Fprintf(os.Stdout, "%d of %d clips are valid in ffprobe, without a warning; the first picture is at most %.2f frames (%.1f ms) after the start, %.2f on average\n",
		opened, asked, latest/frame, 1000*latest, sum/max(1, float64(opened))/frame)
	return errors.Join(errs...)
}

// first opens a clip as players do and says when its first picture is shown.
func first(ctx context.Context, api http.Handler, c *clip.Clip) (late float64, err error) {
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/clips/"+c.ID+"/video.mp4", nil))
	if w.Code != http.StatusOK {
		return 0, fmt.Errorf("clip %s: %d %s", c.ID, w.Code, w.Body)
	}
	f, err := os.CreateTemp("", "clip-*.mp4")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(w.Body.Bytes())
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	out, err := ffprobe(ctx, f.Name())
	if err != nil {
		return 0, fmt.Errorf("clip %s: %w", c.ID, err)
	}
	var got struct {
		Packets []struct {
			PTS string `json:"pts_time"`
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		return 0, fmt.Errorf("clip %s: ffprobe: %w", c.ID, err)
	}
	if len(got.Packets) != c.Frames {
		return 0, fmt.Errorf("clip %s: ffprobe sees %d pictures of %d", c.ID, len(got.Packets), c.Frames)
	}
	for _, p := range got.Packets {
		if late, err = strconv.ParseFloat(p.PTS, 64); err != nil || late >= 0 {
			return late, err
		}
	}
	return 0, fmt.Errorf("clip %s shows nothing", c.ID)
}

// ffprobe lists the packets of a file. On a busy machine a process may not be started,
// or be killed for its memory: that says nothing of the file, so it is tried again.
// Whatever the program complains of is an error of the file.
func ffprobe(ctx context.Context, file string) ([]byte, error) {
	const tries = 5
	for n := 1; ; n++ {
		var out, said bytes.Buffer
		cmd := exec.CommandContext(ctx, "ffprobe", "-v", "warning", "-show_entries", "packet=pts_time", "-of", "json", file) //nolint:gosec // a file of ours
		cmd.Stdout, cmd.Stderr = &out, &said
		err := cmd.Run()
		switch exit, ok := errors.AsType[*exec.ExitError](err); {
		case err == nil && said.Len() == 0:
			return out.Bytes(), nil
		case err == nil:
			return nil, fmt.Errorf("ffprobe complains: %s", bytes.TrimSpace(said.Bytes()))
		case ok && exit.Exited():
			return nil, fmt.Errorf("ffprobe: %w: %s", err, bytes.TrimSpace(said.Bytes()))
		case n == tries || ctx.Err() != nil:
			return nil, fmt.Errorf("ffprobe could not be run %d times, which says nothing of the clip: %w", n, err)
		}
		time.Sleep(time.Duration(n) * time.Second)
	}
}

// viewer watches a camera while its clips are recorded.
type viewer struct {
	reader *streams.Reader

	mu      sync.Mutex
	last    time.Time
	longest time.Duration // between two pictures
	before  streams.ReaderStats
}

// Send implements streams.Output.
func (v *viewer) Send(_ uint64, _ uint32, _ [][]byte, end bool) error {
	if !end {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if !v.last.IsZero() {
		v.longest = max(v.longest, now.Sub(v.last))
	}
	v.last = now
	return nil
}

// Report implements streams.Output.
func (*viewer) Report(time.Time, uint32, uint32, uint32) error { return nil }

// begin counts from now on.
func (v *viewer) begin() {
	v.before = v.reader.Stats()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.longest = 0
}

// watch has a viewer at every camera.
func (x *site) watch(ctx context.Context, wg *sync.WaitGroup) (vs []*viewer) {
	for _, id := range x.cameras {
		var lease *streams.Lease
		var err error
		for range 100 {
			if lease, err = x.streams.Open(id, streams.Main); err == nil {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			continue
		}
		v := &viewer{}
		v.reader = streams.NewReader(lease.Stream, v, 1)
		vs = append(vs, v)
		wg.Go(func() {
			defer lease.Close()
			_ = v.reader.Run(ctx) // it ends with ctx
		})
	}
	return vs
}

// report says what the viewers had of it.
func report(vs []*viewer) error {
	var frames, skipped uint64
	var longest time.Duration
	for _, v := range vs {
		st := v.reader.Stats()
		frames, skipped = frames+st.Frames-v.before.Frames, skipped+st.Skipped-v.before.Skipped
		v.mu.Lock()
		longest = max(longest, v.longest)
		v.mu.Unlock()
	}
	fmt.Fprintf(os.Stdout, "%d viewers saw %d pictures meanwhile and missed %d; the longest time between two was %s\n", len(vs), frames, skipped, longest.Round(time.Millisecond))
	if skipped > 0 {
		return fmt.Errorf("viewers missed %d pictures", skipped)
	}
	return nil
}
