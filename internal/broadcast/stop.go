package broadcast

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"

	"dongyue/internal/web"
)

// Stop ends a broadcast at every loudspeaker; what it had displaced goes on. Stopping
// it again changes nothing.
func (b *Broadcasts) Stop(ctx context.Context, id, actor string) (Broadcast, error) {
	err := b.change(ctx, func(tx *sql.Tx, changed changes) error {
		bc, err := byID(ctx, tx, id)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound()
		}
		if err != nil || !bc.mayBeHeard() {
			return err
		}
		return b.stop(ctx, tx, &bc, actor, nil, whyStopped, time.Now(), changed)
	})
	if err != nil {
		return Broadcast{}, err
	}
	ctx = context.WithoutCancel(ctx)
	if err := b.give(ctx); err != nil {
		return Broadcast{}, err
	}
	return byID(ctx, b.db.Read(), id)
}

// replace ends a broadcast in favour of another: loudspeakers of both get the new one
// only, which takes the old one's place by itself. One that is less urgent would wait
// there for the end of the old one, so that is stopped.
func (b *Broadcasts) replace(ctx context.Context, tx *sql.Tx, id string, by *Broadcast, now time.Time, changed changes) error {
	old, err := byID(ctx, tx, id)
	if err != nil {
		return err
	}
	if !old.mayBeHeard() {
		return nil
	}
	follows := map[string]bool{}
	for i := range by.Nodes {
		follows[by.Nodes[i].Device] = by.Nodes[i].State == Queued && by.urgency() <= old.urgency()
	}
	return b.stop(ctx, tx, &old, by.Actor, follows, whyReplaced, now, changed)
}

// stop writes the end. Where it is heard the loudspeaker is told and says itself when
// it is silent, except for those that follow with something else.
func (b *Broadcasts) stop(ctx context.Context, tx *sql.Tx, bc *Broadcast, actor string, follows map[string]bool, why string, now time.Time, changed changes) error {
	if err := set(ctx, tx, bc.ID, `stopped_at = ?, stopped_by = ?`, now.UnixMilli(), actor); err != nil {
		return err
	}
	changed[bc.ID] = true
	for i := range bc.Nodes {
		n := &bc.Nodes[i]
		if n.State.over() {
			if n.lost() { // it may play on without its network
				n.tell = tellStop
				if err := saveNode(ctx, tx, bc.ID, n); err != nil {
					return err
				}
			}
			continue
		}
		told := !n.due.IsZero() // it has the order to play, or gets it this moment
		n.tell = ""
		switch {
		case follows[n.Device] || !told:
			n.State, n.Error, n.at, n.due = Overridden, why, now, time.Time{}
			b.silence(bc.ID, n.Device)
		default:
			n.tell = tellStop
			if n.State != Playing {
				n.State, n.Error, n.at, n.due = Overridden, why, now, time.Time{}
			}
		}
		if err := saveNode(ctx, tx, bc.ID, n); err != nil {
			return err
		}
		if err := arrange(ctx, tx, n.Device, now, changed); err != nil {
			return err
		}
	}
	return nil
}

func notFound() error {
	return web.Fail(http.StatusNotFound, "broadcast.not_found", "no such broadcast: GET /api/v1/broadcasts lists them")
}
