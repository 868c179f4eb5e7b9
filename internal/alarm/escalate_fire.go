package alarm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
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
	p, ok := all[r.policy]
	if !ok || !calls(al) {
		return b.off(ctx, r.alarm)
	}
	led, err := b.older(ctx, al, r)
	if err != nil {
		return err
	}
	if led { // incidents have merged: the older ladder speaks for both
		before := *al
		al.Escalation = nil
		b.remarkQuietly(&before, al)
		return b.off(ctx, r.alarm)
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
	_, err = b.tx.ExecContext(ctx, "UPDATE alarm_escalation SET alarm = ?, incident = ?, step = ?, due_at = ? WHERE alarm = ?",
		al.ID, al.Incident, r.step, millis(al.Escalation.NextAt), r.alarm)
	return err
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
// before.
func (b *batch) older(ctx context.Context, al *Alarm, r rung) (bool, error) {
	var n int
	err := b.tx.QueryRowContext(ctx, `SELECT count(*) FROM alarm_escalation e JOIN alarm a ON a.id = e.alarm
		WHERE a.incident = ? AND e.policy = ? AND e.alarm <> ? AND (e.base_at < ? OR e.base_at = ? AND e.alarm < ?)`,
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
	b.pending = append(b.pending, move{before, al, Escalated, b.now})
	b.waits[al] = true
	b.mark(al)
}

func (b *batch) off(ctx context.Context, alarm string) error {
	_, err := b.tx.ExecContext(ctx, "DELETE FROM alarm_escalation WHERE alarm = ?", alarm)
	return err
}

// lookTimer finds who goes on where a ladder has ended.
func (a *Alarms) lookTimer() timer {
	return timer{
		name: "escalation goes on",
		next: func(ctx context.Context) (time.Time, error) {
			return earliest(ctx, a.o.DB.Read(), "SELECT min(at) FROM alarm_escalation_look")
		},
		fire: func(ctx context.Context, tx *sql.Tx, _ time.Time) error {
			looks, err := takeLooks(ctx, tx)
			if err != nil {
				return err
			}
			b := a.batch(tx, actor{hub, hub})
			for _, k := range looks {
				if err := b.goOn(ctx, k); err != nil {
					return fmt.Errorf("escalation of incident %s: %w", k.incident, err)
				}
			}
			_, err = b.flush(ctx)
			return err
		},
	}
}

func takeLooks(ctx context.Context, tx *sql.Tx) ([]ladder, error) {
	rows, err := tx.QueryContext(ctx, "DELETE FROM alarm_escalation_look RETURNING incident, policy")
	if err != nil {
		return nil, fmt.Errorf("read ended escalations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []ladder
	for rows.Next() {
		var k ladder
		if err := rows.Scan(&k.incident, &k.policy); err != nil {
			return nil, fmt.Errorf("read ended escalations: %w", err)
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(x, y ladder) int { return strings.Compare(x.incident+" "+x.policy, y.incident+" "+y.policy) })
	return out, rows.Err()
}

// goOn puts the next alarm of an incident on the ladder that another has left: the
// root, or the one that called first. The steps that are due by now were taken for
// the incident already.
func (b *batch) goOn(ctx context.Context, k ladder) error {
	found, err := b.take(ctx, `incident = ? AND closed_at IS NULL AND acked_at IS NULL AND told_at IS NOT NULL
		ORDER BY id = (SELECT root FROM incident WHERE id = ?) DESC, told_at, id LIMIT 100`, k.incident, k.incident)
	if err != nil {
		return err
	}
	for _, al := range found {
		p, ok := b.a.policyOf(al)
		if !ok || p.Name != k.policy || !calls(al) {
			continue
		}
		before := *al
		if err := b.a.beginLadder(ctx, b.tx, k, al, *al.ToldAt, p.passed(*al.ToldAt, b.now)); err != nil {
			return err
		}
		if al.Escalation != nil {
			b.remarkQuietly(&before, al)
		}
		return nil
	}
	return nil
}
