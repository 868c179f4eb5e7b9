package devices

import (
	"encoding/json"
	"time"

	"dongyue/internal/event"
)

// byHub marks a presence event that the hub made, since no device could.
const byHub = "hub"

// tell puts a presence of the hub's own into the journal: a device is gone and
// left no word (no Will, or the hub was away when it was due), or is back and
// does not say so. The twin follows when the event comes back with Handle, in
// the transaction of its checkpoint; so each loss is told once, whenever the hub
// dies. The record is locked.
func (r *Registry) tell(rec *record, online bool) {
	// Its own word may stand in the journal, not yet read.
	if rec.mark == 0 {
		rec.mark = r.words.Last()
	}
	if r.reach != nil && r.reach() < rec.mark {
		r.later(rec, 0)
		return
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	data, err := json.Marshal(struct {
		Online   bool   `json:"online"`
		Firmware string `json:"fw,omitempty"`
		Boot     string `json:"boot,omitempty"`
		By       string `json:"by"`
	}{online, rec.d.Firmware, rec.d.Boot, byHub})
	if err != nil { // texts always encode
		return
	}
	e := event.Event{
		Device: rec.id, Kind: rec.kind, Zone: rec.d.Zone, Via: rec.via, Channel: event.Presence, Type: string(event.Presence), Boot: rec.d.Boot,
		At: now, ReceivedAt: now, Data: data,
	}
	rec.asked = true
	// The journal may call back before Append returns, and Append may wait for a
	// disk: neither with the record locked.
	r.tales = append(r.tales, tale{rec, e, online})
}

// tale is an event on its way to the journal.
type tale struct {
	rec    *record
	e      event.Event
	online bool
}

// sayAll hands the journal what tell has gathered; for Run's goroutine.
func (r *Registry) sayAll() {
	all := r.tales
	r.tales = nil
	for _, t := range all {
		r.words.Append(t.e, func(_ uint64, _ bool, err error) { r.written(t, err) })
	}
}

// written comes after the commit, on the journal's goroutine.
func (r *Registry) written(t tale, err error) {
	if err != nil {
		t.rec.mu.Lock()
		t.rec.asked = false
		t.rec.mu.Unlock()
		r.later(t.rec, grace)
		return
	}
	r.hotMu.Lock()
	r.heard = append(r.heard, t)
	r.hotMu.Unlock()
	r.nudge()
}

// echo publishes what the journal has taken, so that programs that listen on
// MQTT see the presence of a device that can't tell it.
func (r *Registry) echo() {
	r.hotMu.Lock()
	all := r.heard
	r.heard = nil
	r.hotMu.Unlock()
	for _, t := range all {
		if t.online != r.pub.Connected(t.rec.id) {
			continue // it has changed, and speaks for itself
		}
		if err := r.pub.Publish(event.Topic(t.rec.kind, t.rec.id, event.Presence), t.e.Data, 1, true, 0); err != nil {
			r.log.Debug("presence was not published", "device_id", t.rec.id, "err", err)
		}
	}
}
