package broadcast

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"dongyue/internal/event"
)

// Handle takes what speakers report into the proof, in the transaction of the
// journal's follower: their replies to play commands, and their events about a
// message. The same events again change nothing.
func (b *Broadcasts) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	for i := range evs {
		e := &evs[i]
		if e.Kind != event.Speaker {
			continue
		}
		var err error
		switch e.Channel {
		case event.Reply:
			err = b.replied(ctx, tx, e)
		case event.Happening:
			err = b.happened(ctx, tx, e)
		case event.Presence, event.State, event.Telemetry, event.Command, event.Config, event.Quarantine:
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// answer is what a reply says of a node.
type answer struct {
	to  State
	why string
	at  time.Time
}

// maxEarly bounds the answers that came before their command was noted; more
// than there are loudspeakers can't wait honestly.
const maxEarly = 256

// replied takes the answer to a play command. It proves at most that the speaker
// has the message: what was heard, only its events say.
func (b *Broadcasts) replied(ctx context.Context, tx *sql.Tx, e *event.Event) error {
	var a struct {
		Status string `json:"status"`
		Error  string `json:"error"`
	}
	if json.Unmarshal(e.Data, &a) != nil {
		return nil //nolint:nilerr // journaled by an older hub
	}
	ans := answer{at: e.ReceivedAt}
	switch a.Status {
	case "accepted", "done":
		ans.to = Accepted
	case "failed", "expired":
		ans.to, ans.why = Failed, a.Error
		if ans.why == "" {
			ans.why = a.Status
		}
	default:
		return nil
	}
	b.keepEarly(e.ID, e.Device, ans) // before the look, so that one of the two finds the other
	var id string
	err := tx.QueryRowContext(ctx, `SELECT broadcast FROM broadcast_nodes WHERE command = ? AND device = ?`, e.ID, e.Device).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // another command, or one whose id is noted in a moment; given takes the answer then
	}
	if err != nil {
		return err
	}
	b.takeEarly(e.ID, e.Device)
	return b.move(ctx, tx, id, e.Device, ans.to, ans.why, ans.at)
}

// keepEarly keeps an answer for a moment. Most belong to other commands and are
// never asked for, so the old ones make room.
func (b *Broadcasts) keepEarly(command, device string, a answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.early) >= maxEarly {
		maps.DeleteFunc(b.early, func(_ string, old answer) bool { return a.at.Sub(old.at) > startWithin })
	}
	if len(b.early) < maxEarly {
		b.early[command+"/"+device] = a
	}
}

// takeEarly returns an answer that came before its command was noted.
func (b *Broadcasts) takeEarly(command, device string) (answer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := command + "/" + device
	a, ok := b.early[key]
	delete(b.early, key)
	return a, ok
}

// happened takes an event that names a message.
func (b *Broadcasts) happened(ctx context.Context, tx *sql.Tx, e *event.Event) error {
	var d struct {
		Message string `json:"message"`
		Code    string `json:"code"`
		Active  *bool  `json:"active"` // false: the fault is over
	}
	if json.Unmarshal(e.Data, &d) != nil || d.Message == "" {
		return nil //nolint:nilerr // about no message that the hub sent
	}
	to, why := State(""), ""
	switch e.Type {
	case "playing":
		to = Playing
	case "finished":
		to = Done
	case "overridden":
		to = Overridden
	case "fault":
		if d.Active != nil && !*d.Active {
			return nil
		}
		to, why = Failed, whyFault
		if d.Code != "" {
			why += ": " + d.Code
		}
	default:
		return nil
	}
	return b.move(ctx, tx, d.Message, e.Device, to, why, e.ReceivedAt)
}

// move brings a node forward and shows the broadcast; a step back or a node that
// is not there changes nothing.
func (b *Broadcasts) move(ctx context.Context, tx *sql.Tx, id, device string, to State, why string, at time.Time) error {
	bc, err := byID(ctx, tx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // played from elsewhere
	}
	if err != nil {
		return err
	}
	open := false
	changed := false
	for i := range bc.Nodes {
		n := &bc.Nodes[i]
		if n.Device == device && next(n.State, to) {
			n.State, n.Error, n.At, changed = to, why, ms(at), true
			if err := saveNode(ctx, tx, id, n, at); err != nil {
				return err
			}
		}
		open = open || !n.State.over()
	}
	if !changed {
		return nil
	}
	bc.count()
	if !open {
		if err := closeRow(ctx, tx, id); err != nil {
			return err
		}
	}
	return b.show(ctx, tx, &bc)
}

func (b *Broadcasts) show(ctx context.Context, tx *sql.Tx, bc *Broadcast) error {
	_, err := b.feed.Append(ctx, tx, "broadcast", bc)
	return err
}

// Run gives the commands that a crash left ungiven and fails the nodes that do
// not begin or end in time. It returns nil when ctx ends.
func (b *Broadcasts) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	first := true
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.wake:
		case <-timer.C:
		}
		rest, err := b.sweep(ctx, time.Now(), first)
		if err != nil && ctx.Err() == nil {
			b.log.ErrorContext(ctx, "broadcast: sweep", "err", err)
			rest = time.Second
		}
		first = first && err != nil
		timer.Reset(rest)
	}
}

// sweep looks at the open broadcasts and says when to look again.
func (b *Broadcasts) sweep(ctx context.Context, now time.Time, start bool) (time.Duration, error) {
	rest := time.Minute
	open, err := list(ctx, b.db.Read(), `WHERE open = 1 ORDER BY seq`)
	if err != nil {
		return 0, err
	}
	for i := range open {
		bc := &open[i]
		if start {
			if err := b.give(ctx, bc.ID); err != nil {
				return 0, err
			}
		}
		for j := range bc.Nodes {
			n := &bc.Nodes[j]
			due, why := bc.deadline, whyNoAnswer
			switch {
			case n.State.over():
				continue
			case n.State == Playing:
				due, why = bc.deadline.Add(endWithin), whyNoEnd
			}
			if due.After(now) {
				rest = min(rest, due.Sub(now)+time.Millisecond)
				continue
			}
			if err := b.fail(ctx, bc.ID, n, why); err != nil {
				return 0, err
			}
		}
	}
	return rest, nil
}

// fail ends a node that was silent, unless it spoke in between.
func (b *Broadcasts) fail(ctx context.Context, id string, n *NodeOf, why string) error {
	err := b.db.Tx(ctx, func(tx *sql.Tx) error {
		var now State
		err := tx.QueryRowContext(ctx, `SELECT state FROM broadcast_nodes WHERE broadcast = ? AND device = ?`, id, n.Device).Scan(&now)
		if err != nil || now != n.State {
			return err
		}
		return b.move(ctx, tx, id, n.Device, Failed, why, time.Now())
	})
	if err != nil {
		return err
	}
	return b.feed.Committed(ctx)
}
