package notify

import (
	"context"
	"fmt"
	"time"
)

// envelope is what the stages pass on: at first one delivery, behind group a
// letter with all that it carries.
type envelope struct {
	lane *lane
	rows []Delivery // at least one; the first gives the letter its id

	hold time.Time // not before; zero: not held
	busy bool      // its channel has no place at the moment: the next round looks again
	end  State     // it goes no further; "": it does
	why  string
}

func (e *envelope) lifeSafety() bool { return e.rows[0].LifeSafety }

// again reports whether it is a letter that was tried already: its content stays.
func (e *envelope) again() bool { return e.rows[0].Letter != "" }

func (e *envelope) stopped() bool { return e.end != "" || e.busy || !e.hold.IsZero() }

func (e *envelope) holdUntil(t time.Time, why string) { e.hold, e.why = t, why }

// stage lets envelopes pass, in their order. Those that it does not return it has
// held or ended, or put into one that it returns.
type stage func(ctx context.Context, now time.Time, es []*envelope) ([]*envelope, error)

// pass takes envelopes through all stages. stopped are those that were held or
// ended on the way.
func (n *Notify) pass(ctx context.Context, now time.Time, es []*envelope) (out, stopped []*envelope, err error) {
	for i, s := range n.stages {
		left, err := s(ctx, now, es)
		if err != nil {
			return nil, nil, fmt.Errorf("notify: stage %d: %w", i+1, err)
		}
		for _, e := range es {
			if e.stopped() && !e.busy {
				stopped = append(stopped, e)
			}
		}
		es = left
	}
	return es, stopped, nil
}

// each makes a stage of a judgement on single envelopes.
func each(es []*envelope, judge func(*envelope)) []*envelope {
	out := es[:0:0]
	for _, e := range es {
		if judge(e); !e.stopped() {
			out = append(out, e)
		}
	}
	return out
}

// expire ends what comes too late.
func (n *Notify) expire(_ context.Context, now time.Time, es []*envelope) ([]*envelope, error) {
	return each(es, func(e *envelope) {
		for _, d := range e.rows {
			if !d.deadline.After(now) {
				e.end, e.why = Expired, problemOr(d.Problem, "its time was over before it could be sent")
			}
		}
	}), nil
}

func problemOr(last, other string) string {
	if last != "" {
		return last
	}
	return other
}
