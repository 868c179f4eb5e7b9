package rules

import (
	"time"

	"dongyue/internal/event"
)

// Judge is one whole turn, alone on the engine: it processes events, lets time
// pass until now (zero: only until the events), and has write put what came of
// it on disk, in one transaction: alarms, Store.Save of dirty, the checkpoint.
// When write fails, the engine is as it was before, and the same events can be
// judged again. write is always called; with nothing to write, a caller without
// a checkpoint just returns.
//
// Do not hold a writing transaction while calling it: the turn comes first.
func (e *Engine) Judge(evs []event.Event, now time.Time, write func(trs []Transition, dirty []Saved) error) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	trs := e.Process(evs)
	if !now.IsZero() {
		trs = append(trs, e.Tick(now)...)
	}
	dirty, err := e.Dirty()
	if err == nil {
		err = write(trs, dirty)
	}
	if err != nil {
		e.Rollback()
		return err
	}
	e.Commit()
	return nil
}
