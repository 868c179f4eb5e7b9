package agent

import (
	"errors"
	"time"

	"dongyue/internal/doorlist"
	"dongyue/internal/event"
)

// partsWithin is how long a list may take from its first part to its last.
const partsWithin = 10 * time.Second

// listState is what a door says of its signed list.
type listState struct {
	Version uint64 `json:"version"`
	Hash    string `json:"hash"`
	Entries int    `json:"entries"`
	Until   string `json:"until,omitempty"` // nothing in it opens from then on
}

// refusedData is why a list was not taken, and which one stays.
type refusedData struct {
	Version uint64         `json:"version"`
	Reason  doorlist.Fault `json:"reason"`
	Have    uint64         `json:"have"`
}

func (d *Door) listState() *listState {
	if d.list == nil {
		return nil
	}
	s := &listState{Version: d.list.Version(), Hash: d.list.Hash(), Entries: d.list.Len()}
	if s.Version > 0 {
		s.Until = stamp(d.list.ExpiresAt())
	}
	return s
}

// receive takes a part. A list that is complete and good is reported in the state,
// which is its acknowledgement; what is refused leaves the list before in force.
func (d *Door) receive(p doorlist.Part) {
	done, err := d.list.Receive(p, time.Now())
	d.refused(err)
	if done && err == nil {
		d.report()
	}
	if v := p.Version; d.list.Receiving() && p.Part == 1 {
		d.after(partsWithin, func() {
			if d.list.Receiving() && d.list.Version() < v {
				d.refused(d.list.Abandon())
			}
		})
	}
}

func (d *Door) refused(err error) {
	if r, ok := errors.AsType[*doorlist.RefusedError](err); ok {
		d.log.Warn("list of rights refused", "version", r.Version, "reason", r.Fault, "detail", r.Detail)
		d.happen("rights_refused", "", refusedData{r.Version, r.Fault, d.list.Version()})
	}
}

// Credentials is how many the signed list in force has.
func (d *Door) Credentials() int { return ask(d, (*doorlist.Keeper).Len) }

// ListRung is where the signed list puts the door when it does not know otherwise.
func (d *Door) ListRung() event.Rung { return ask(d, (*doorlist.Keeper).Rung) }

// ask asks the actor about its list; zero without one.
func ask[T any](d *Door, f func(*doorlist.Keeper) T) T {
	return inside(d, func() (v T) {
		if d.list != nil {
			v = f(d.list)
		}
		return v
	})
}

// inside asks the actor; zero when it is over.
func inside[T any](d *Door, f func() T) (v T) {
	got := make(chan T, 1)
	d.post(func() { got <- f() })
	select {
	case v = <-got:
		return v
	case <-d.over:
		return v
	}
}
