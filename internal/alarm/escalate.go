package alarm

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Escalated is a journal line: somebody was called because nobody had
// acknowledged.
const Escalated = "escalate"

// Notice is what people are told of an alarm that nobody has acknowledged.
type Notice struct {
	Key    string // the same however often it is asked for
	Alarm  *Alarm
	Policy string
	Step   int // of the policy, from 1
	Of     int
	Round  int // from 1
	To     []string
	At     time.Time // when the alarm called
}

// Called is who was reached by a notice.
type Called struct {
	Names []string
	// Fallback says that the rota had nobody, and these were taken instead.
	Fallback bool
}

// calls reports whether an alarm wants somebody who has not come yet.
func calls(al *Alarm) bool {
	return al != nil && al.ToldAt != nil && al.AckedAt == nil && al.ClosedAt == nil && !al.axes().hidden()
}

// ladder is who climbs: one for an incident and a policy.
type ladder struct{ incident, policy string }

// escalate follows the moves of alarms: a ladder begins when an alarm calls and
// none of its incident is on the way, and ends when it is acknowledged, closed or
// put aside. What comes back while nobody has acknowledged goes on where it was; what
// was put aside begins anew, for its old steps are all due at once by then.
func (a *Alarms) escalate(ctx context.Context, tx *sql.Tx, moves []move) error {
	began := map[ladder]move{}
	var order []ladder
	var ended []string
	var again []*Alarm
	for _, m := range moves {
		was, is := calls(m.before), calls(m.after)
		switch {
		case is && !was:
			p, ok := a.policyOf(m.after)
			if k := (ladder{m.after.Incident, p.Name}); ok && began[k].after == nil {
				began[k] = m
				order = append(order, k)
			}
		case was && !is:
			ended = append(ended, m.after.ID)
			m.after.Escalation = nil
		case is && m.what == Raise && m.after.LifeSafety:
			again = append(again, m.after)
		}
	}
	if err := a.endLadders(ctx, tx, ended); err != nil {
		return err
	}
	for _, al := range again {
		if err := a.climbAgain(ctx, tx, al); err != nil {
			return err
		}
	}
	for _, k := range order {
		if err := a.beginLadder(ctx, tx, k, began[k].after, began[k].base(a.now()), 0); err != nil {
			return err
		}
	}
	return nil
}

// base is the moment from which the steps of an alarm count that has begun to call: when
// it called, or when it was no longer put aside.
func (m move) base(now time.Time) time.Time {
	if m.before != nil && m.before.ToldAt != nil && m.before.ToldAt.Equal(*m.after.ToldAt) {
		return now
	}
	return *m.after.ToldAt
}

// climbAgain begins anew for what is about life safety and happens again when nobody
// has come and all steps were taken: SOS that is pressed a second time.
func (a *Alarms) climbAgain(ctx context.Context, tx *sql.Tx, al *Alarm) error {
	res, err := tx.ExecContext(ctx, "DELETE FROM alarm_escalation WHERE alarm = ? AND due_at IS NULL", al.ID)
	if err != nil {
		return fmt.Errorf("begin escalation of %s again: %w", al.ID, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	al.Escalation = nil // another of its incident may be on the way
	p, _ := a.policyOf(al)
	return a.beginLadder(ctx, tx, ladder{al.Incident, p.Name}, al, *al.ToldAt, 0)
}

// beginLadder puts an alarm on the first step from base on, or a later one, unless another
// of its incident climbs already. One that has come to its end without an answer does
// for all but life safety: a second smoke calls people again.
func (a *Alarms) beginLadder(ctx context.Context, tx *sql.Tx, k ladder, al *Alarm, base time.Time, step int) error {
	p, ok := a.policyOf(al)
	if !ok {
		return nil
	}
	var there int
	err := tx.QueryRowContext(ctx, "SELECT count(*) FROM alarm_escalation WHERE incident = ? AND policy = ? AND (due_at IS NOT NULL OR NOT ?) OR alarm = ?", k.incident, k.policy, al.LifeSafety, al.ID).Scan(&there)
	if err != nil || there > 0 {
		return err
	}
	al.Escalation = view(&p, base, step, nil)
	_, err = tx.ExecContext(ctx, "INSERT INTO alarm_escalation(alarm, incident, policy, base_at, step, due_at) VALUES (?, ?, ?, ?, ?, ?)",
		al.ID, k.incident, p.Name, base.UnixMilli(), step, millis(al.Escalation.NextAt))
	if err != nil {
		return fmt.Errorf("begin escalation of %s: %w", al.ID, err)
	}
	return nil
}

// view is an escalation as an alarm shows it.
func view(p *Policy, base time.Time, step int, to []string) *Escalation {
	e := &Escalation{Policy: p.Name, Step: step, To: append([]string{}, to...), Names: []string{}, NextTo: []string{}}
	if n := len(p.Steps); step > 0 {
		e.Step = (step-1)%n + 1
		e.Round = (step-1)/n + 1
	}
	if at, ok := p.due(base, step); ok {
		at = at.UTC()
		e.NextAt, e.NextTo = &at, p.Steps[step%len(p.Steps)].To
	}
	return e
}

// endLadders takes alarms off, and has it looked at who of their incidents goes on.
func (a *Alarms) endLadders(ctx context.Context, tx *sql.Tx, ids []string) error {
	for len(ids) > 0 {
		part := ids[:min(len(ids), perStatement)]
		ids = ids[len(part):]
		args := make([]any, 0, len(part)+1)
		args = append(args, a.now().UnixMilli())
		for _, id := range part {
			args = append(args, id)
		}
		query := "INSERT INTO alarm_escalation_look(incident, policy, at) SELECT incident, policy, ? FROM alarm_escalation WHERE alarm IN (" + marks(len(part)) + ") ON CONFLICT DO NOTHING" //nolint:gosec // only placeholders
		_, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("end escalations: %w", err)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM alarm_escalation WHERE alarm IN ("+marks(len(part))+")", args[1:]...); err != nil { //nolint:gosec // only placeholders
			return fmt.Errorf("end escalations: %w", err)
		}
	}
	return nil
}
