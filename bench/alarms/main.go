// Command alarms measures the way of an alarm: a device publishes (over paho), the
// event is on disk and acknowledged, the alarm is committed, and its row is in the
// hands of a client of the stream. Meanwhile other devices send events.
//
//	go run ./bench/alarms -hub bin/dongyue                      # 500 and 5,000 events a second, 100 rules
//	go run ./bench/alarms -hub bin/dongyue -rules 10000
//	go run ./bench/alarms -http http://127.0.0.1:8080 -mqtt 127.0.0.1:1883 -password …
//
// A hub that runs already must have the rule bench.probe; `-write DIR` writes the
// rules and ends. The table goes to standard output, with -json the same as JSON.
// The exit code is 1 when a 99th percentile is above its goal or a row is missing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dongyue/bench/rig"
)

const secret = "bench-secret-0123456789"

type settings struct {
	hub, http, mqtt, user, password string
	rules, talkers, probes, beat    int
	rates, write, json              string
	length, warm                    time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.hub, "hub", "", "start this binary; empty: take the hub that -http and -mqtt name")
	flag.StringVar(&s.http, "http", "http://127.0.0.1:8080", "the API of a hub that runs")
	flag.StringVar(&s.mqtt, "mqtt", "127.0.0.1:1883", "its broker")
	flag.StringVar(&s.user, "user", "admin", "who follows the stream")
	flag.StringVar(&s.password, "password", rig.Password, "the password")
	flag.IntVar(&s.rules, "rules", 100, "rules of the hub that is started")
	flag.IntVar(&s.talkers, "talkers", 100, "devices that send the other events")
	flag.IntVar(&s.probes, "probes", 40, "devices that set alarms off")
	flag.IntVar(&s.beat, "beat", 20, "alarms a second")
	flag.StringVar(&s.rates, "rates", "500,5000", "other events a second, one row of the table each; a goal may stand behind a colon: 500:30ms")
	flag.StringVar(&s.write, "write", "", "write the rules into this folder and end")
	flag.StringVar(&s.json, "json", "", "write the figures into this file")
	flag.DurationVar(&s.length, "for", 20*time.Second, "how long each rate is measured")
	flag.DurationVar(&s.warm, "warm", 3*time.Second, "how long it runs before that")
	flag.Parse()
	if err := s.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// row is a line of the table.
type row struct {
	Rules      int        `json:"rules"`
	Wanted     int        `json:"events_per_s_wanted"`
	Reached    float64    `json:"events_per_s"`
	Alarms     int        `json:"alarms"`
	Missing    int        `json:"missing"`
	Unacked    int64      `json:"unacknowledged"`
	Disk       rig.Spread `json:"publish_to_ack"`
	Row        rig.Spread `json:"publish_to_row"`
	Inside     rig.Spread `json:"received_to_row"`
	GoalMS     float64    `json:"goal_p99_ms"`
	Cores      float64    `json:"hub_cores"`
	MemoryMost float64    `json:"hub_memory_most_mb"`
}

func (s *settings) run(ctx context.Context) error {
	if s.write != "" {
		for name, text := range ruleSet(s.rules) {
			if err := os.WriteFile(filepath.Join(s.write, name), []byte(text), 0o600); err != nil {
				return err
			}
		}
		return nil
	}
	hub := &rig.Hub{HTTP: s.http, MQTT: s.mqtt}
	if s.hub != "" {
		var err error
		if hub, err = rig.Start(ctx, s.hub, ruleSet(s.rules)); err != nil {
			return err
		}
	}
	rows, err := s.measure(ctx, hub)
	return errors.Join(err, s.report(rows), hub.Stop())
}

func (s *settings) measure(ctx context.Context, hub *rig.Hub) (rows []row, err error) {
	api, err := hub.SignIn(ctx, s.user, s.password)
	if err != nil {
		return nil, err
	}
	talkers, probes := names("talker", s.talkers), names("probe", s.probes)
	if err := api.Register(ctx, "charger", secret, append(append([]string{}, talkers...), probes...), zone); err != nil {
		return nil, err
	}
	first := 0
	for r := range strings.SplitSeq(s.rates, ",") {
		rate, goal, err := parse(r)
		if err != nil {
			return rows, err
		}
		x, err := s.one(ctx, hub, api, talkers, probes, rate, first)
		if err != nil {
			return rows, fmt.Errorf("%d events a second: %w", rate, err)
		}
		x.GoalMS = float64(goal.Milliseconds())
		rows = append(rows, x)
		first += x.Alarms
	}
	return rows, nil
}

