package alarm

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Who goes on where a ladder has ended, or has left its incident.

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

// inTurn is how many alarms of an incident are looked at together.
const inTurn = 100

// goOn puts the next alarm of an incident on the ladder that another has left: the
// root, or the one that called first. The steps that are due by now were taken for
// the incident already.
func (b *batch) goOn(ctx context.Context, k ladder) error {
	for seen := 0; ; seen += inTurn {
		found, err := b.take(ctx, `incident = ? AND closed_at IS NULL AND acked_at IS NULL AND told_at IS NOT NULL
			ORDER BY id = (SELECT root FROM incident WHERE id = ?) DESC, told_at, id LIMIT ? OFFSET ?`, k.incident, k.incident, inTurn, seen)
		if err != nil {
			return err
		}
		for _, al := range found {
			if p, ok := b.a.policyOf(al); ok && p.Name == k.policy && calls(al) {
				return b.goOnWith(ctx, k, &p, al)
			}
		}
		if len(found) < inTurn {
			return nil
		}
	}
}

func (b *batch) goOnWith(ctx context.Context, k ladder, p *Policy, al *Alarm) error {
	before := *al
	if err := b.a.beginLadder(ctx, b.tx, k, al, *al.ToldAt, p.passed(*al.ToldAt, b.now)); err != nil {
		return err
	}
	if al.Escalation != nil {
		b.remarkQuietly(&before, al)
	}
	return nil
}

// mergeLadders lets the ladders of an incident go on in the one that it has become,
// and those that were about to.
func (b *batch) mergeLadders(ctx context.Context, from, to string) error {
	_, err := b.tx.ExecContext(ctx, "UPDATE alarm_escalation SET incident = ? WHERE incident = ?", to, from)
	if err == nil {
		_, err = b.tx.ExecContext(ctx, `INSERT INTO alarm_escalation_look(incident, policy, at)
			SELECT ?, policy, at FROM alarm_escalation_look WHERE incident = ? ON CONFLICT DO NOTHING`, to, from)
	}
	if err != nil {
		return fmt.Errorf("merge escalations of %s into %s: %w", from, to, err)
	}
	return nil
}

// moveLadder takes an alarm's ladder along into another incident, and has it looked
// at who goes on in the one that it leaves. Where another's ladder spoke for it there,
// it is looked at who speaks for it here.
func (b *batch) moveLadder(ctx context.Context, al *Alarm, to string) error {
	const look = "INSERT INTO alarm_escalation_look(incident, policy, at) "
	_, err := b.tx.ExecContext(ctx, look+"SELECT incident, policy, ? FROM alarm_escalation WHERE alarm = ? ON CONFLICT DO NOTHING", b.now.UnixMilli(), al.ID)
	if err == nil {
		_, err = b.tx.ExecContext(ctx, "UPDATE alarm_escalation SET incident = ? WHERE alarm = ?", to, al.ID)
	}
	if p, ok := b.a.policyOf(al); err == nil && ok && calls(al) {
		_, err = b.tx.ExecContext(ctx, look+"VALUES (?, ?, ?) ON CONFLICT DO NOTHING", to, p.Name, b.now.UnixMilli())
	}
	if err != nil {
		return fmt.Errorf("move escalation of %s to %s: %w", al.ID, to, err)
	}
	return nil
}
