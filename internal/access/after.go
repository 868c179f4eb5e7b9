package access

import (
	"context"
	"database/sql"
	"fmt"

	"dongyue/internal/doorlist"
	"dongyue/internal/event"
)

// reportRevoked is the event of a door that tells of a card that was taken away and
// was shown while the door was alone.
const reportRevoked = "revoked_used"

// afterTheFact brings what a door did alone into what the rules remember. It is
// called once for each event, in the order in which the door tells them; nothing that
// is known of a later time is changed by it.
func (x *Access) afterTheFact(ctx context.Context, tx *sql.Tx, ev *event.Event, b badgeData, row *Badge, j judged) error {
	if r := j.verdict.Reason; r == LostStolen || r == Inactive {
		err := x.report(ctx, tx, reportRevoked+":"+ev.Device+":"+ev.ID, ev.Device, reportRevoked, map[string]any{
			"badge": row.ID, "event": ev.ID, "at": ev.At.UTC(), "granted": row.Decision == Granted, "reason": r, "credential": row.Credential,
			"type": row.Type, "last4": row.Last4, "side": row.Side,
		})
		if err != nil {
			return err
		}
	}
	if row.Decision != Granted || j.ask.who() == nil || j.ask.Door == nil {
		return nil
	}
	if b.Credential.Type == "qr" { // shown at another door in the same half minute it is a copy
		if c, err := doorlist.ParseCode(b.Credential.Value); err == nil {
			if _, err := takeCode(ctx, tx, c, ev.At); err != nil {
				return err
			}
		}
	}
	was, err := x.recall(ctx, tx, &j.ask)
	if err != nil {
		return err
	}
	x.mu.RLock()
	is := j.ask.happened(was)
	x.mu.RUnlock()
	if is.Used != was.Used {
		answered, err := x.answeredAlready(ctx, tx, row)
		if err != nil {
			return err
		}
		if answered {
			is.Used = was.Used
		}
	}
	if err := x.settleState(ctx, tx, &j.ask, was, is); err != nil {
		return err
	}
	return x.passed(ctx, tx, &j.ask)
}

// happened is the state after somebody was let in by the door itself, whatever the
// rules would have said.
func (a *Ask) happened(s State) State {
	next := s
	_, first := a.person()
	a.count(&next, first)
	a.enter(&next)
	next.Door.FreeEnd = max(next.Door.FreeEnd, s.Door.FreeEnd)
	next.Door.FirstDay = max(next.Door.FirstDay, s.Door.FirstDay)
	return next
}

// settleState keeps what a passage has changed, and tells the lists of doors of uses.
func (x *Access) settleState(ctx context.Context, tx *sql.Tx, a *Ask, was, is State) error {
	if is.Used != was.Used {
		x.pending.counted = append(x.pending.counted, a.Credential.Person.ID)
	}
	return x.keep(ctx, tx, a, was, is)
}

// answeredAlready reports whether the hub granted the same passage, too: its answer came
// when the door had already decided. Then the use is counted.
func (x *Access) answeredAlready(ctx context.Context, tx *sql.Tx, row *Badge) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT credential, decided_by, decision, at FROM access_badges WHERE door = ? ORDER BY id DESC LIMIT 50)
		WHERE credential = ? AND decided_by = ? AND decision = ? AND abs(at - ?) <= ?`,
		row.Door, row.Credential, ByHub, Granted, row.At.UnixMilli(), answerWithin.Milliseconds()).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("count use: %w", err)
	}
	return n > 0, nil
}
