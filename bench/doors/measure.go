package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"dongyue/bench/rig"
)

func (b *bench) measure(ctx context.Context) error {
	victims, err := b.victims(ctx)
	if err != nil {
		return err
	}
	end, err := b.api.Stream(ctx, "badge", b.row)
	if err != nil {
		return err
	}
	load := &rig.Load{Hub: b.hub, Kind: "charger", Secret: secret, IDs: b.chargers, Rate: b.events, Event: func(_, n int) (string, string) {
		return "session_started", fmt.Sprintf(`{"part":"%d","energy_wh":%d}`, n%10+1, n%1000) // nobody named: no bill is opened
	}}
	if err := load.Start(); err != nil {
		return err
	}
	time.Sleep(3 * time.Second) // the first wave of presence is through
	began, acked, cpu := time.Now(), load.Acked.Load(), b.hub.CPU()
	b.f.Unlock, b.f.Screen, b.f.Wrong = b.badges("badge", int(b.length.Seconds()*float64(b.rate)), time.Second/time.Duration(b.rate), func(n int) int { return n * 7919 % b.people })
	fmt.Fprintln(os.Stderr, "badges measured")
	var missing int
	b.f.Crowd = b.crowd
	b.f.CrowdWait, _, missing = b.badges("crowd", b.crowd, b.crowdIn/time.Duration(b.crowd), func(n int) int { return n % min(100, max(1, b.doors-gates)) })
	b.f.CrowdIn = b.crowd - missing
	fmt.Fprintln(os.Stderr, "crowd measured")
	if err := b.takeAway(ctx, victims); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "cards taken away")
	if err := b.rebuild(ctx, len(victims)); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	b.f.Events, b.f.Cores = float64(load.Acked.Load()-acked)/took, (b.hub.CPU()-cpu).Seconds()/took
	err = errors.Join(load.Stop(), end())
	b.f.Unacked = load.Sent.Load() - load.Acked.Load()
	return err
}

// row is the stream's: a badge is on the operator's screen.
func (b *bench) row(_ string, data []byte, at time.Time) {
	var x struct {
		Event string `json:"event"`
	}
	if json.Unmarshal(data, &x) != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.asked[x.Event]; a != nil && a.row.IsZero() {
		a.row = at
	}
}

// badges has people come at an even beat, each to the own stair; who says who it is.
func (b *bench) badges(what string, count int, every time.Duration, who func(n int) int) (unlock, screen rig.Spread, wrong int) {
	beat := time.NewTicker(every)
	defer beat.Stop()
	for n := range count {
		<-beat.C
		p := who(n)
		go b.show(fmt.Sprintf("%s-%d", what, n), b.controllers[b.home(p)], card(p))
	}
	time.Sleep(3 * time.Second)
	var ways, rows []time.Duration
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range count {
		a := b.asked[fmt.Sprintf("%s-%d", what, n)]
		if a == nil || a.unlock.IsZero() || a.denied {
			wrong++
			continue
		}
		ways = append(ways, a.unlock.Sub(a.at))
		if !a.row.IsZero() {
			rows = append(rows, a.row.Sub(a.at))
		}
	}
	return rig.SpreadOf(ways), rig.SpreadOf(rows), wrong
}

// show holds a card to a reader.
func (b *bench) show(event string, d *door, value string) {
	b.mu.Lock()
	b.asked[event] = &asking{at: time.Now()}
	b.mu.Unlock()
	payload := fmt.Sprintf(`{"id":%q,"boot":"b1","seq":%d,"at":%q,"type":"badge","data":{"credential":{"type":"card","value":%q},"side":"in","decision":"ask","reason":""}}`,
		event, time.Now().UnixNano()/1000, rig.Now(), value)
	_ = d.publish("event", payload, false) // what is not answered is counted
}

// victim is a second card of somebody, to be taken away.
type victim struct {
	id, card string
	home     int
}

func (b *bench) victims(ctx context.Context) (all []victim, err error) {
	var people struct {
		Items []struct{ ID, Name string }
	}
	if err := b.api.Get(ctx, fmt.Sprintf("/people?limit=%d", min(b.revokes, 200)), &people); err != nil {
		return nil, err
	}
	for i, p := range people.Items {
		var n int
		if _, err := fmt.Sscanf(p.Name, "Resident %d", &n); err != nil {
			return nil, fmt.Errorf("%s is not of this bench: %w", p.Name, err)
		}
		v := victim{card: fmt.Sprintf("05%08X", i), home: b.home(n)}
		var made struct{ ID string }
		if err := b.api.Post(ctx, "/credentials", map[string]any{"person": p.ID, "type": "card", "class": "crypto", "value": v.card}, &made); err != nil {
			return nil, err
		}
		v.id = made.ID
		all = append(all, v)
	}
	b.f.Entries += len(all) * (b.f.Entries / b.people)
	return all, b.settled(ctx, b.f.Entries, 5*time.Minute)
}

