package ladder

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	lookEvery = 50 * time.Millisecond // while something is under way
	idleEvery = 2 * time.Second
	orderTTL  = 30 * time.Second
	again     = 5 * time.Second // between attempts of a step that could not be ordered
)

// Run carries reactions out until ctx ends, and waits for what is being written.
func (l *Ladder) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.wake:
		case <-t.C:
		}
		busy := l.pass(ctx, &wg, time.Now())
		if busy {
			t.Reset(lookEvery)
		} else {
			t.Reset(idleEvery)
		}
	}
}

// pass looks at every step that is not over: each is begun or proved on its own, so
// that a slow one holds up none.
func (l *Ladder) pass(ctx context.Context, wg *sync.WaitGroup, at time.Time) (busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, x := range l.open {
		for _, p := range x.Steps {
			if p.over() || p.busy || !x.due(p, at) {
				continue
			}
			p.busy = true
			wg.Go(func() {
				if err := l.step(ctx, x, p); err != nil && ctx.Err() == nil {
					if text := err.Error(); text != p.told { // the same again says nothing new
						p.told = text
						l.o.Log.WarnContext(ctx, "charger ladder: step is tried again", "alarm", x.Alarm, "step", p.ID, "err", err)
					}
					time.Sleep(min(lookEvery<<p.tries, time.Second)) // the first again at once, one that is refused for good ever less often
					p.tries = min(p.tries+1, 10)
				}
				l.mu.Lock()
				p.busy = false
				over := p.over()
				l.mu.Unlock()
				if over {
					l.nudge()
				}
			})
		}
	}
	l.open = slices.DeleteFunc(l.open, func(x *reaction) bool {
		return !slices.ContainsFunc(x.Steps, func(p *progress) bool { return !p.over() || p.busy })
	})
	return len(l.open) > 0
}

// due reports whether a step may begin: what is only done when another fails waits
// for that, and the card for what was done before it.
func (x *reaction) due(p *progress, at time.Time) bool {
	if p.State != Waiting || p.If == "" && p.Kind != Card {
		return true
	}
	if p.Kind == Card { // the power first: a person reads what was done
		return at.Sub(x.Began) > 3*time.Second || !slices.ContainsFunc(x.Steps, func(q *progress) bool { return q.Kind != Card && !q.over() })
	}
	q := x.step(p.If)
	return q == nil || q.over() || !q.Sent.IsZero() && at.Sub(q.Sent) >= q.Within
}

func (x *reaction) step(id string) *progress {
	for _, p := range x.Steps {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// step moves one on.
func (l *Ladder) step(ctx context.Context, x *reaction, p *progress) error {
	l.mu.Lock()
	state, sent := p.State, p.Sent
	skip := false
	if q := x.step(p.If); p.If != "" && q != nil {
		skip = q.State == Proved
	}
	l.mu.Unlock()
	if state == Waiting {
		if skip {
			return l.settle(ctx, x, p, Skipped, "")
		}
		return l.begin(ctx, x, p)
	}
	ok, proof, err := l.proof(ctx, x, p)
	late := time.Since(sent) >= p.Within+grace
	switch {
	case err != nil && late:
		return l.settle(ctx, x, p, Failed, err.Error())
	case err != nil:
		return err
	case ok:
		return l.settle(ctx, x, p, Proved, proof)
	case !late:
		return nil
	}
	return l.settle(ctx, x, p, Failed, proof)
}

// grace is how much longer than it should a proof may take before the step counts
// as failed; what depends on it has begun by then.
const grace = 5 * time.Second

// begin orders a step. The key says which step of which reaction it is, so a hub
// that was killed before it could write the answer down gets the same order back.
func (l *Ladder) begin(ctx context.Context, x *reaction, p *progress) (err error) {
	key, ref := "ladder/"+x.ID+"/"+p.ID, ""
	sent := now() // the device may be quicker than the answer of the registry
	switch p.Kind {
	case Cut:
		ref, err = l.o.World.Command(ctx, p.Device, "cut", map[string]any{"part": p.Part}, orderTTL, key, x.Alarm)
	case Feeder:
		if p.If != "" {
			err = l.o.DB.Tx(ctx, func(tx *sql.Tx) error { return l.took(ctx, tx, cutOff{x.Device, "", x.Alarm, x.Began}) })
		}
		if err == nil {
			ref, err = l.o.World.Command(ctx, p.Device, "cut", map[string]any{"feeder": true}, orderTTL, key, x.Alarm)
		}
	case Light:
		ref, err = l.o.World.Command(ctx, p.Device, "dim", map[string]any{"pct": 100}, orderTTL, key, x.Alarm)
	case Say:
		ref, err = l.o.World.Broadcast(ctx, p.Zones, p.Text, key, x.Alarm)
	case Release:
		ref, err = l.o.World.Release(ctx, p.Zones, "充电棚火情 / fire at a charging shed: "+x.Place.Name, key)
	case Card:
		return l.card(ctx, x, p)
	}
	if err != nil {
		if errors.Is(err, ErrNever) || time.Since(x.Began) > again {
			return l.settle(ctx, x, p, Failed, err.Error())
		}
		return err
	}
	l.mu.Lock()
	p.State, p.Sent, p.Ref = Sent, sent, ref
	l.mu.Unlock()
	return l.save(ctx, x, p, "")
}

// card fills in what a person reads to 119.
func (l *Ladder) card(ctx context.Context, x *reaction, p *progress) error {
	l.mu.Lock()
	var done []string
	for _, q := range x.Steps {
		if q.State == Proved && (q.Kind == Cut || q.Kind == Feeder) {
			done = append(done, map[Kind]string{Cut: q.Part + " 号口断电", Feeder: "整棚断电"}[q.Kind])
		}
	}
	l.mu.Unlock()
	text := call119(&x.Place, x.Part, x.Began, l.o.Zone, done)
	b, err := json.Marshal(text)
	if err != nil {
		return err
	}
	err = l.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE charger_reactions SET card = ? WHERE id = ?", string(b), x.ID)
		return err
	})
	if err != nil {
		return err
	}
	return l.settle(ctx, x, p, Proved, text.ZH)
}

