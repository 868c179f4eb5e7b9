// Command clips measures what happens when many alarms come in one second: cameras of
// the simulator over real RTSP, the recorder on real files, viewers beside it.
//
//	go run ./bench/clips -cameras 24 -alarms 300
//
// Each clip is checked byte for byte against its signed manifest and opened by
// ffprobe; -probe N opens only every Nth. Cameras and viewers have stopped by then, so
// that the checking is not taken for the recording. -continuous records the cameras
// all the time beside it. The exit code is 1 when a clip is not complete, begins more
// than a frame late, does not open, or a viewer missed a picture.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/simulator/camera"
	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/clip"
	"dongyue/streams/rtsp"
)

type settings struct {
	cameras, alarms, probe int
	before, after, within  time.Duration
	stream, dir            string
	continuous             bool
}

func main() {
	var s settings
	flag.IntVar(&s.cameras, "cameras", 24, "cameras")
	flag.IntVar(&s.alarms, "alarms", 300, "alarms, each with a clip of one camera")
	flag.DurationVar(&s.within, "within", time.Second, "the time in which they come")
	flag.DurationVar(&s.before, "before", 10*time.Second, "of a clip, before the alarm")
	flag.DurationVar(&s.after, "after", 30*time.Second, "of a clip, after the alarm")
	flag.StringVar(&s.stream, "stream", "main", "which stream is recorded, main or sub")
	flag.StringVar(&s.dir, "dir", "", "folder for the clips; empty: a temporary one, deleted at the end")
	flag.IntVar(&s.probe, "probe", 1, "every how many clips ffprobe opens one")
	flag.BoolVar(&s.continuous, "continuous", false, "record all cameras all the time, too")
	flag.Parse()
	if err := s.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// nobody keeps no audit: nothing is looked at here.
type nobody struct{}

func (nobody) Audit(context.Context, *sql.Tx, string, string, string, any) error { return nil }

// site is the rooms between cameras and clips.
type site struct {
	feed    *web.Feed
	streams *streams.Streams
	clips   *clip.Recorder
	dir     string
	cameras []string
}

func (s *settings) run(ctx context.Context) (err error) {
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "clips-*"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	}
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	start := func(name string, f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				fmt.Fprintln(os.Stderr, name, err)
			}
		})
	}
	x, shut, err := s.open(ctx, start)
	if err != nil {
		return err
	}
	defer shut()
	viewers := x.watch(ctx, &wg)
	wait := s.before + 8*time.Second
	fmt.Fprintf(os.Stdout, "%d cameras send their %s stream; %s until the rings are full\n", s.cameras, s.stream, wait)
	time.Sleep(wait)
	for _, v := range viewers {
		v.begin()
	}
	clock := cpu()
	began := time.Now()
	alarms, err := s.flood(ctx, x)
	if err != nil {
		return err
	}
	took := time.Since(began)
	ends, err := s.wait(ctx, x, alarms)
	used := cpu() - clock
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "%d clips were begun in %s; all had ended %s after their last picture at most; processor %.0f %% of a core, cameras and viewers included\n",
		len(alarms), took.Round(time.Millisecond), ends.Round(time.Millisecond), 100*used.Seconds()/time.Since(began).Seconds())
	seen := report(viewers)
	tapes := s.tapes(ctx, x, began)
	stop()
	wg.Wait()
	return errors.Join(seen, tapes, s.check(context.WithoutCancel(ctx), x, alarms))
}

// tapes says what was recorded all the time since a moment, and what is missing in it.
func (s *settings) tapes(ctx context.Context, x *site, from time.Time) error {
	if !s.continuous {
		return nil
	}
	to := time.Now()
	var gaps int
	var bytes int64
	for _, id := range x.cameras {
		line, err := x.clips.Timeline(ctx, id, from, to)
		if err != nil {
			return err
		}
		gaps += len(line.Gaps)
		for _, span := range line.Spans {
			bytes += span.Bytes
		}
	}
	fmt.Fprintf(os.Stdout, "%d cameras were recorded all the time for %s: %.2f MB a second, %d gaps\n", len(x.cameras), to.Sub(from).Round(time.Second), float64(bytes)/1e6/to.Sub(from).Seconds(), gaps)
	if gaps > 0 {
		return fmt.Errorf("%d gaps in continuous recordings", gaps)
	}
	return nil
}

