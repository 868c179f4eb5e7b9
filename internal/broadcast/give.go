package broadcast

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// order is what one loudspeaker is to be told.
type order struct {
	bc      Broadcast // without nodes
	n       NodeOf
	play    PlayArgs
	rtp     string
	command string
	err     error
}

// give tells the loudspeakers what is decided and they have not been told. It may run
// again after a crash: the key of each order makes the second time do nothing.
func (b *Broadcasts) give(ctx context.Context) error {
	b.giving.Lock()
	defer b.giving.Unlock()
	all, err := b.untold(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	b.tell(ctx, all)
	return b.change(ctx, func(tx *sql.Tx, changed changes) error {
		for i := range all {
			if err := b.given(ctx, tx, &all[i], changed); err != nil {
				return err
			}
		}
		return nil
	})
}

// untold are the orders that wait, those that silence first.
func (b *Broadcasts) untold(ctx context.Context) ([]order, error) {
	rows, err := b.db.Read().QueryContext(ctx, `SELECT `+nodeColumns+`, broadcast FROM broadcast_nodes WHERE tell <> '' ORDER BY tell DESC, due`)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []order
	for rows.Next() {
		var o order
		if err := scanNode(rows, &o.n, &o.bc.ID); err != nil {
			return nil, fmt.Errorf("read orders: %w", err)
		}
		all = append(all, o)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	known := map[string]Broadcast{}
	for i := range all {
		id := all[i].bc.ID
		if _, ok := known[id]; !ok {
			hs, err := heads(ctx, b.db.Read(), `WHERE id = ?`, id)
			if err != nil || len(hs) != 1 {
				return nil, fmt.Errorf("read broadcast %s: %w", id, err)
			}
			known[id] = hs[0]
		}
		all[i].bc = known[id]
	}
	return all, nil
}

// tell gives the orders.
func (b *Broadcasts) tell(ctx context.Context, all []order) {
	var orders []Order
	var whose []*order
	for i := range all {
		o := &all[i]
		x := Order{
			Device: o.n.Device, Type: o.n.tell, TTL: startWithin, Actor: "broadcast", Ref: o.bc.ID,
			Key: fmt.Sprintf("broadcast/%s/%s/%s/%d", o.bc.ID, o.n.Device, o.n.tell, o.n.turn),
		}
		if o.n.tell == tellStop {
			b.silence(o.bc.ID, o.n.Device)
			x.Args = StopArgs{o.bc.ID}
		} else {
			if x.TTL = time.Until(o.n.due); x.TTL <= 0 {
				continue // Run says that it failed
			}
			node, _ := b.speakers.Get(ctx, o.n.Device)
			o.n.Path = b.way(&o.bc, o.n.Path, node)
			o.play = b.play(&o.bc, &o.n)
			o.rtp, x.Args = node.RTP, o.play
		}
		orders, whose = append(orders, x), append(whose, o)
	}
	for i, g := range b.command.Give(ctx, orders) {
		o := whose[i]
		o.command, o.err = g.Command, g.Err
		if o.n.tell == tellPlay {
			b.only(o.bc.ID, o.n.Device)
		}
		if o.err == nil && o.play.RTP != nil {
			b.transmit(&o.bc, &o.n, o.rtp, o.play.RTP)
		}
	}
}

// given notes an order. The speaker may have answered before, and its turn may have
// passed again.
func (b *Broadcasts) given(ctx context.Context, tx *sql.Tx, o *order, changed changes) error {
	now, err := one(ctx, tx, o.bc.ID, o.n.Device)
	if err != nil {
		return err
	}
	if now.tell != o.n.tell || now.turn != o.n.turn {
		return nil // decided otherwise meanwhile
	}
	now.tell, now.Path, now.told = "", o.n.Path, time.Now()
	if o.n.tell == tellPlay {
		now.command = o.command
	}
	changed[o.bc.ID] = true
	if err := saveNode(ctx, tx, o.bc.ID, &now); err != nil {
		return err
	}
	if o.err != nil && o.n.tell == tellPlay {
		b.log.WarnContext(ctx, "broadcast: speaker was not commanded", "device_id", o.n.Device, "broadcast_id", o.bc.ID, "err", o.err)
		return b.move(ctx, tx, o.bc.ID, o.n.Device, answer{to: Failed, why: whyRefused, at: time.Now()}, changed)
	}
	if a, ok := b.takeEarly(o.command, o.n.Device); ok {
		return b.move(ctx, tx, o.bc.ID, o.n.Device, a, changed)
	}
	return nil
}

// one reads one node.
func one(ctx context.Context, tx *sql.Tx, id, device string) (n NodeOf, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+nodeColumns+` FROM broadcast_nodes WHERE broadcast = ? AND device = ?`, id, device)
	if err != nil {
		return n, fmt.Errorf("read broadcast %s: %w", id, err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return n, sql.ErrNoRows
	}
	if err := scanNode(rows, &n); err != nil {
		return n, fmt.Errorf("read broadcast %s: %w", id, err)
	}
	return n, rows.Err()
}
