// Command flood sends thousands of conditions in a few seconds through the hub's
// MQTT port, as a power cut does, and counts what is left for a person: how many
// operator items, how soon the cause is on top, whether a real burglary and real
// smoke in the middle are seen, and whether a record was lost.
//
//	go run ./bench/flood -hub bin/dongyue
//
// The first row has a rule that knows the cause, the second has none. The exit code
// is 1 when a goal is missed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"dongyue/bench/rig"
)

const (
	secret   = "bench-secret-0123456789"
	rootRule = "power.area_lost"
	buildings,
	units = 4, 12
)

// The goals: at most so many items for a person, the cause first within so long,
// what is grave in sight within so long.
const (
	itemsGoal = 10
	rootGoal  = 2 * time.Second
	graveGoal = time.Second
)

type settings struct {
	hub, json      string
	conditions     int
	devices        int
	length, settle time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.hub, "hub", "bin/dongyue", "the hub's binary")
	flag.IntVar(&s.conditions, "conditions", 10_000, "how many conditions begin")
	flag.IntVar(&s.devices, "devices", 500, "of so many devices, in one court")
	flag.DurationVar(&s.length, "in", 10*time.Second, "within so long")
	flag.DurationVar(&s.settle, "settle", 5*time.Second, "how long it is watched after that")
	flag.StringVar(&s.json, "json", "", "write the figures into this file")
	flag.Parse()
	if err := s.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// row is a line of the table.
type row struct {
	Cause      bool       `json:"a_rule_knows_the_cause"`
	Conditions int        `json:"conditions"`
	Took       float64    `json:"sent_in_s"`
	Unacked    int64      `json:"unacknowledged"`
	Journaled  int        `json:"in_the_journal"`
	Alarms     int        `json:"alarms"`
	Items      int        `json:"operator_items"`
	Calls      int        `json:"calls"`
	RootMS     float64    `json:"first_condition_to_root_on_top_ms"`
	DoorMS     float64    `json:"forced_door_to_row_ms"`
	SmokeMS    float64    `json:"smoke_to_row_ms"`
	Lag        rig.Spread `json:"received_to_row"`
	Entries    int        `json:"stream_entries"`
	CaughtUp   float64    `json:"last_entry_after_last_condition_ms"`
	MemoryMB   float64    `json:"hub_memory_before_mb"`
	MemoryMost float64    `json:"hub_memory_most_mb"`
}

func (s *settings) run(ctx context.Context) error {
	var rows []row
	for _, quorum := range []int{10, 0} {
		r, err := s.one(ctx, quorum)
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	return s.report(rows)
}

func (s *settings) one(ctx context.Context, quorum int) (r row, err error) {
	hub, err := rig.Start(ctx, s.hub, ruleSet(quorum))
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, hub.Stop()) }()
	api, err := hub.SignIn(ctx, "admin", rig.Password)
	if err != nil {
		return r, err
	}
	ids := make([]string, s.devices)
	for i := range ids {
		ids[i] = fmt.Sprintf("charger-%04d", i)
	}
	if err := errors.Join(
		api.Register(ctx, "charger", secret, ids, func(i int) string { return fmt.Sprintf("east/b%02d/u%d", i%buildings+1, i/buildings%units+1) }),
		api.Register(ctx, "door", secret, []string{"door"}, func(int) string { return "east/b01/u1" }),
		api.Register(ctx, "sensor", secret, []string{"sensor"}, func(int) string { return "north/b09/u2" }),
	); err != nil {
		return r, err
	}
	r = row{Cause: quorum > 0, Conditions: s.conditions / s.devices * s.devices}
	return r, s.flood(ctx, hub, api, ids, &r)
}

