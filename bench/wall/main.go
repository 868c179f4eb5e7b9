// Command wall measures a dispatcher's wall: how long until every tile of one peer
// connection has a whole picture, after it is opened and after all tiles are given
// other cameras at once. The client receives and puts packets together but decodes
// nothing; the cameras are real RTSP servers in this process.
//
//	go run ./bench/wall -hub bin/dongyue [-tiles 64] [-flips 10]
//
// A page is as many cameras as there are tiles. "cold" are cameras that nobody watched
// before, so the hub has to dial them; "hot" are those of the page before, which the hub
// still pulls. The exit code is 1 when a 95th percentile is above its goal, a tile stays
// black, or a picture that began was never whole.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"dongyue/bench/rig"
	"dongyue/internal/simulator/camera"
)

const (
	goalStart = time.Second
	goalFlip  = 150 * time.Millisecond
	// within is when a tile without a picture counts as black.
	within = 10 * time.Second
	// rest is how long the wall plays between two measurements, so that groups of
	// pictures are caught at every age.
	rest = 1700 * time.Millisecond
)

type settings struct {
	hub          string
	tiles, flips int
}

func main() {
	var s settings
	flag.StringVar(&s.hub, "hub", "bin/dongyue", "the hub's binary")
	flag.IntVar(&s.tiles, "tiles", 64, "tiles of the wall, 1 to 64")
	flag.IntVar(&s.flips, "flips", 10, "page flips to hot cameras")
	flag.Parse()
	if flag.NArg() > 0 || s.tiles < 1 || s.tiles > 64 || s.flips < 1 {
		flag.Usage()
		os.Exit(2) //nolint:forbidigo // this is main
	}
	if err := s.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bench wall:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func (s *settings) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages, sim, err := s.cameras(ctx)
	if err != nil {
		return err
	}
	hub, err := rig.StartVideo(ctx, s.hub)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hub.Stop()) }()
	api, err := hub.SignIn(ctx, "admin", rig.Password)
	if err != nil {
		return err
	}
	for _, id := range slices.Concat(pages[0], pages[1]) {
		at := "rtsp://" + sim.Addr().String() + "/" + id
		if err := api.Post(ctx, "/cameras", map[string]string{"id": id, "name": id, "zone": "east", "url": at + "/main", "sub_url": at + "/sub"}, nil); err != nil {
			return err
		}
	}
	return s.measure(ctx, api, pages)
}

// cameras starts two pages of them.
func (s *settings) cameras(ctx context.Context) (pages [2][]string, sim *camera.Server, err error) {
	scenes := camera.Scenes()
	var all []camera.Camera
	for i := range 2 * s.tiles {
		id := fmt.Sprintf("cam-%d", i+1)
		all = append(all, camera.Camera{ID: id, Scene: scenes[i%len(scenes)]})
		pages[i/s.tiles] = append(pages[i/s.tiles], id)
	}
	if sim, err = camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: all}); err != nil {
		return pages, nil, err
	}
	go func() { _ = sim.Run(ctx) }() // it ends with the program
	<-sim.Ready()
	return pages, sim, nil
}

func (s *settings) measure(ctx context.Context, api *rig.API, pages [2][]string) error {
	var rows []row
	for _, name := range []string{"open, cold", "open, hot"} {
		w, took, err := open(ctx, api, pages[0])
		if err != nil {
			return err
		}
		rows = append(rows, row{name, goalStart, took})
		time.Sleep(rest)
		if name == "open, cold" {
			w.close(ctx)
			continue
		}
		defer w.close(ctx)
		cold, err := w.flip(ctx, pages[1])
		if err != nil {
			return err
		}
		rows = append(rows, row{"flip, cold", goalStart, cold})
		var hot []time.Duration
		for i := range s.flips {
			time.Sleep(rest + time.Duration(i)*130*time.Millisecond)
			took, err := w.flip(ctx, pages[i%2])
			if err != nil {
				return err
			}
			hot = append(hot, took...)
		}
		rows = append(rows, row{"flip, hot", goalFlip, hot})
		_, _ = fmt.Fprintf(os.Stdout, "%d packets, %d of them lost on the way and asked for again\n", w.packets.Load(), w.lost.Load())
	}
	return print(rows)
}

// row is one line of the table: until when each tile had its whole first picture.
type row struct {
	name string
	goal time.Duration
	took []time.Duration
}

func print(rows []row) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(out, "\tpictures\tp50\tp95\tlast\tgoal (p95)\t")
	var missed []string
	for _, r := range rows {
		slices.Sort(r.took)
		at := func(q float64) time.Duration {
			return r.took[min(len(r.took)-1, int(q*float64(len(r.took))))].Round(100 * time.Microsecond)
		}
		_, _ = fmt.Fprintf(out, "%s\t%d\t%s\t%s\t%s\t%s\t\n", r.name, len(r.took), at(.5), at(.95), at(1), r.goal)
		if at(.95) > r.goal {
			missed = append(missed, r.name)
		}
	}
	if err := out.Flush(); err != nil || len(missed) == 0 {
		return err
	}
	return fmt.Errorf("above the goal: %s", strings.Join(missed, "; "))
}
