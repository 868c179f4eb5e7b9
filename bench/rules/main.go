// Command rules measures what judging costs: nanoseconds and allocations per
// event with few and with many rules, memory per rule, and how long a swap of all
// rules keeps events waiting.
//
//	go run ./bench/rules
//
// Times are of the processor, all threads together. It uses the engine as the hub does, without a database behind it. The exit code
// is 1 when a figure misses its goal. `go test -bench . ./bench/rules` has the
// same mixes as benchmarks.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"dongyue/bench/rig"
	"dongyue/internal/event"
	"dongyue/rules"
)

// Goals of the figures.
const (
	mostGrowth  = 1.3 // of the cost per event, from few rules to many
	mostPerRule = 3 << 10
	mostSwap    = 100 * time.Millisecond
	eventsPerS  = 20_000
)

type settings struct {
	few, many, events, rounds int
}

func main() {
	var s settings
	flag.IntVar(&s.few, "few", 100, "rules to compare with")
	flag.IntVar(&s.many, "many", 10_000, "rules")
	flag.IntVar(&s.events, "events", 100_000, "events of a round")
	flag.IntVar(&s.rounds, "rounds", 7, "rounds; the quickest counts, since the machine has other things to do")
	flag.Parse()
	if err := s.run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

var errMissed = errors.New("a figure misses its goal")

// figures of one mix.
type figures struct {
	few, many    time.Duration // per event
	allocs       float64       // per event, with many
	perRule      uint64        // bytes
	load, swap   time.Duration
	growth, core float64
}

func (s settings) run(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "mix\tns/event, %d rules\t%d rules\tgrowth\tallocs/event\tof a core at %d/s\tbytes/rule\tload\tswap\t\n", s.few, s.many, eventsPerS)
	missed := false
	for _, m := range mixes() {
		f, err := s.measure(m)
		if err != nil {
			return err
		}
		missed = missed || f.growth > mostGrowth || f.perRule > mostPerRule || f.swap > mostSwap
		fmt.Fprintf(w, "%s\t%d\t%d\t%.2f\t%.2f\t%.1f %%\t%d\t%s\t%s\t\n", m.name, f.few.Nanoseconds(), f.many.Nanoseconds(), f.growth, f.allocs,
			f.core*100, f.perRule, f.load.Round(time.Millisecond), f.swap.Round(100*time.Microsecond))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "goals: growth ≤ %.1f, ≤ %d bytes/rule, swap ≤ %s\n", mostGrowth, mostPerRule, mostSwap)
	if missed {
		return errMissed
	}
	return nil
}

func (s settings) measure(m mix) (f figures, err error) {
	evs := m.stream(s.events)
	few, err := engine(m, s.few)
	if err != nil {
		return f, err
	}
	before := heap()
	began := rig.Spent()
	set, err := m.load(s.many)
	if err != nil {
		return f, err
	}
	f.load = rig.Spent() - began
	many, err := rules.New(rules.Options{Set: set})
	if err != nil {
		return f, err
	}
	f.perRule = (heap() - before) / uint64(s.many)

	// The two take turns, so that what else the machine does concerns both.
	var a, b []time.Duration
	var mallocs uint64
	for range s.rounds {
		x, _ := play(few, evs)
		y, n := play(many, evs)
		a, b, mallocs = append(a, x), append(b, y), n
	}
	f.few, f.many = slices.Min(a)/time.Duration(len(evs)), slices.Min(b)/time.Duration(len(evs))
	f.growth, f.core = float64(f.many)/float64(f.few), f.many.Seconds()*eventsPerS
	f.allocs = float64(mallocs) / float64(len(evs))

	again, err := m.load(s.many)
	if err != nil {
		return f, err
	}
	began = rig.Spent()
	many.Swap(again)
	f.swap = rig.Spent() - began
	many.Commit()
	return f, nil
}

func engine(m mix, n int) (*rules.Engine, error) {
	set, err := m.load(n)
	if err != nil {
		return nil, err
	}
	return rules.New(rules.Options{Set: set})
}

// batch is how many events the hub judges in one transaction under load.
const batch = 1024

// play judges all events once and says how long it took and what it allocated.
func play(e *rules.Engine, evs []event.Event) (time.Duration, uint64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.Mallocs
	began := rig.Spent()
	for c := range slices.Chunk(evs, batch) {
		e.Process(c)
		e.Commit()
	}
	took := rig.Spent() - began
	runtime.ReadMemStats(&m)
	return took, m.Mallocs - before
}

// heap is what is in use after everything else has been thrown away.
func heap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