// flood lets it happen and fills the row.
func (s *settings) flood(ctx context.Context, hub *rig.Hub, api *rig.API, ids []string, r *row) error {
	w := newWatcher()
	end, err := api.Stream(ctx, "alarm,incident", w.take)
	if err != nil {
		return err
	}
	door, err := connect(hub, "door")
	if err != nil {
		return err
	}
	defer door.Disconnect(100)
	sensor, err := connect(hub, "sensor")
	if err != nil {
		return err
	}
	defer sensor.Disconnect(100)
	load := &rig.Load{
		Hub: hub, Kind: "charger", Secret: secret, IDs: ids, Rate: int(float64(r.Conditions) / s.length.Seconds()), Each: r.Conditions / s.devices,
		Event: func(_, n int) (string, string) {
			return "fault", fmt.Sprintf(`{"part":"%d","code":"supply_lost","active":true}`, n)
		},
	}
	r.MemoryMB, _ = hub.Memory()
	if err := load.Start(); err != nil {
		return err
	}
	began := load.Began
	top := make(chan time.Time, 1)
	go s.lookForRoot(ctx, api, began, top)
	time.Sleep(s.length / 2)
	burglary, err := tell(door, "door", "door", "forced_open", `{}`)
	if err != nil {
		return err
	}
	fire, err := tell(sensor, "sensor", "sensor", "smoke", `{"active":true}`)
	if err != nil {
		return err
	}
	load.Wait()
	last := time.Now()
	r.Took = last.Sub(began).Seconds()
	time.Sleep(s.settle)
	if err := errors.Join(load.Stop(), end()); err != nil {
		return err
	}
	if at := <-top; !at.IsZero() {
		r.RootMS = ms(at.Sub(began))
	}
	r.Unacked = load.Sent.Load() - load.Acked.Load()
	w.fill(r, burglary, fire, last)
	_, r.MemoryMost = hub.Memory()
	list, err := incidents(ctx, api)
	if err != nil {
		return err
	}
	r.Items = len(list)
	r.Journaled, err = journaled(ctx, api)
	return err
}

// lookForRoot asks for the list as a screen does, until the cause is on top of it;
// the zero time when that never is.
func (s *settings) lookForRoot(ctx context.Context, api *rig.API, began time.Time, top chan<- time.Time) {
	for time.Since(began) < s.length+s.settle {
		if list, err := incidents(ctx, api); err == nil && topmost(list).Rule == rootRule {
			top <- time.Now()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	top <- time.Time{}
}

func (w *watcher) fill(r *row, burglary, fire, last time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	since := func(rule string, from time.Time) float64 {
		if at, ok := w.rows[rule]; ok {
			return ms(at.Sub(from))
		}
		return -1
	}
	r.DoorMS, r.SmokeMS = since("door.forced_open", burglary), since("sensor.smoke", fire)
	r.Alarms, r.Calls, r.Entries, r.Lag = w.raised, w.calls, w.entries, rig.SpreadOf(w.lag)
	r.CaughtUp = max(0, ms(w.lastSeen.Sub(last)))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func connect(hub *rig.Hub, id string) (mqtt.Client, error) {
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + hub.MQTT).SetClientID(id).SetUsername(id).SetPassword(secret))
	if t := c.Connect(); t.Wait() && t.Error() != nil {
		return nil, fmt.Errorf("connect %s: %w", id, t.Error())
	}
	return c, nil
}

// tell publishes one event and returns when.
func tell(c mqtt.Client, kind, id, typ, data string) (time.Time, error) {
	at := time.Now()
	t := c.Publish("dy/v1/"+kind+"/"+id+"/event", 1, false, fmt.Sprintf(`{"id":"%s-1","boot":"b1","seq":1,"at":%q,"type":%q,"data":%s}`, typ, rig.Now(), typ, data))
	if !t.WaitTimeout(10*time.Second) || t.Error() != nil {
		return at, fmt.Errorf("%s was not acknowledged: %w", typ, t.Error())
	}
	return at, nil
}

func (s *settings) report(rows []row) error {
	out := os.Stdout
	fmt.Fprintln(out, "cause known  conditions  in s  unacked  journaled  lost | alarms  items  calls | root on top ms  door ms  smoke ms | row lag ms p50    p99    max  caught up ms | MB before  most")
	missed := false
	for _, r := range rows {
		fmt.Fprintf(out, "%11t  %10d  %4.1f  %7d  %9d  %4d | %6d  %5d  %5d | %14.0f  %7.0f  %8.0f | %14.0f %6.0f %6.0f  %12.0f | %9.0f %5.0f\n",
			r.Cause, r.Conditions, r.Took, r.Unacked, r.Journaled, r.Conditions-r.Journaled, r.Alarms, r.Items, r.Calls,
			r.RootMS, r.DoorMS, r.SmokeMS, r.Lag.P50, r.Lag.P99, r.Lag.Max, r.CaughtUp, r.MemoryMB, r.MemoryMost)
		missed = missed || r.missed()
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
		return fmt.Errorf("wanted: nothing lost, at most %d items, the cause on top within %s, door and smoke in sight within %s", itemsGoal, rootGoal, graveGoal)
	}
	return nil
}

func (r *row) missed() bool {
	grave := func(v float64) bool { return v < 0 || v > ms(graveGoal) }
	return r.Unacked > 0 || r.Journaled != r.Conditions || r.Items > itemsGoal || grave(r.DoorMS) || grave(r.SmokeMS) ||
		r.Cause && (r.RootMS == 0 || r.RootMS > ms(rootGoal))
}
