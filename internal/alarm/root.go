package alarm

import (
	"context"
	"fmt"
)

// weigh makes the alarm the incident's root when it is the better one.
func (b *batch) weigh(inc *Incident, al *Alarm) {
	r := rankOf(al)
	switch {
	case inc.Root == al.ID:
		inc.lost = inc.lost || r.compare(inc.rank) > 0
		inc.rank = r
	case inc.Root == "" || r.compare(inc.rank) < 0:
		inc.lead(al)
	}
}

// reroot finds the root anew where the one before is closed, gone or no longer
// the best: among the open alarms that are stored and those in hand, of which
// memory knows better.
func (b *batch) reroot(ctx context.Context, inc *Incident) error {
	if !inc.lost || inc.tally.Open == 0 {
		return nil
	}
	inc.lost = false
	best, err := b.bestStored(ctx, inc)
	if err != nil {
		return fmt.Errorf("find root of incident %s: %w", inc.ID, err)
	}
	for _, al := range b.alarms {
		if al.Incident == inc.ID && al.ClosedAt == nil && (best == nil || rankOf(al).compare(rankOf(best)) < 0) {
			best = al
		}
	}
	if best != nil {
		inc.lead(best)
	}
	return nil
}

func (b *batch) bestStored(ctx context.Context, inc *Incident) (*Alarm, error) {
	rows, err := b.tx.QueryContext(ctx, "SELECT "+columns+` FROM alarm WHERE incident = ? AND closed_at IS NULL
		ORDER BY CASE WHEN leads = 0 THEN 2 ELSE led END, prio_rank, raised_at, id`, inc.ID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		al, err := scan(rows)
		if err != nil {
			return nil, err
		}
		if b.alarms[al.ID] == nil {
			return &al, nil
		}
	}
	return nil, rows.Err()
}
