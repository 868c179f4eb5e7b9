// Command broadcast measures how long it takes from smoke at a sensor until 60
// loudspeakers have fetched, decoded and begun what the rule says, and from a fire
// message at the API until it has taken the place of music at all of them.
//
//	go run ./bench/broadcast -hub bin/dongyue
//
// The loudspeakers are simulated ones over the real ports. Each smoke is at another
// sensor, so that each text is synthesised anew. The exit code is 1 when a goal is
// missed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"dongyue/bench/rig"
	"dongyue/internal/event"
	"dongyue/internal/simulator/agent"
	"dongyue/internal/simulator/community"
)

const secret = "bench-secret-0123456789"

// The goals, of the 99th percentile over all loudspeakers and rounds.
const (
	ruleGoal    = 1500 * time.Millisecond
	preemptGoal = 300 * time.Millisecond
)

type settings struct {
	hub              string
	speakers, rounds int
}

func main() {
	var s settings
	flag.StringVar(&s.hub, "hub", "bin/dongyue", "the hub's binary")
	flag.IntVar(&s.speakers, "speakers", 60, "loudspeakers")
	flag.IntVar(&s.rounds, "rounds", 20, "smokes, and as many fire messages")
	flag.Parse()
	if err := s.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// bench is what runs.
type bench struct {
	*settings
	api *rig.API
}

func (s *settings) run(ctx context.Context) (err error) {
	hub, err := rig.Start(ctx, s.hub, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hub.Stop()) }()
	b := &bench{settings: s}
	if b.api, err = hub.SignIn(ctx, "admin", rig.Password); err != nil {
		return err
	}
	var horns, sensors []string
	var devices []community.Device
	for i := range s.speakers {
		id := fmt.Sprintf("speaker-e%02d", i)
		horns = append(horns, id)
		devices = append(devices, community.Device{ID: id, Kind: event.Speaker, Zone: "east", Secret: secret})
	}
	for i := range s.rounds {
		sensors = append(sensors, fmt.Sprintf("sensor-e%02d", i))
	}
	err = errors.Join(
		b.api.Register(ctx, "speaker", secret, horns, func(int) string { return "east" }),
		b.api.Register(ctx, "sensor", secret, sensors, func(i int) string { return fmt.Sprintf("east/b%02d", i) }))
	if err != nil {
		return err
	}
	up := make(chan struct{}, 1)
	fleet, err := agent.New(agent.Options{
		Broker: hub.MQTT, Devices: devices, Quiet: true, Log: slog.New(slog.DiscardHandler),
		Progress: func(online, total int) {
			if online == total {
				select {
				case up <- struct{}{}:
				default:
				}
			}
		},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- fleet.Run(ctx) }()
	defer func() {
		cancel()
		<-done //nolint:errcheck // it ends because it is told to
	}()
	<-up
	time.Sleep(2 * time.Second) // the first wave is through
	return b.measure(ctx, hub, sensors)
}

func (b *bench) measure(ctx context.Context, hub *rig.Hub, sensors []string) error {
	var rule, preempt []time.Duration
	for _, id := range sensors {
		took, err := b.smoke(ctx, hub, id)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		rule = append(rule, took...)
	}
	for i := range b.rounds {
		took, err := b.fire(ctx)
		if err != nil {
			return fmt.Errorf("fire %d: %w", i, err)
		}
		preempt = append(preempt, took...)
	}
	out := map[string]rig.Spread{"rule_to_sound": rig.SpreadOf(rule), "preemption": rig.SpreadOf(preempt)}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	fmt.Println(string(text)) //nolint:forbidigo // the figures
	if x := out["rule_to_sound"].P99; x > float64(ruleGoal.Milliseconds()) {
		return fmt.Errorf("rule to sound: p99 %.0f ms, wanted %v", x, ruleGoal)
	}
	if x := out["preemption"].P99; x > float64(preemptGoal.Milliseconds()) {
		return fmt.Errorf("pre-emption: p99 %.0f ms, wanted %v", x, preemptGoal)
	}
	return nil
}

// message is what the API tells of a broadcast.
type message struct {
	ID       string
	Priority int
	Targets  int
	Playing  int
	Nodes    []struct {
		BeganAt time.Time `json:"began_at"`
	}
}

// heard waits until a message of a rank plays everywhere, and says how long after the
// beginning it did at each.
func (b *bench) heard(ctx context.Context, rank int, since time.Time) ([]time.Duration, error) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var page struct{ Items []json.RawMessage }
		if err := b.api.Get(ctx, "/broadcasts?open=true", &page); err != nil {
			return nil, err
		}
		for _, raw := range page.Items {
			var head struct{ Priority, Targets, Playing int }
			if err := json.Unmarshal(raw, &head); err != nil {
				return nil, err
			}
			if head.Priority != rank || head.Playing < b.speakers {
				continue
			}
			var m message
			if err := json.Unmarshal(raw, &m); err != nil {
				return nil, err
			}
			var took []time.Duration
			for _, n := range m.Nodes {
				took = append(took, n.BeganAt.Sub(since))
			}
			return took, nil
		}
	}
	return nil, errors.New("it was not heard everywhere in 20 s")
}

// hush stops all that plays.
func (b *bench) hush(ctx context.Context) error {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var page struct{ Items []struct{ ID string } }
		if err := b.api.Get(ctx, "/broadcasts?open=true", &page); err != nil {
			return err
		}
		if len(page.Items) == 0 {
			return nil
		}
		for _, m := range page.Items {
			if err := b.api.Post(ctx, "/broadcasts/"+m.ID+"/stop", struct{}{}, nil); err != nil {
				return err
			}
		}
	}
	return errors.New("it did not become silent in 20 s")
}

// smoke is one round of the rule.
func (b *bench) smoke(ctx context.Context, hub *rig.Hub, id string) ([]time.Duration, error) {
	o := mqtt.NewClientOptions().AddBroker("tcp://" + hub.MQTT).SetClientID(id).SetUsername(id).SetPassword(secret)
	c := mqtt.NewClient(o)
	if t := c.Connect(); t.Wait() && t.Error() != nil {
		return nil, t.Error()
	}
	defer c.Disconnect(100)
	topic := "dy/v1/sensor/" + id + "/event"
	since := time.Now()
	text := fmt.Sprintf(`{"id":"%s-1","boot":"b1","seq":1,"at":%q,"type":"smoke","data":{"active":true}}`, id, rig.Now())
	if t := c.Publish(topic, 1, false, text); t.Wait() && t.Error() != nil {
		return nil, t.Error()
	}
	took, err := b.heard(ctx, 3, since)
	return took, errors.Join(err, b.hush(ctx))
}

// fire is one round of pre-emption.
func (b *bench) fire(ctx context.Context) ([]time.Duration, error) {
	music := map[string]any{"zones": []string{"east"}, "text": "请注意，小区停电，正在抢修，请不要使用电梯。", "priority": 6, "repeat": 50}
	since := time.Now()
	if err := b.api.Post(ctx, "/broadcasts", music, nil); err != nil {
		return nil, err
	}
	if _, err := b.heard(ctx, 6, since); err != nil {
		return nil, err
	}
	since = time.Now()
	if err := b.api.Post(ctx, "/broadcasts", map[string]any{"zones": []string{"east"}, "text": "请注意，楼内发生火情，请走楼梯离开，不要乘电梯。", "priority": 1}, nil); err != nil {
		return nil, err
	}
	took, err := b.heard(ctx, 1, since)
	return took, errors.Join(err, b.hush(ctx))
}
