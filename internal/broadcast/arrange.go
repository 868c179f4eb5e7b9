package broadcast

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// changes collects the broadcasts that a transaction has changed, so that each is shown
// once.
type changes map[string]bool

// candidate is a node with what the ladder goes by.
type candidate struct {
	NodeOf
	broadcast string
	claim     claim
	mic       string
}

// arrange judges all claims on a loudspeaker and writes what becomes of them: who is
// told to play, who is paused and where, who is out.
func arrange(ctx context.Context, tx *sql.Tx, device string, now time.Time, changed changes) error {
	all, err := candidates(ctx, tx, device)
	if err != nil {
		return err
	}
	claims := make([]claim, len(all))
	for i := range all {
		claims[i] = all[i].claim
	}
	for i, v := range judge(claims) {
		c := &all[i]
		switch v {
		case stay:
			continue
		case begin:
			c.begin(now)
		case pause:
			c.pause(now)
		case drop:
			c.State, c.at, c.tell, c.due, c.command = Overridden, now, "", time.Time{}, ""
		}
		if err := saveNode(ctx, tx, c.broadcast, &c.NodeOf); err != nil {
			return err
		}
		changed[c.broadcast] = true
	}
	return nil
}

// begin gives a node its turn.
func (n *NodeOf) begin(now time.Time) {
	n.State, n.at, n.Error, n.command, n.tell, n.due, n.told = Queued, now, "", "", tellPlay, now.Add(startWithin), time.Time{}
	n.turn++
}

// pause takes it away. How much was heard the speaker tells in a moment; until then the
// clock does.
func (c *candidate) pause(now time.Time) {
	if c.State == Playing && c.mic == "" {
		c.PositionMS += now.Sub(c.at).Milliseconds()
	}
	c.State, c.at, c.tell, c.due, c.command = Paused, now, "", time.Time{}, ""
}

// candidates are the claims on a loudspeaker.
func candidates(ctx context.Context, tx *sql.Tx, device string) ([]candidate, error) {
	const nodes = `n.device, n.state, n.at, n.error, n.command, n.position, n.turn, n.path, n.tell, n.told, n.due, n.began, n.level_db` // as nodeColumns
	rows, err := tx.QueryContext(ctx, `
		SELECT `+nodes+`, b.id, b.priority, b.live, b.seq, b.interrupted, b.mode
		FROM broadcast_nodes n JOIN broadcasts b ON b.id = n.broadcast
		WHERE n.device = ? AND n.state IN ('queued', 'accepted', 'buffered', 'playing', 'paused') AND b.stopped_at = 0
		ORDER BY b.seq`, device)
	if err != nil {
		return nil, fmt.Errorf("read claims on %s: %w", device, err)
	}
	defer func() { _ = rows.Close() }()
	var all []candidate
	for rows.Next() {
		var c candidate
		var interrupted, mode string
		if err := scanNode(rows, &c.NodeOf, &c.broadcast, &c.claim.rank, &c.mic, &c.claim.seq, &interrupted, &mode); err != nil {
			return nil, fmt.Errorf("read claims on %s: %w", device, err)
		}
		c.claim.live, c.claim.resume, c.claim.drill = c.mic != "", interrupted == Resume, mode == Exercise
		c.claim.turn = c.State != Paused && !c.due.IsZero()
		all = append(all, c)
	}
	return all, rows.Err()
}

// show tells of all broadcasts that changed, and closes those that have ended.
func (b *Broadcasts) show(ctx context.Context, tx *sql.Tx, changed changes) error {
	for id := range changed {
		bc, err := byID(ctx, tx, id)
		if err != nil {
			return fmt.Errorf("show broadcast %s: %w", id, err)
		}
		if open := !bc.ended(); open != bc.Open {
			bc.Open = open
			if err := set(ctx, tx, id, `open = ?`, open); err != nil {
				return err
			}
		}
		if _, err := b.feed.Append(ctx, tx, "broadcast", &bc); err != nil {
			return err
		}
	}
	return nil
}

// change runs f in a transaction, shows what it changed and wakes those who wait.
func (b *Broadcasts) change(ctx context.Context, f func(tx *sql.Tx, changed changes) error) error {
	changed := changes{}
	err := b.db.Tx(ctx, func(tx *sql.Tx) error {
		clear(changed)
		if err := f(tx, changed); err != nil {
			return err
		}
		return b.show(ctx, tx, changed)
	})
	if err != nil || len(changed) == 0 {
		return err
	}
	b.nudge()
	return b.feed.Committed(ctx)
}

func (b *Broadcasts) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Committed tells that a transaction in which Handle ran has been committed. Most have
// nothing of loudspeakers in them.
func (b *Broadcasts) Committed() {
	if b.moved.Swap(false) {
		b.nudge()
	}
}