func (s *settings) open(ctx context.Context, start func(string, func(context.Context) error)) (x *site, shut func(), err error) {
	scenes := camera.Scenes()
	var list []camera.Camera
	x = &site{dir: filepath.Join(s.dir, "clips")}
	for i := range s.cameras {
		id := fmt.Sprintf("cam-%02d", i+1)
		list = append(list, camera.Camera{ID: id, Scene: scenes[i%len(scenes)]})
		x.cameras = append(x.cameras, id)
	}
	sim, err := camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: list})
	if err != nil {
		return nil, nil, err
	}
	start("cameras", sim.Run)
	<-sim.Ready()
	d, err := db.Open(ctx, filepath.Join(s.dir, "hub.db"))
	if err != nil {
		return nil, nil, err
	}
	if x.feed, err = web.NewFeed(ctx, d); err != nil {
		return nil, nil, err
	}
	pull, err := rtsp.New(rtsp.Options{})
	if err != nil {
		return nil, nil, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if x.streams, err = streams.New(streams.Options{DB: d, Feed: x.feed, Puller: pull, Log: log}); err != nil {
		return nil, nil, err
	}
	var known []streams.Camera
	for _, id := range x.cameras {
		base := "rtsp://" + sim.Addr().String() + "/" + id
		known = append(known, streams.Camera{ID: id, URL: streams.URL(base + "/main"), SubURL: streams.URL(base + "/sub")})
	}
	if err := x.streams.Seed(ctx, known); err != nil {
		return nil, nil, err
	}
	x.clips, err = clip.New(clip.Options{
		DB: d, Feed: x.feed, Streams: x.streams, Audit: nobody{}, Dir: x.dir, Seed: make([]byte, 32), Log: log, Version: "bench",
		Quality: streams.Quality(s.stream), Before: s.before, Continuous: clip.Continuous{Cameras: s.taped()},
	})
	if err != nil {
		return nil, nil, err
	}
	start("streams", x.streams.Run)
	start("clips", x.clips.Run)
	return x, func() { _ = d.Close() }, nil
}

func (s *settings) taped() []string {
	if s.continuous {
		return []string{"all"}
	}
	return nil
}

// alarm is one and its clip.
type alarm struct {
	id string
	at time.Time
}

// flood raises the alarms, evenly over the time they come in.
func (s *settings) flood(ctx context.Context, x *site) ([]alarm, error) {
	out := make([]alarm, s.alarms)
	errs := make([]error, s.alarms)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range s.alarms {
		time.Sleep(time.Until(began.Add(s.within * time.Duration(i) / time.Duration(s.alarms))))
		wg.Go(func() {
			at := time.Now()
			c, err := x.clips.Record(ctx, clip.Request{
				Key: fmt.Sprint("alarm-", i), Camera: x.cameras[i%len(x.cameras)], From: at.Add(-s.before), To: at.Add(s.after), Alarm: fmt.Sprint("alarm-", i), Reason: "bench", By: clip.HubActor,
			})
			out[i], errs[i] = alarm{c.ID, at}, err
		})
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// wait sleeps through the time of the clips where there are none, and else waits until all clips have ended and says how long after their last picture
// the slowest was ready.
func (s *settings) wait(ctx context.Context, x *site, alarms []alarm) (slowest time.Duration, err error) {
	if len(alarms) == 0 {
		time.Sleep(s.after)
	}
	for _, a := range alarms {
		for {
			c, err := x.clips.Get(ctx, a.id)
			if err != nil {
				return 0, err
			}
			if c.State != clip.Recording {
				slowest = max(slowest, c.EndedAt.Sub(c.WantedTo))
				break
			}
			if time.Since(a.at) > s.after+2*time.Minute {
				return 0, fmt.Errorf("clip %s does not end", a.id)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return slowest, nil
}

// cpu is the processor time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
