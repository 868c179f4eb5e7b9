// Command soak opens and closes WHEP sessions and switches cameras off and on, as
// often as years do, and prints what is left of it: goroutines, file descriptors and
// resident memory before and after. Cameras, hub and viewers are in this one process,
// over real sockets, so what either side forgets to give back is seen.
//
//	go run ./bench/soak [-sessions 100000] [-flaps 10000] [-parallel 8] [-cameras 16] [-parts 10] [-profile DIR]
//
// The exit code is 1 when goroutines or descriptors are not back where they were, or
// memory has grown by more than -growth.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	var p plan
	flag.IntVar(&p.sessions, "sessions", 2000, "how many sessions are opened and closed")
	flag.IntVar(&p.flaps, "flaps", 200, "how often a camera is switched off and on")
	flag.IntVar(&p.parallel, "parallel", 8, "so many viewers at a time")
	flag.IntVar(&p.cameras, "cameras", 16, "so many cameras")
	flag.IntVar(&p.parts, "parts", 10, "so many readings, evenly among the sessions")
	flag.StringVar(&p.profile, "profile", "", "write heap profiles, before.pprof and after.pprof, into this folder")
	growth := flag.Float64("growth", 0.02, "resident memory may grow by this part")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, p, *growth)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context, p plan, growth float64) error {
	before, after, did, err := p.run(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "%s\n%-12s %10s %10s\n", did, "", "before", "after")
	for _, row := range []struct {
		what     string
		from, to any
	}{
		{"goroutines", before.goroutines, after.goroutines},
		{"descriptors", before.files, after.files},
		{"heap kB", before.heap >> 10, after.heap >> 10},
		{"runtime kB", before.runtime >> 10, after.runtime >> 10},
		{"resident kB", before.resident >> 10, after.resident >> 10},
	} {
		fmt.Fprintf(os.Stdout, "%-12s %10v %10v\n", row.what, row.from, row.to)
	}
	err = after.back(before)
	if more := float64(after.resident)/float64(before.resident) - 1; more > growth {
		err = errors.Join(err, fmt.Errorf("resident memory has grown by %.1f %%", 100*more))
	}
	return err
}
