// Command chargers measures the hub as the guard of many sockets: each is told of once
// a second over MQTT while other devices send events, and now and then a plug reaches
// 71 °C. It measures the way from that sample to the cut command in the cabinet's
// hands, and to the moment at which the hub has its proof that the power is gone.
//
//	go run ./bench/chargers -hub bin/dongyue                  # 3,000 sockets, 700 other events a second
//	go run ./bench/chargers -hub bin/dongyue -qos 1           # every reading on disk
//
// The rules are those that the hub brings along. The exit code is 1 when a 99th
// percentile is above its goal, a cut is missing, or a reading was lost.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"dongyue/bench/rig"
)

const (
	secret   = "bench-secret-0123456789"
	cutGoal  = 200 * time.Millisecond
	provenBy = time.Second
)

type settings struct {
	hub                 string
	cabinets, each, qos int
	others, cuts        int
	beat, warm, idle    time.Duration
	json                string
}

func main() {
	var s settings
	flag.StringVar(&s.hub, "hub", "bin/dongyue", "the binary to start")
	flag.IntVar(&s.cabinets, "cabinets", 300, "charging cabinets")
	flag.IntVar(&s.each, "sockets", 10, "sockets of each")
	flag.IntVar(&s.qos, "qos", 0, "of the readings: 0 as cabinets send them, 1 puts each on disk")
	flag.IntVar(&s.others, "others", 700, "events a second of other devices")
	flag.IntVar(&s.cuts, "cuts", 200, "plugs that run hot, each in a cabinet of its own")
	flag.DurationVar(&s.beat, "beat", 250*time.Millisecond, "between two of them")
	flag.DurationVar(&s.warm, "warm", 10*time.Second, "how long all talk before the first")
	flag.DurationVar(&s.idle, "idle", 20*time.Second, "how long all talk without any, for the processor's share")
	flag.StringVar(&s.json, "json", "", "write the figures into this file")
	flag.Parse()
	if err := s.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// figures are what came of it.
type figures struct {
	Sockets    int        `json:"sockets"`
	QoS        int        `json:"qos"`
	Readings   float64    `json:"readings_per_s"`
	Others     float64    `json:"other_events_per_s"`
	Lost       float64    `json:"messages_lost"`
	Stale      int        `json:"sockets_not_heard_for_2_s"`
	Cores      float64    `json:"hub_cores"`
	MemoryMost float64    `json:"hub_memory_most_mb"`
	Cuts       int        `json:"cuts"`
	Missing    int        `json:"missing"`
	Unproved   int        `json:"unproved"`
	Command    rig.Spread `json:"sample_to_command"`
	Proved     rig.Spread `json:"sample_to_proof"`
}

func (s *settings) run(ctx context.Context) error {
	if s.cuts > s.cabinets || s.qos < 0 || s.qos > 1 || s.each < 1 {
		return errors.New("wanted: -cuts up to -cabinets, -qos 0 or 1, at least one socket")
	}
	hub, err := rig.Start(ctx, s.hub, nil)
	if err != nil {
		return err
	}
	f, err := s.measure(ctx, hub)
	return errors.Join(err, s.report(&f), hub.Stop())
}

func (s *settings) report(f *figures) error {
	fmt.Fprintf(os.Stdout, "%d sockets at 1 Hz (QoS %d): %.0f readings/s and %.0f other events/s, %.0f lost, %d sockets stale | hub %.2f cores, %.0f MB\n",
		f.Sockets, f.QoS, f.Readings, f.Others, f.Lost, f.Stale, f.Cores, f.MemoryMost)
	fmt.Fprintf(os.Stdout, "%d cuts, %d missing, %d unproved | sample→command ms p50 %.0f p99 %.0f max %.0f | sample→proof ms p50 %.0f p99 %.0f max %.0f\n",
		f.Cuts, f.Missing, f.Unproved, f.Command.P50, f.Command.P99, f.Command.Max, f.Proved.P50, f.Proved.P99, f.Proved.Max)
	if s.json != "" {
		b, err := json.MarshalIndent(f, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.json, b, 0o600); err != nil {
			return err
		}
	}
	if f.Missing > 0 || f.Unproved > 0 || f.Lost > 0 || f.Stale > 0 || f.Command.P99 > float64(cutGoal.Milliseconds()) || f.Proved.P99 > float64(provenBy.Milliseconds()) {
		return fmt.Errorf("wanted: none missing, lost or stale, command within %s and proof within %s at the 99th percentile", cutGoal, provenBy)
	}
	return nil
}