// takeAway ends cards: the hub refuses from then on, and the doors that could open
// alone have let go when the last of them has applied its new list.
func (b *bench) takeAway(ctx context.Context, victims []victim) error {
	var refused, gone []time.Duration
	beat := time.NewTicker(500 * time.Millisecond)
	defer beat.Stop()
	for n, v := range victims {
		<-beat.C
		w := &watched{card: v.card, open: map[string]bool{}, done: make(chan struct{})}
		for i, d := range b.controllers {
			if b.everywhere || i < gates || i == v.home {
				w.open[d.id] = true
			}
		}
		b.mu.Lock()
		b.watch = w
		b.mu.Unlock()
		began := time.Now()
		if _, _, err := b.api.Do(ctx, "DELETE", "/api/v1/credentials/"+v.id, "", nil); err != nil {
			return err
		}
		event := fmt.Sprintf("revoked-%d", n)
		b.show(event, b.controllers[v.home], v.card)
		select {
		case <-w.done:
			gone = append(gone, w.last.Sub(began))
		case <-time.After(20 * time.Second):
			b.f.Late++
		}
		time.Sleep(100 * time.Millisecond)
		b.mu.Lock()
		if a := b.asked[event]; a.denied {
			refused = append(refused, a.unlock.Sub(began))
		} else {
			b.f.Late++
		}
		b.mu.Unlock()
	}
	b.f.Refused, b.f.Revoked = rig.SpreadOf(refused), rig.SpreadOf(gone)
	return nil
}

// rebuild changes the calendar, for which every list is made anew.
func (b *bench) rebuild(ctx context.Context, gone int) error {
	day := time.Now().AddDate(0, 0, 3).Format(time.DateOnly)
	began := time.Now()
	body := fmt.Sprintf(`{"items":[{"day":%q,"kind":"holiday","name":"bench"}]}`, day)
	if _, _, err := b.api.Do(ctx, "PUT", "/api/v1/calendar", "application/json", []byte(body)); err != nil {
		return err
	}
	time.Sleep(50 * time.Millisecond)
	entries := b.f.Entries - gone*(1+min(gates, b.doors-1))
	if b.everywhere {
		entries = b.f.Entries - gone*b.doors
	}
	if err := b.settled(ctx, entries, 5*time.Minute); err != nil {
		return err
	}
	b.f.Whole = time.Since(began).Seconds()
	_, metrics, err := b.api.Do(ctx, "GET", "/metrics", "", nil)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(metrics)) {
		if rest, ok := strings.CutPrefix(line, "dongyue_door_lists_build_seconds "); ok {
			_, err = fmt.Sscan(rest, &b.f.Rebuild)
		}
	}
	return err
}

func (s *settings) report(f figures) error {
	out := os.Stdout
	fmt.Fprintf(out, "%d doors, %d cards, %d entries in lists; %.0f other events a second, %d unacknowledged; hub: %.2f cores, %.0f MB; import %.1f s, then %.0f s until every door had its list\n",
		f.Doors, f.Cards, f.Entries, f.Events, f.Unacked, f.Cores, f.Memory, f.Import, f.Lists-f.Import)
	fmt.Fprintln(out, "                                            n   p50 ms   p90 ms   p99 ms   max ms   goal p99")
	missed := f.Unacked > 0 || f.Wrong > 0 || f.CrowdIn < f.Crowd || f.Late > 0
	line := func(what string, x rig.Spread, goal float64) {
		fmt.Fprintf(out, "%-36s %8d %8.1f %8.1f %8.1f %8.1f %10.0f\n", what, x.N, x.P50, x.P90, x.P99, x.Max, goal)
		missed = missed || x.P99 > goal
	}
	line("badge → unlock at the door", f.Unlock, 50)
	line("badge → operator's stream", f.Screen, 200)
	line("crowd: badge → unlock", f.CrowdWait, 50)
	line("card taken away → hub refuses", f.Refused, 2000)
	line("card taken away → gone at every door", f.Revoked, 2000)
	fmt.Fprintf(out, "crowd in: %d of %d; badges unanswered or refused: %d; cards that still opened: %d\n", f.CrowdIn, f.Crowd, f.Wrong, f.Late)
	fmt.Fprintf(out, "all lists made anew in %.2f s (goal 5), confirmed by every door after %.1f s\n", f.Rebuild, f.Whole)
	if s.json != "" {
		b, err := json.MarshalIndent(f, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.json, append(b, '\n'), 0o600); err != nil {
			return err
		}
	}
	if missed || f.Rebuild > 5 {
		return errors.New("wanted: everybody with a right is let in, nobody without, and each figure within its goal")
	}
	return nil
}
