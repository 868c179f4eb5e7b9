package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// rung is where an alarm stands on its ladder.
type rung struct {
	alarm, incident, policy string
	base                    time.Time
	step                    int
}

// escalationTimer takes the steps that are due.
func (a *Alarms) escalationTimer() timer {
	return timer{
		name: "escalation",
		next: func(ctx context.Context) (time.Time, error) {
			return earliest(ctx, a.o.DB.Read(), "SELECT min(due_at) FROM alarm_escalation WHERE due_at IS NOT NULL")
		},
		fire: func(ctx context.Context, tx *sql.Tx, now time.Time) error {
			due, err := rungs(ctx, tx, "due_at <= ? ORDER BY due_at, alarm LIMIT ?", now.UnixMilli(), atATime)
			if err != nil {
				return err
			}
			b := a.batch(tx, actor{hub, hub})
			for _, r := range due {
				if err := b.climb(ctx, r); err != nil {
					return fmt.Errorf("escalation of %s: %w", r.alarm, err)
				}
			}
			_, err = b.flush(ctx)
			return err
		},
	}
}

func rungs(ctx context.Context, q querier, where string, args ...any) ([]rung, error) {
	rows, err := q.QueryContext(ctx, "SELECT alarm, incident, policy, base_at, step FROM alarm_escalation WHERE "+where, args...) //nolint:gosec // where is ours
	if err != nil {
		return nil, fmt.Errorf("read escalations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []rung
	for rows.Next() {
		var r rung
		var base int64
		if err := rows.Scan(&r.alarm, &r.incident, &r.policy, &base, &r.step); err != nil {
			return nil, fmt.Errorf("read escalations: %w", err)
		}
		r.base = time.UnixMilli(base).UTC()
		out = append(out, r)
	}
	return out, rows.Err()
}

// climb takes all steps of one ladder that are due: what fell due while the hub
// was down is taken now, once, and what follows keeps its time.
func (b *batch) climb(ctx context.Context, r rung) error {
	al, err := b.byID(ctx, r.alarm)
	if errors.Is(err, sql.ErrNoRows) {
		return b.off(ctx, r.alarm)
	}
	if err != nil {
		return err
	}
	all := *b.a.policies.Load()
	p := all[r.policy]
	if len(p.Steps) == 0 || !calls(al) {
		return b.stepDown(ctx, al)
	}
	led, err := b.older(ctx, al, r)
	if err != nil {
		return err
	}
	if led { // incidents have merged: the older ladder speaks for both
		return b.stepDown(ctx, al)
	}
	if al, err = b.onRoot(ctx, al, r); err != nil {
		return err
	}
	for {
		at, ok := p.due(r.base, r.step)
		if !ok || at.After(b.now) {
			break
		}
		if err := b.call(ctx, al, &p, r); err != nil {
			return err
		}
		r.step++
	}
	b.reschedule(al, &p, r)
	_, err = b.tx.ExecContext(ctx, "UPDATE alarm_escalation SET alarm = ?, incident = ?, step = ?, due_at = ? WHERE alarm = ?",
		al.ID, al.Incident, r.step, millis(al.Escalation.NextAt), r.alarm)
	return err
}

// reschedule shows what comes next where that is not what was due: the policy has been
// changed since.
func (b *batch) reschedule(al *Alarm, p *Policy, r rung) {
	var was Escalation
	if al.Escalation != nil {
		was = *al.Escalation
	}
	e := view(p, r.base, r.step, was.To)
	if al.Escalation != nil && e.NextAt == nil && was.NextAt == nil || e.NextAt != nil && was.NextAt != nil && e.NextAt.Equal(*was.NextAt) {
		return
	}
	before := *al
	e.Names = append(e.Names, was.Names...)
	al.Escalation = e
	b.remarkQuietly(&before, al)
}

// call tells those of one step.
func (b *batch) call(ctx context.Context, al *Alarm, p *Policy, r rung) error {
	n := len(p.Steps)
	s := p.Steps[r.step%n]
	notice := Notice{
		Key:   fmt.Sprintf("alarm/%s/%d/%d", r.alarm, r.base.UnixMilli(), r.step+1),
		Alarm: al, Policy: p.Name, Step: r.step%n + 1, Of: n, Round: r.step/n + 1, To: s.To, At: r.base,
	}
	var who Called
	if b.a.o.Call != nil {
		var err error
		if who, err = b.a.o.Call(ctx, b.tx, notice); err != nil {
			return err
		}
	}
	before := *al
	al.Escalation = view(p, r.base, r.step+1, s.To)
	al.Escalation.Names = append(al.Escalation.Names, who.Names...)
	text := fmt.Sprintf("%s %d/%d: %s: %s", p.Name, notice.Step, n, strings.Join(s.To, ", "), strings.Join(who.Names, ", "))
	if who.Fallback {
		text += "; fallback"
	}
	b.remarkFrom(&before, al, Escalated, text)
	return nil
}

// older reports whether another ladder of the same incident and policy began
// before and is still under way.
func (b *batch) older(ctx context.Context, al *Alarm, r rung) (bool, error) {
	var n int
	err := b.tx.QueryRowContext(ctx, `SELECT count(*) FROM alarm_escalation e JOIN alarm a ON a.id = e.alarm
		WHERE a.incident = ? AND e.policy = ? AND e.alarm <> ? AND e.due_at IS NOT NULL AND (e.base_at < ? OR e.base_at = ? AND e.alarm < ?)`,
		al.Incident, r.policy, r.alarm, r.base.UnixMilli(), r.base.UnixMilli(), r.alarm).Scan(&n)
	return n > 0, err
}

// onRoot moves the ladder to the incident's root, where an operator looks, if that
// one calls under the same policy and has no ladder of its own.
func (b *batch) onRoot(ctx context.Context, al *Alarm, r rung) (*Alarm, error) {
	inc, err := b.incident(ctx, al.Incident)
	if err != nil || inc.Root == al.ID {
		return al, err
	}
	root, err := b.byID(ctx, inc.Root)
	if err != nil {
		return nil, err
	}
	if p, ok := b.a.policyOf(root); !ok || p.Name != r.policy || !calls(root) {
		return al, nil
	}
	own, err := rungs(ctx, b.tx, "alarm = ?", root.ID)
	if err != nil || len(own) > 0 {
		return al, err
	}
	before, rootBefore := *al, *root
	root.Escalation, al.Escalation = al.Escalation, nil
	b.remarkQuietly(&before, al)
	b.remarkQuietly(&rootBefore, root)
	return root, nil
}

// remarkQuietly tells a change of the escalation without a line in the journal.
func (b *batch) remarkQuietly(before, al *Alarm) {
	b.pending = append(b.pending, move{before: before, after: al, what: Escalated, at: b.now})
	b.waits[al] = true
	b.mark(al)
}

// stepDown takes an alarm off its ladder.
func (b *batch) stepDown(ctx context.Context, al *Alarm) error {
	if al.Escalation != nil {
		before := *al
		al.Escalation = nil
		b.remarkQuietly(&before, al)
	}
	return b.off(ctx, al.ID)
}

func (b *batch) off(ctx context.Context, alarm string) error {
	_, err := b.tx.ExecContext(ctx, "DELETE FROM alarm_escalation WHERE alarm = ?", alarm)
	return err
}
