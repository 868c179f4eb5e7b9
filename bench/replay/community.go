package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/journal"
)

// span is how long the journal reaches back.
const span = 30 * 24 * time.Hour

// prepare makes the journal, unless it is there.
func prepare(ctx context.Context, path string, events int) error {
	mark := filepath.Join(filepath.Dir(path), "events")
	want := fmt.Sprint(events)
	if b, err := os.ReadFile(mark); err == nil {
		if string(b) != want {
			return fmt.Errorf("%s holds %s events, not %s: name another folder with -data", filepath.Dir(path), b, want)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "making a journal of %s events in %s, once\n", want, filepath.Dir(path))
	j, err := journal.Open(ctx, journal.Options{Path: path})
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- j.Run(run) }()
	var failed atomic.Pointer[error]
	c := newCommunity(events)
	for range events {
		j.Append(c.next(), func(_ uint64, _ bool, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	stop()
	err = errors.Join(<-done, j.Close())
	if p := failed.Load(); p != nil {
		err = errors.Join(err, *p)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(mark, []byte(want), 0o600)
}

// community makes events: always the same ones for the same number.
type community struct {
	r     *rand.Rand
	at    time.Time
	step  time.Duration
	n     int
	ports []port
}

// port of a charger. One in a few hundred heats up for a while.
type port struct {
	temp, heating float64
}

const (
	chargers, portsEach = 160, 10
	doors, lamps        = 500, 900
	sensors             = 440
)

func newCommunity(events int) *community {
	c := &community{r: rand.New(rand.NewPCG(1, 2)), step: span / time.Duration(events), ports: make([]port, chargers*portsEach)} //nolint:gosec // the same community every time
	c.at = time.Now().UTC().Add(-span)
	for i := range c.ports {
		c.ports[i].temp = 25 + 10*c.r.Float64()
	}
	return c
}

// next is an event: three quarters are chargers' readings, as in life.
func (c *community) next() event.Event {
	c.n++
	c.at = c.at.Add(c.step)
	e := event.Event{ID: fmt.Sprintf("e%d", c.n), Boot: "b1", BootSeq: uint64(c.n), At: c.at.Add(-50 * time.Millisecond), ReceivedAt: c.at}
	switch x := c.r.IntN(1000); {
	case x < 760:
		c.charger(&e)
	case x < 860:
		c.reading(&e)
	case x < 960:
		c.door(&e)
	case x < 990:
		c.presence(&e)
	default:
		c.trouble(&e)
	}
	return e
}

func (c *community) place(e *event.Event, kind event.Kind, n int) {
	e.Kind, e.Device = kind, fmt.Sprintf("%s-%04d", kind, n)
	e.Zone = fmt.Sprintf("east/b%02d/s%d", n%40, n)
}

func (c *community) charger(e *event.Event) {
	i := c.r.IntN(len(c.ports))
	p := &c.ports[i]
	switch {
	case p.heating > 0:
		p.temp, p.heating = p.temp+3*c.r.Float64(), p.heating-1
	case p.temp > 40:
		p.temp -= 4
	default:
		p.temp = min(max(p.temp+2*c.r.Float64()-1, 20), 40)
	}
	if p.heating <= 0 && c.r.IntN(4000) == 0 {
		p.heating = float64(5 + c.r.IntN(20))
	}
	c.place(e, event.Charger, i/portsEach)
	e.Part, e.Channel, e.Type = fmt.Sprint(i%portsEach+1), event.Telemetry, string(event.Telemetry)
	e.Data = fmt.Appendf(nil, `{"state":"charging","power_w":%d,"current_a":%.2f,"voltage_v":%.1f,"temp_c":%.1f,"energy_wh":%d,"leakage_ma":%.1f}`,
		150+c.r.IntN(400), 1+2*c.r.Float64(), 225+10*c.r.Float64(), p.temp, c.r.IntN(2000), 3*c.r.Float64())
}

func (c *community) reading(e *event.Event) {
	e.Channel, e.Type = event.Telemetry, string(event.Telemetry)
	if c.r.IntN(2) == 0 {
		c.place(e, event.Lamp, c.r.IntN(lamps))
		e.Data = fmt.Appendf(nil, `{"power_w":%d,"voltage_v":%.1f,"dim_pct":%d,"lux":%d,"noise_db":%d}`, c.r.IntN(60), 225+10*c.r.Float64(), c.r.IntN(100), c.r.IntN(900), 35+c.r.IntN(40))
		return
	}
	c.place(e, event.Sensor, c.r.IntN(sensors))
	e.Data = fmt.Appendf(nil, `{"temp_c":%.1f,"humidity_pct":%d}`, 15+15*c.r.Float64(), 40+c.r.IntN(50))
}

func (c *community) door(e *event.Event) {
	c.place(e, event.Door, c.r.IntN(doors))
	e.Channel, e.Type = event.Happening, []string{"badge", "opened", "closed", "closed"}[c.r.IntN(4)]
	e.Data = json.RawMessage(`{}`)
	if e.Type == "badge" {
		e.Data = fmt.Appendf(nil, `{"credential":{"type":"card","value":"%08d"},"side":"in","decision":"granted"}`, c.r.IntN(100_000_000))
	}
}

func (c *community) presence(e *event.Event) {
	c.place(e, event.Lamp, c.r.IntN(lamps))
	e.Channel, e.Type = event.Presence, string(event.Presence)
	e.Data = fmt.Appendf(nil, `{"online":%v,"fw":"1.4.2","boot":"b7"}`, c.r.IntN(20) > 0)
}

// trouble is what rules are for; most of it passes.
func (c *community) trouble(e *event.Event) {
	e.Channel = event.Happening
	switch c.r.IntN(40) {
	case 0:
		c.place(e, event.Sensor, c.r.IntN(sensors))
		e.Type, e.Data = "smoke", fmt.Appendf(nil, `{"active":%v}`, c.r.IntN(2) == 0)
	case 1, 2:
		c.place(e, event.Charger, c.r.IntN(chargers))
		e.Type, e.Data = "fault", json.RawMessage(`{"code":"relay"}`)
	default:
		c.place(e, event.Door, c.r.IntN(doors))
		e.Type, e.Data = []string{"held_open", "closed", "closed", "rex"}[c.r.IntN(4)], json.RawMessage(`{}`)
	}
}
