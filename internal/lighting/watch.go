package lighting

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// What a meter shows against the plan; the names are those of the lamp's events.
const (
	dark    = "lamp_failure"       // TALQ lampFailure
	lit     = "lamp_unexpected_on" // TALQ lampUnexpectedOn
	dimming = "dimming_failure"    // TALQ dimmingFailure
)

type faultKey struct{ lamp, typ string }

const (
	// burns is the power above which a head gives light, in watts: drivers on
	// standby take up to 1 W, the controller with its radio 3 W.
	burns = 5.0
	// settle is what a lamp has from a switching time until it is judged: drivers
	// fade for up to 30 s, and meters speak every minute.
	settle = 2 * time.Minute
	// fresh is how old a reading may be to be one.
	fresh = 5 * time.Minute
	// apart is how far a reported brightness may be from the one that is planned,
	// in per cent of full.
	apart = 10.0
)

// watch compares what meters show with the plan. What it sees once may be a reading
// on its way; with the next reading it is reported.
func (l *Lighting) watch(ctx context.Context, lamps []Lamp, now time.Time) {
	for i := range lamps {
		x := &lamps[i]
		w, _ := l.wish(x, now)
		want, since, ok := w.Level(now)
		if o := w.Override; o != nil {
			ok = ok && l.heldSince(o).Add(settle).Before(now)
		}
		if at := l.turned(x.ID, want, since, now); at.After(since) {
			since = at
		}
		if !ok || !x.Online || x.Cut || now.Before(since.Add(settle)) || now.Sub(x.Power.At) > fresh || x.Power.At.Before(since) {
			continue
		}
		burning := x.Power.V > burns
		l.see(ctx, x, dark, want > 0 && !burning, want)
		l.see(ctx, x, lit, want == 0 && burning, want)
		told := now.Sub(x.Dim.At) <= fresh && !x.Dim.At.Before(since)
		l.see(ctx, x, dimming, want > 0 && burning && told && math.Abs(x.Dim.V-float64(want)) > apart, want)
	}
}

// turned is when what is wanted of a lamp became what it is now; zero where it was so as
// long as the room looks. An override that ends or is taken back, and another plan, switch
// a lamp at a time that no programme names; since is the one that the programme names.
func (l *Lighting) turned(lamp string, want int, since, now time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	was, seen := l.levels[lamp]
	switch {
	case !seen || was.pct == want:
	case since.After(was.looked):
		was.at = since
	default:
		was.at = now
	}
	was.pct, was.looked = want, now
	l.levels[lamp] = was
	return was.at
}

// level is a brightness that is wanted, since when, and when that was seen last.
type level struct {
	pct        int
	at, looked time.Time
}

// heldSince is when the override that a lamp has began.
func (l *Lighting) heldSince(h *Held) (at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.overrides {
		if o.Until.Equal(h.Until) && o.Cause == h.Cause {
			at = o.From
		}
	}
	return at
}

// see takes one judgement of one lamp.
func (l *Lighting) see(ctx context.Context, x *Lamp, typ string, wrong bool, want int) {
	k := faultKey{x.ID, typ}
	l.mu.Lock()
	reported := l.faults[k]
	before, seen := l.suspect[k]
	switch {
	case !wrong:
		delete(l.suspect, k)
	case !seen:
		l.suspect[k] = x.Power
	}
	l.mu.Unlock()
	if wrong == reported || wrong && (!seen || !x.Power.At.After(before.At)) {
		return
	}
	if err := l.report(ctx, x, k, wrong, want); err != nil {
		if ctx.Err() == nil {
			l.o.Log.WarnContext(ctx, "lamp fault not reported", "device_id", x.ID, "type", typ, "err", err)
		}
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if wrong {
		l.faults[k] = true
	} else {
		delete(l.faults, k)
	}
}

func (l *Lighting) report(ctx context.Context, x *Lamp, k faultKey, wrong bool, want int) error {
	if l.o.Report != nil {
		data, err := json.Marshal(map[string]any{"active": wrong, "expected_pct": want, "power_w": x.Power.V, "seen_by": "hub"})
		if err != nil {
			return err
		}
		// The reading names the report: the journal takes it once, also after a kill.
		id := fmt.Sprintf("lighting-%s-%s-%d-%t", x.ID, k.typ, x.Power.At.UnixMilli(), wrong)
		if err := l.o.Report.Report(ctx, id, x.ID, k.typ, data, x.Power.At); err != nil {
			return err
		}
	}
	return l.storeFault(ctx, k, wrong)
}
