package notify

import (
	"context"
	"fmt"
	"time"
)

// pace keeps a channel's letters in any minute below what its receiver takes:
// group robots fall silent for ten minutes beyond 20. A fifth is left to life
// safety. What is over waits for its place; letters about life safety and those
// of higher priority come first in the round, so they take the places first.
func (n *Notify) pace(_ context.Context, now time.Time, es []*envelope) ([]*envelope, error) {
	return each(es, func(e *envelope) { e.lane.admit(now, e) }), nil
}

// admit gives an envelope a place among those that leave now, or holds it.
func (l *lane) admit(now time.Time, e *envelope) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.resting.After(now) {
		e.holdUntil(l.resting, "the receiver wants fewer letters")
		return
	}
	for len(l.recent) > 0 && !l.recent[0].After(now.Add(-time.Minute)) {
		l.recent = l.recent[1:]
	}
	most, places := l.PerMinute, atOnce
	if !e.lifeSafety() {
		most, places = most-l.reserve(), atOnce-1
	}
	if over := len(l.recent) - most; l.PerMinute > 0 && over >= 0 {
		e.holdUntil(l.recent[over].Add(time.Minute), "the channel takes no more letters this minute")
		return
	}
	if l.busy >= places {
		e.busy = true
		return
	}
	l.busy++
	if l.PerMinute > 0 {
		l.recent = append(l.recent, now)
	}
}

// reserve is how many letters of a minute are left to life safety: a fifth, and one
// where there are two.
func (l *lane) reserve() int { return max(l.PerMinute/5, min(l.PerMinute-1, 1)) }

// recent is when a channel's letters of the last minute left: a restart gives no
// right to more.
func (n *Notify) recent(ctx context.Context, channel string) ([]time.Time, error) {
	rows, err := n.o.DB.Read().QueryContext(ctx, `SELECT min(started_at) FROM notify_delivery WHERE channel = ? AND started_at > ? GROUP BY letter ORDER BY 1`,
		channel, n.now().Add(-time.Minute).UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("notify: pace of %s: %w", channel, err)
	}
	defer func() { _ = rows.Close() }()
	var out []time.Time
	for rows.Next() {
		var ms int64
		if err := rows.Scan(&ms); err != nil {
			return nil, fmt.Errorf("notify: pace of %s: %w", channel, err)
		}
		out = append(out, time.UnixMilli(ms).UTC())
	}
	return out, rows.Err()
}
