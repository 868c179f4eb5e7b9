// Command replay measures how fast the journal is judged again. It makes a journal
// of so many million events of a community of 2,000 devices over 30 days, and
// replays it by the rules in configs/rules with one of them changed, against those
// as they are:
//
//	go run ./bench/replay -millions 5 -data /tmp/replay
//
// The journal is made once and used again. The last line has the figures; the exit
// code is 1 when it took longer than -goal.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"dongyue/bench/rig"
	"dongyue/configs"
	"dongyue/internal/journal"
	"dongyue/rules"
)

type settings struct {
	millions float64
	data     string
	more     int
	alone    bool
	beside   int
	profile  string
	goal     time.Duration
}

func main() {
	var s settings
	flag.Float64Var(&s.millions, "millions", 5, "million events")
	flag.StringVar(&s.data, "data", filepath.Join(os.TempDir(), "dongyue-replay"), "folder of the journal")
	flag.IntVar(&s.more, "rules", 0, "so many more rules, each about a zone of its own")
	flag.BoolVar(&s.alone, "alone", false, "one set, without the comparison")
	flag.IntVar(&s.beside, "beside", 0, "judge so many events a second at the same time, as a hub does, and measure how late they are")
	flag.StringVar(&s.profile, "profile", "", "write a CPU profile here")
	flag.DurationVar(&s.goal, "goal", 30*time.Second, "the time that is wanted")
	flag.Parse()
	if err := s.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func (s *settings) run(ctx context.Context) error {
	path := filepath.Join(s.data, "journal.db")
	events := int(s.millions * 1e6)
	if err := prepare(ctx, path, events); err != nil {
		return err
	}
	archive, err := journal.OpenArchive(path, nil)
	if err != nil {
		return err
	}
	live, candidate, err := s.sets()
	if err != nil {
		return err
	}
	if s.profile != "" {
		f, err := os.Create(s.profile)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var most uint64
	rerun := rules.Rerun{
		Source: archive, Candidate: candidate, Live: live, From: archive.Oldest(), To: archive.Newest().Add(time.Millisecond),
		Progress: func(n int, _ float64) {
			if n%(256<<10) < 1024 {
				most = max(most, heap())
			}
		},
	}
	before := rig.Spent()
	var r *rules.Report
	replay := func(busy func() bool) (err error) {
		rerun.Busy = busy
		r, err = rules.Replay(ctx, rerun)
		return err
	}
	var late *lateness
	if s.beside > 0 {
		late, err = beside(ctx, s.beside, live, replay)
	} else {
		err = replay(nil)
	}
	if err != nil {
		return err
	}
	return s.tell(r, figures{heapMB: most >> 20, rules: len(live.Rules), cpu: rig.Spent() - before, late: late})
}

// figures are what is measured beside the report.
type figures struct {
	heapMB uint64
	rules  int
	cpu    time.Duration
	late   *lateness
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// sets are the rules as they ship and with another limit for hot plugs.
func (s *settings) sets() (live, candidate *rules.Set, err error) {
	files, problems := rules.ReadFiles(configs.Rules())
	if len(problems) > 0 {
		return nil, nil, fmt.Errorf("%v", problems)
	}
	if s.more > 0 {
		files = files.With(rules.Files{"more.yaml": moreRules(s.more)})
	}
	live, problems = files.Load()
	if len(problems) > 0 {
		return nil, nil, fmt.Errorf("%v", problems[0])
	}
	if s.alone {
		return live, live, nil
	}
	changed := strings.Replace(files["charger.yaml"], "when: data.temp_c >= 60\n", "when: data.temp_c >= 58\n", 1)
	if changed == files["charger.yaml"] {
		return nil, nil, fmt.Errorf("charger.yaml has no hot plug at 60 °C any more: change bench/replay with it")
	}
	candidate, problems = files.With(rules.Files{"charger.yaml": changed}).Load()
	if len(problems) > 0 {
		return nil, nil, fmt.Errorf("%v", problems[0])
	}
	return live, candidate, nil
}

// moreRules are rules like those that a large community collects: a limit for each
// shed.
func moreRules(n int) string {
	var b strings.Builder
	b.WriteString("rules:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - id: shed.s%d\n    title: {zh: 棚, en: shed}\n    on: {kind: charger, channel: telemetry, zone: east/b%02d/s%d}\n    when: data.temp_c >= %d\n    for: 30s\n    priority: low\n",
			i, i%40, i, 45+i%30)
	}
	return b.String()
}

func (s *settings) tell(r *rules.Report, f figures) error {
	perEvent := f.cpu.Seconds() * 1e6 / float64(max(r.Events, 1))
	fmt.Fprintf(os.Stderr, "%d events in %.1f s (%.2f µs of CPU each) by %d rules; raised %d, live %d, %d differences\n",
		r.Events, r.Seconds, perEvent, f.rules, r.Raised, r.LiveRaised, len(r.Diff)+r.DiffMore)
	err := json.NewEncoder(os.Stdout).Encode(map[string]any{
		"events": r.Events, "seconds": r.Seconds, "cpu_seconds": f.cpu.Seconds(), "cpu_us_per_event": perEvent, "rules": f.rules, "compared": r.Compared,
		"raised": r.Raised, "live_raised": r.LiveRaised, "differences": len(r.Diff) + r.DiffMore, "heap_mb": f.heapMB, "cores": runtime.GOMAXPROCS(0),
		"live": f.late,
	})
	if err == nil && r.Seconds > s.goal.Seconds() {
		err = fmt.Errorf("longer than %v", s.goal)
	}
	return err
}
