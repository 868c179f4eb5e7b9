package notify

import (
	"context"
	"fmt"
	"time"
)

// toldWithin is how long a person need not be told the same of the same alarm.
const toldWithin = 5 * time.Minute

// dedupe ends what the person was told a moment ago by the same channel: an alarm
// that comes and goes says the same each time. Life safety is told each time.
func (n *Notify) dedupe(ctx context.Context, now time.Time, es []*envelope) ([]*envelope, error) {
	var failure error
	out := each(es, func(e *envelope) {
		if e.lifeSafety() || e.again() || failure != nil || e.rows[0].Alarm == "" {
			return
		}
		told, err := n.told(ctx, &e.rows[0], now.Add(-toldWithin))
		if err != nil {
			failure = err
		} else if told {
			e.end, e.why = Duplicate, "told a moment ago"
		}
	})
	return out, failure
}

func (n *Notify) told(ctx context.Context, d *Delivery, since time.Time) (bool, error) {
	var times int
	err := n.o.DB.Read().QueryRowContext(ctx, `SELECT count(*) FROM notify_message m JOIN notify_delivery d ON d.message = m.id
		WHERE m.alarm = ? AND m.subject_zh = ? AND m.subject_en = ? AND d.account = ? AND d.channel = ? AND d.address = ?
		AND d.state = ? AND d.ended_at > ?`,
		d.Alarm, d.Subject.ZH, d.Subject.EN, d.Account, d.Channel, d.Address, Sent, since.UnixMilli()).Scan(&times)
	if err != nil {
		return false, fmt.Errorf("look for what was told: %w", err)
	}
	return times > 0, nil
}
