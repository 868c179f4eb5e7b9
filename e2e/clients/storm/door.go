package main

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"dongyue/e2e/clients/session"
)

// door takes commands and notes how long each was on its way.
type door struct {
	c    *session.Client
	mu   sync.Mutex
	came map[string]time.Time
	took []time.Duration
}

const doorID = "storm-door"

func openDoor(addr string) (*door, error) {
	c, err := session.Dial(session.Options{Addr: addr, ID: doorID, Secret: secret, Timeout: 10 * time.Second})
	if err != nil {
		return nil, err
	}
	base := "dy/v1/door/" + doorID + "/"
	if err := c.Send(append(session.Subscribe(base+"command", 1), session.Publish(base+"presence", 2, []byte(`{"online":true,"boot":"d"}`), false, true)...)); err != nil {
		return nil, err
	}
	if err := until(c, 4); err != nil {
		return nil, err
	}
	d := &door{c: c, came: map[string]time.Time{}}
	go d.listen()
	return d, nil
}

func (d *door) listen() {
	for {
		kind, body, err := d.c.Read()
		if err != nil {
			return
		}
		if kind != 3 || len(body) < 4 {
			continue
		}
		at := time.Now()
		n := int(body[0])<<8 | int(body[1])
		if len(body) < n+4 {
			continue
		}
		_ = d.c.Send([]byte{0x40, 2, body[n+2], body[n+3]}) // a door that is cut off is seen by what it misses
		var m struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(body[n+4:], &m) == nil {
			d.mu.Lock()
			d.came[m.ID] = at
			d.mu.Unlock()
		}
	}
}

// command asks for an unlock again and again until stop.
func (d *door) command(ctx context.Context, a *api, every time.Duration, stop <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		begin := time.Now()
		var c struct {
			ID string `json:"id"`
		}
		if a.call(ctx, "POST", "/devices/"+doorID+"/commands", "application/json", []byte(`{"type":"unlock","args":{"for_s":3}}`), &c) != nil {
			d.took = append(d.took, time.Hour) // refused counts as never
			continue
		}
		d.took = append(d.took, d.wait(c.ID, begin))
	}
}

func (d *door) wait(id string, begin time.Time) time.Duration {
	for time.Since(begin) < 10*time.Second {
		d.mu.Lock()
		at, ok := d.came[id]
		d.mu.Unlock()
		if ok {
			return at.Sub(begin)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Hour
}

func (d *door) figures() (n int, p99 float64) {
	if len(d.took) == 0 {
		return 0, 0
	}
	slices.Sort(d.took)
	return len(d.took), float64(d.took[min(len(d.took)-1, len(d.took)*99/100)].Microseconds()) / 1000
}