// dead is the power in W below which a meter says that nothing flows.
const dead = 2.0

// proof looks whether the world shows that a step is done.
func (l *Ladder) proof(ctx context.Context, x *reaction, p *progress) (ok bool, what string, err error) {
	var said Answer
	switch p.Kind {
	case Cut:
		said = l.o.World.Answer(ctx, p.Ref)
		ok, what = l.isDead(p.Device, p.Part, p.Sent, said)
	case Feeder:
		said = l.o.World.Answer(ctx, p.Ref)
		ok, what = l.allDead(x, p.Sent, said)
	case Light:
		if ok = l.o.World.Lit(ctx, p.Device); ok {
			what = "100 %"
		}
	case Say:
		n, of, err := l.o.World.Heard(ctx, p.Ref)
		return err == nil && of > 0 && n == of, fmt.Sprintf("%d/%d", n, of), err
	case Release:
		n, of, err := l.o.World.Released(ctx, p.Ref)
		return err == nil && of > 0 && n == of, fmt.Sprintf("%d/%d", n, of), err
	case Card:
	}
	if !ok && said.Failed != "" {
		what = said.Failed
	}
	return ok, what, nil
}

// isDead reports whether the meter has said since the order that nothing flows, in
// its reports or in its answer.
func (l *Ladder) isDead(device, part string, since time.Time, said Answer) (bool, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.readings[device+"/"+part]; r.known && !r.at.Before(since) {
		return r.watts < dead, watts(r.watts)
	}
	if said.Done && said.Watts != nil {
		return *said.Watts < dead, watts(*said.Watts)
	}
	return false, ""
}

func watts(w float64) string { return fmt.Sprintf("%.1f W", w) }

// allDead asks for a reading of every socket that had power when it was cut, or of the
// feeder's own meter; where no socket had any, the answer is enough.
func (l *Ladder) allDead(x *reaction, since time.Time, said Answer) (bool, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var sum float64
	seen, all := 0, true
	for _, part := range x.Place.Ports {
		r := l.readings[x.Device+"/"+part]
		if !r.known || r.watts < dead && r.at.Before(since) {
			continue
		}
		seen++
		sum += r.watts
		all = all && r.watts < dead && !r.at.Before(since)
	}
	if said.Done && said.Watts != nil && *said.Watts < dead && (seen == 0 || !all) {
		return true, watts(*said.Watts)
	}
	if r := l.readings[x.Device+"/"]; r.known && !r.at.Before(since) && r.watts < dead {
		return true, watts(r.watts)
	}
	return all && seen > 0, watts(sum)
}

// settle ends a step and tells the alarm's journal.
func (l *Ladder) settle(ctx context.Context, x *reaction, p *progress, to State, proof string) error {
	l.mu.Lock()
	p.State, p.At, p.Proof = to, now(), proof
	l.mu.Unlock()
	what := map[State]string{Proved: "action_done", Failed: "action_failed"}[to]
	if err := l.save(ctx, x, p, what); err != nil {
		l.mu.Lock()
		p.State = Sent
		if p.Sent.IsZero() {
			p.State = Waiting
		}
		l.mu.Unlock()
		return err
	}
	return nil
}
