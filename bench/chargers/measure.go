package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"dongyue/bench/rig"
)

func (s *settings) measure(ctx context.Context, hub *rig.Hub) (f figures, err error) {
	api, err := hub.SignIn(ctx, "admin", rig.Password)
	if err != nil {
		return f, err
	}
	all, load, err := s.register(ctx, hub, api)
	if err != nil {
		return f, err
	}
	stop := make(chan struct{})
	var talking, obeying sync.WaitGroup
	for i, c := range all {
		obeying.Go(c.obey)
		talking.Go(func() { c.talk(stop, time.Second*time.Duration(i)/time.Duration(len(all))) })
	}
	if err := load.Start(); err != nil {
		return f, err
	}
	time.Sleep(s.warm)
	lost := s.lost(ctx, api)
	cpu, sent, acked, from := hub.CPU(), count(all), load.Acked.Load(), time.Now()
	time.Sleep(s.idle)
	for i := range s.cuts {
		all[i].fire()
		time.Sleep(s.beat)
	}
	took := time.Since(from).Seconds()
	f = figures{
		Sockets: s.cabinets * s.each, QoS: s.qos, Cuts: s.cuts, Cores: (hub.CPU() - cpu).Seconds() / took,
		Readings: float64(count(all)-sent) / took, Others: float64(load.Acked.Load()-acked) / took,
	}
	time.Sleep(3 * time.Second) // what was fired last is proved
	_, f.MemoryMost = hub.Memory()
	f.Lost = s.lost(ctx, api) - lost
	err = s.outcome(ctx, api, all, &f)
	close(stop)
	talking.Wait()
	if e := load.Stop(); err == nil {
		err = e
	}
	for _, c := range all {
		_ = c.client.Drop()
		if c.err != nil && err == nil {
			err = fmt.Errorf("%s: %w", c.id, c.err)
		}
	}
	obeying.Wait()
	return f, err
}

// register makes the devices known and brings the cabinets in.
func (s *settings) register(ctx context.Context, hub *rig.Hub, api *rig.API) (all []*cabinet, load *rig.Load, err error) {
	var cabinets, doors []string
	for i := range s.cabinets {
		cabinets = append(cabinets, fmt.Sprintf("shed-%04d", i))
	}
	for i := range 100 {
		doors = append(doors, fmt.Sprintf("door-%04d", i))
	}
	// A building of its own for each, so that two are not one incident.
	if err := api.Register(ctx, "charger", secret, cabinets, func(i int) string { return fmt.Sprintf("east/b%04d/s1", i) }); err != nil {
		return nil, nil, err
	}
	if err := api.Register(ctx, "door", secret, doors, func(i int) string { return fmt.Sprintf("west/b%02d/u%d", i/10, i%10) }); err != nil {
		return nil, nil, err
	}
	for _, id := range cabinets {
		c := &cabinet{id: id, qos: s.qos, watts: make([]float64, s.each), temp: make([]float64, s.each)}
		for i := range c.watts {
			c.watts[i], c.temp[i] = 180+float64(20*i), 28
		}
		if err := c.join(hub); err != nil {
			return nil, nil, err
		}
		all = append(all, c)
	}
	load = &rig.Load{Hub: hub, Kind: "door", Secret: secret, IDs: doors, Rate: s.others, Event: func(int, int) (string, string) { return "rex", "{}" }}
	return all, load, nil
}

func count(all []*cabinet) (n int) {
	for _, c := range all {
		c.mu.Lock()
		n += c.sent
		c.mu.Unlock()
	}
	return n
}

// lost is how many messages the hub has dropped, wherever.
func (s *settings) lost(ctx context.Context, api *rig.API) (sum float64) {
	_, text, err := api.Do(ctx, "GET", "/metrics", "", nil)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.Contains(name, "messages_lost_total") && !strings.HasPrefix(line, "#") {
			x, _ := strconv.ParseFloat(value, 64)
			sum += x
		}
	}
	return sum
}

// outcome reads what the hub has of each cut, and how fresh its picture of the rest is.
func (s *settings) outcome(ctx context.Context, api *rig.API, all []*cabinet, f *figures) error {
	var ways, proofs []time.Duration
	for i, c := range all {
		var twin struct {
			Values map[string]map[string]struct{ At time.Time } `json:"values"`
		}
		if i%10 == 0 { // a tenth of them stands for all
			if err := api.Get(ctx, "/devices/"+c.id, &twin); err != nil {
				return err
			}
			f.Stale += s.each - fresh(twin.Values)
		}
		c.mu.Lock()
		fired, cut := c.fired, c.cutAt
		c.mu.Unlock()
		if fired.IsZero() {
			continue
		}
		if cut.IsZero() {
			f.Missing++
			continue
		}
		ways = append(ways, cut.Sub(fired))
		at, err := proof(ctx, api, c.id)
		if err != nil {
			return err
		}
		if at.IsZero() {
			f.Unproved++
			continue
		}
		proofs = append(proofs, at.Sub(fired))
	}
	f.Command, f.Proved = rig.SpreadOf(ways), rig.SpreadOf(proofs)
	return nil
}

func fresh(values map[string]map[string]struct{ At time.Time }) (n int) {
	for part, v := range values {
		if part != "" && time.Since(v["power_w"].At) < 2*time.Second {
			n++
		}
	}
	return n
}

// proof is when the hub wrote down that the hot socket's power is gone.
func proof(ctx context.Context, api *rig.API, device string) (at time.Time, err error) {
	var list struct {
		Items []struct{ ID, Rule, Device string }
	}
	if err := api.Get(ctx, "/alarms?state=all&limit=100&device="+device, &list); err != nil {
		return at, err
	}
	for _, a := range list.Items {
		if a.Rule != "charger.over_temperature" || a.Device != device {
			continue
		}
		var one struct {
			Journal []struct {
				At         time.Time
				What, Text string
			}
		}
		if err := api.Get(ctx, "/alarms/"+a.ID, &one); err != nil {
			return at, err
		}
		prefix := fmt.Sprintf("ladder cut %s %d ", device, hotSocket+1)
		for _, j := range one.Journal {
			if j.What == "action_done" && strings.HasPrefix(j.Text, prefix) {
				return j.At, nil
			}
		}
	}
	return at, nil
}
