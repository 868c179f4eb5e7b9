package broadcast

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"dongyue/internal/web"

	"github.com/google/uuid"
)

// Send stores a broadcast with a node for each loudspeaker of its zones and
// gives the commands. Speakers that are not connected fail at once: a message
// that is played later may be wrong by then. Errors that the caller caused are
// *web.Problem.
func (b *Broadcasts) Send(ctx context.Context, q Request) (Broadcast, error) {
	if err := q.check(); err != nil {
		return Broadcast{}, err
	}
	bc, err := b.plan(ctx, q)
	if err != nil {
		return Broadcast{}, err
	}
	again := false
	err = b.db.Tx(ctx, func(tx *sql.Tx) error {
		old, err := byKey(ctx, tx, q.Actor, q.Key)
		if err == nil {
			if !same(&old, &bc) {
				return web.Fail(http.StatusConflict, "broadcast.key_reused", "the idempotency key belongs to another broadcast: use a new key for a new one")
			}
			bc, again = old, true
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := insert(ctx, tx, &bc, q.Key); err != nil {
			return err
		}
		return b.show(ctx, tx, &bc)
	})
	if err != nil || again {
		return bc, err
	}
	if err := b.feed.Committed(ctx); err != nil {
		return bc, err
	}
	b.nudge()
	// What is stored goes out, even if who asked for it has gone.
	ctx = context.WithoutCancel(ctx)
	if err := b.give(ctx, bc.ID); err != nil {
		return bc, err
	}
	return byID(ctx, b.db.Read(), bc.ID)
}

func (q *Request) check() error {
	q.Text = strings.TrimSpace(q.Text)
	if q.Priority == 0 {
		q.Priority = defaultPriority
	}
	if q.Repeat == 0 {
		q.Repeat = 1
	}
	if q.Mode == "" {
		q.Mode = Actual
	}
	bad := func(what string) error {
		return web.Fail(http.StatusUnprocessableEntity, "broadcast.invalid", what)
	}
	switch {
	case len(q.Zones) == 0 || len(q.Zones) > 100:
		return bad("zones: name 1 to 100 zones, \"\" for the whole community")
	case q.Text == "" && q.URL == "":
		return bad("text: give a text or a url to play")
	case len(q.Text) > maxText:
		return bad(fmt.Sprintf("text: at most %d bytes; shorten it", maxText))
	case len(q.URL) > 2048:
		return bad("url: at most 2048 bytes")
	case q.Priority < 1 || q.Priority > lowestPriority:
		return bad("priority: 1 (fire) to 6 (music)")
	case q.Mode != Actual && q.Mode != Exercise:
		return bad("mode: actual or exercise")
	case q.Mode == Exercise && q.Text == "":
		return bad("text: an exercise needs a text, because it opens with the words that say so")
	case q.Repeat < 1 || q.Repeat > maxRepeat:
		return bad("repeat: 1 to 100")
	case q.VolumePct != nil && (*q.VolumePct < 0 || *q.VolumePct > 100):
		return bad("volume_pct: 0 to 100")
	case len(q.Key) > 200:
		return bad("idempotency key: at most 200 bytes")
	}
	return nil
}

// plan makes the broadcast and its nodes; a speaker in two of the zones plays
// once.
func (b *Broadcasts) plan(ctx context.Context, q Request) (Broadcast, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Broadcast{}, fmt.Errorf("broadcast id: %w", err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	bc := Broadcast{
		ID: id.String(), Zones: slices.Clone(q.Zones), Text: q.Text, URL: q.URL, Priority: q.Priority, Mode: q.Mode, Repeat: q.Repeat,
		VolumePct: q.VolumePct, Actor: q.Actor, Ref: q.Ref, At: ms(now), Nodes: []NodeOf{}, deadline: now.Add(startWithin),
	}
	seen := map[string]bool{}
	for _, zone := range q.Zones {
		for _, n := range b.speakers.In(ctx, zone) {
			if seen[n.ID] {
				continue
			}
			seen[n.ID] = true
			node := NodeOf{Device: n.ID, State: Queued, At: bc.At}
			if !n.Online {
				node.State, node.Error = Failed, whyOffline
			}
			bc.Nodes = append(bc.Nodes, node)
		}
	}
	if len(bc.Nodes) == 0 {
		return Broadcast{}, web.Fail(http.StatusUnprocessableEntity, "broadcast.no_speakers",
			"no loudspeaker stands in "+strings.Join(q.Zones, ", ")+": choose a zone that has some")
	}
	slices.SortFunc(bc.Nodes, func(a, b NodeOf) int { return strings.Compare(a.Device, b.Device) })
	bc.count()
	return bc, nil
}

func same(a, b *Broadcast) bool {
	return slices.Equal(a.Zones, b.Zones) && a.Text == b.Text && a.URL == b.URL && a.Priority == b.Priority && a.Mode == b.Mode && a.Repeat == b.Repeat
}

// give commands the nodes that still wait for it. It may run twice: the key of
// each command makes the second time do nothing.
func (b *Broadcasts) give(ctx context.Context, id string) error {
	bc, err := byID(ctx, b.db.Read(), id)
	if err != nil {
		return err
	}
	left := time.Until(bc.deadline)
	if left <= 0 {
		return nil // Run says that they failed
	}
	for i := range bc.Nodes {
		n := &bc.Nodes[i]
		if n.State != Queued || n.command != "" {
			continue
		}
		command, err := b.command.Play(ctx, Play{
			Device: n.Device,
			Args: PlayArgs{
				Message: bc.ID, URL: bc.URL, Text: bc.spoken(), Priority: bc.Priority, Repeat: bc.Repeat, VolumePct: bc.VolumePct,
			},
			TTL: left, Key: "broadcast/" + bc.ID + "/" + n.Device, Actor: "broadcast", Ref: bc.ID,
		})
		to, why := Queued, ""
		if err != nil {
			b.log.WarnContext(ctx, "broadcast: speaker was not commanded", "device_id", n.Device, "broadcast_id", bc.ID, "err", err)
			to, why = Failed, whyRefused
		}
		if err := b.given(ctx, bc.ID, n.Device, command, to, why); err != nil {
			return err
		}
	}
	return nil
}

// given notes a node's command. The speaker may have answered before.
func (b *Broadcasts) given(ctx context.Context, id, device, command string, to State, why string) error {
	err := b.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE broadcast_nodes SET command = ? WHERE broadcast = ? AND device = ?`, command, id, device)
		if err != nil {
			return fmt.Errorf("broadcast %s: %w", id, err)
		}
		if to != Queued {
			return b.move(ctx, tx, id, device, to, why, time.Now())
		}
		if a, ok := b.takeEarly(command, device); ok {
			return b.move(ctx, tx, id, device, a.to, a.why, a.at)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return b.feed.Committed(ctx)
}

func (b *Broadcasts) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
