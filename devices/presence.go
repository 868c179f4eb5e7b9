package devices

import (
	"context"
	"database/sql"
	"time"

	"dongyue/internal/event"
)

// Times of presence.
const (
	// grace is how long a device may be gone before it counts as offline: a
	// session that is taken over or a modem that changes cells is back sooner.
	grace = 2 * time.Second
	// startGrace is the same after a start of the hub, when all come back.
	startGrace = 30 * time.Second
	// fresh is the age up to which a presence message means now; older ones are
	// read again after a crash.
	fresh = time.Minute
)

// Connected tells that the broker has opened a session of the device. It does
// not block.
func (r *Registry) Connected(id string) {
	rec := r.find(id)
	if rec == nil {
		return
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	rec.mu.Lock()
	rec.said, rec.since, rec.d.LastSeen = true, now, now
	rec.dirtyRow, rec.arrivals, rec.mark, rec.resumed = true, rec.arrivals+1, 0, true
	told, ended := rec.told, rec.login != rec.rotated
	rec.mu.Unlock()
	if ended { // what it came with is no longer good, since its login
		r.hotMu.Lock()
		r.stale = append(r.stale, rec)
		r.hotMu.Unlock()
	}
	if !told {
		r.later(rec, grace) // by then it should have said so itself
	}
	r.look(rec)
}

// Subscribed tells that the device hears a topic of its own from now on. What
// waits for it can go. It does not block.
func (r *Registry) Subscribed(id string) {
	rec := r.find(id)
	if rec == nil {
		return
	}
	rec.mu.Lock()
	rec.arrivals++
	rec.resumed = false // the broker sends it what is retained
	rec.mu.Unlock()
	r.look(rec)
}

// Disconnected tells that a session of the device has ended; after a short grace
// it is offline, unless it has another by then. It does not block.
func (r *Registry) Disconnected(id string) {
	if rec := r.find(id); rec != nil {
		r.later(rec, grace)
	}
}

// Hold tells that the hub is going down: from here the end of a session says
// nothing of its device. Those who do not come back after the next start are
// told of then.
func (r *Registry) Hold() { r.shut.Store(true) }

// present takes a presence event into the twin; the record is locked. Yes counts
// at once, no after the grace, since a Will does not know of the next session.
// The hub's own no has waited for the grace already.
func (r *Registry) present(rec *record, e *event.Event, data Fields) (show bool) {
	online, own := data.OptBool("online"), data.OptText("by", 64) == byHub
	rec.told, rec.asked, rec.mark = online, false, 0
	if !online {
		current := !e.ReceivedAt.Before(rec.since)
		if current {
			rec.said = false
		}
		if own && current && rec.d.Online && !r.pub.Connected(rec.id) {
			rec.d.Online = false
			return true
		}
		r.later(rec, grace)
		return false
	}
	if own { // says nothing that the connection has not
		return false
	}
	rec.said = true
	fw, boot := data.OptText("fw", 64), e.Boot
	show = fw != rec.d.Firmware || boot != rec.d.Boot
	rec.d.Firmware, rec.d.Boot = fw, boot
	rec.showGaps()
	if !rec.d.Online && time.Since(e.ReceivedAt) < fresh {
		rec.d.Online, show = true, true
	}
	r.later(rec, grace) // is there a session to it?
	return show
}

// look asks Run to look at the device at once.
func (r *Registry) look(rec *record) {
	r.soon(rec)
	r.nudge()
}

// soon asks Run to look at the device with its next round.
func (r *Registry) soon(rec *record) {
	r.hotMu.Lock()
	r.moved[rec] = struct{}{}
	r.hotMu.Unlock()
}

// later asks Run to look at the device's presence after a while.
func (r *Registry) later(rec *record, d time.Duration) {
	r.hotMu.Lock()
	r.due[rec] = time.Now().Add(d)
	r.hotMu.Unlock()
}

func (r *Registry) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// perTx bounds a transaction, so that a storm of reconnections does not keep the
// one writer from an unlock for longer than some milliseconds.
const perTx = 100

// watch decides the presence of the devices that moved or are due, and sends the
// waiting commands of those that are there.
func (r *Registry) watch(ctx context.Context, now time.Time) error {
	r.hotMu.Lock()
	look := map[*record]bool{} // true: may go offline
	for rec := range r.moved {
		look[rec] = false
	}
	arrived := r.moved
	r.moved = map[*record]struct{}{}
	for rec, at := range r.due {
		if !at.After(now) {
			look[rec] = true
			delete(r.due, rec)
		}
	}
	r.hotMu.Unlock()
	err := r.sendWaiting(ctx, arrived)
	r.sendDeltas(arrived)
	r.endStale()
	var change []*record
	for rec, due := range look {
		if r.judge(rec, due) {
			change = append(change, rec)
		}
	}
	for len(change) > 0 {
		n := min(perTx, len(change))
		if err := r.turn(ctx, change[:n]); err != nil {
			for _, rec := range change {
				r.later(rec, grace)
			}
			return err
		}
		change = change[n:]
	}
	r.sayAll()
	r.echo()
	return err
}

// judge looks whether the device is there. It reports whether the twin has to
// turn; what the journal has to hear first is put there, and comes back.
func (r *Registry) judge(rec *record, due bool) (turn bool) {
	there := r.pub.Connected(rec.id)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	there = there && rec.said
	switch {
	case rec.d.Online && !there && due && (r.shut.Load() || rec.asked):
		return false
	case rec.d.Online && !there && due && rec.told && r.words != nil:
		r.tell(rec, false)
		return rec.toShow
	case due && there && !rec.told && !rec.asked && r.words != nil && !r.shut.Load():
		r.tell(rec, true)
	}
	return there != rec.d.Online && (there || due) || rec.toShow
}

// turn writes the presence of some devices and shows them.
func (r *Registry) turn(ctx context.Context, recs []*record) error {
	was := make([]saved, len(recs))
	err := r.db.Tx(ctx, func(tx *sql.Tx) error {
		rows := map[*record]struct{}{}
		for i, rec := range recs {
			there := r.pub.Connected(rec.id)
			rec.mu.Lock()
			was[i] = rec.save()
			there = there && rec.said
			if there || !rec.told || r.words == nil { // else the journal hears of it first
				rec.d.Online = there
			}
			rec.toShow = false
			d := rec.d.clone()
			rec.mu.Unlock()
			rows[rec] = struct{}{}
			if err := r.feedDevice(ctx, tx, d); err != nil {
				return err
			}
		}
		return r.writeTwins(ctx, tx, rows, nil)
	})
	if err != nil {
		for i, rec := range recs {
			rec.mu.Lock()
			rec.d.Online, rec.toShow = was[i].online, true
			rec.mu.Unlock()
		}
		return err
	}
	return r.feed.Committed(ctx)
}