func names(what string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s-%04d", what, i)
	}
	return ids
}

// parse reads 500 or 500:30ms. Without a goal it is that of the product: 30 ms up
// to 500 events a second, 80 ms above.
func parse(s string) (rate int, goal time.Duration, err error) {
	n, g, given := strings.Cut(s, ":")
	if rate, err = strconv.Atoi(n); err != nil || rate < 1 {
		return 0, 0, fmt.Errorf("-rates: %q is not a number of events above 0", n)
	}
	if given {
		goal, err = time.ParseDuration(g)
		return rate, goal, err
	}
	if rate <= 500 {
		return rate, 30 * time.Millisecond, nil
	}
	return rate, 80 * time.Millisecond, nil
}

// one measures at one rate.
func (s *settings) one(ctx context.Context, hub *rig.Hub, api *rig.API, talkers, probes []string, rate, first int) (row, error) {
	p := &prober{ids: probes, sent: map[string]time.Time{}}
	if err := p.connect(hub); err != nil {
		return row{}, err
	}
	defer p.close()
	end, err := api.Stream(ctx, "alarm", p.take)
	if err != nil {
		return row{}, err
	}
	load := &rig.Load{Hub: hub, Kind: "charger", Secret: secret, IDs: talkers, Rate: rate, Event: func(_, n int) (string, string) {
		return "session_started", fmt.Sprintf(`{"part":"%d","energy_wh":%d}`, n%10+1, n%1000) // nobody named: no bill is opened
	}}
	if err := load.Start(); err != nil {
		return row{}, err
	}
	time.Sleep(s.warm)
	before, cpu, began := load.Acked.Load(), hub.CPU(), time.Now()
	count := int(s.length.Seconds() * float64(s.beat))
	missed := s.probe(p, first, count)
	took := time.Since(began)
	reached := float64(load.Acked.Load()-before) / took.Seconds()
	cores := (hub.CPU() - cpu).Seconds() / took.Seconds()
	time.Sleep(2 * time.Second) // the last rows
	err = errors.Join(missed, load.Stop(), end())
	p.mu.Lock()
	defer p.mu.Unlock()
	x := row{
		Rules: s.rules, Wanted: rate, Reached: reached, Alarms: count, Missing: len(p.sent), Unacked: load.Sent.Load() - load.Acked.Load(),
		Disk: rig.SpreadOf(p.ack), Row: rig.SpreadOf(p.row), Inside: rig.SpreadOf(p.gone), Cores: cores,
	}
	_, x.MemoryMost = hub.Memory()
	return x, err
}

// probe sets count alarms off at an even beat, each from a goroutine of its own so
// that a slow one does not hold the next one up, and ends those that are old so
// that the hub has no more open than a bad day brings.
func (s *settings) probe(p *prober, first, count int) error {
	const open = 100
	failed := make(chan error, count*2)
	beat := time.NewTicker(time.Second / time.Duration(s.beat))
	defer beat.Stop()
	for n := first; n < first+count; n++ {
		<-beat.C
		go func() { failed <- p.raise(n) }()
		if old := n - open; old >= first {
			go func() { failed <- p.clear(old) }()
		}
	}
	var err error
	for range count + max(0, count-open) {
		err = errors.Join(err, <-failed)
	}
	return err
}

func (s *settings) report(rows []row) error {
	out := os.Stdout
	fmt.Fprintln(out, "rules  events/s  reached  alarms  missing  unacked | publish→disk ms p50    p99 | publish→row ms p50    p90    p99    max   goal | hub: cores    MB")
	missed := false
	for _, r := range rows {
		fmt.Fprintf(out, "%5d  %8d  %7.0f  %6d  %7d  %7d | %19.1f %6.1f | %18.1f %6.1f %6.1f %6.1f %6.0f | %10.2f %5.0f\n",
			r.Rules, r.Wanted, r.Reached, r.Alarms, r.Missing, r.Unacked, r.Disk.P50, r.Disk.P99, r.Row.P50, r.Row.P90, r.Row.P99, r.Row.Max, r.GoalMS, r.Cores, r.MemoryMost)
		missed = missed || r.Missing > 0 || r.Unacked > 0 || r.Row.P99 > r.GoalMS
	}
	if s.json != "" {
		b, err := json.MarshalIndent(rows, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.json, append(b, '\n'), 0o600); err != nil {
			return err
		}
	}
	if missed {
		return errors.New("wanted: no row missing, everything acknowledged, each 99th percentile within its goal")
	}
	return nil
}
