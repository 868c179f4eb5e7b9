package broadcast

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"dongyue/internal/web"

	"github.com/google/uuid"
)

// Send stores a broadcast with a node for each loudspeaker that is meant and gives the
// orders that follow from it. Speakers that are not connected fail at once: a message
// that is played later may be wrong by then. Errors that the caller caused are
// *web.Problem.
func (b *Broadcasts) Send(ctx context.Context, q Request) (Broadcast, error) {
	if err := b.check(&q); err != nil {
		return Broadcast{}, err
	}
	bc, err := b.plan(ctx, q)
	if err != nil {
		return Broadcast{}, err
	}
	if old, err := byKey(ctx, b.db.Read(), q.Actor, q.Key); err != nil || !same(&old, &bc) {
		if err := b.prepare(ctx, &bc); err != nil {
			return Broadcast{}, err
		}
	}
	again := false
	err = b.change(ctx, func(tx *sql.Tx, changed changes) error {
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
		return b.enter(ctx, tx, &bc, q, changed)
	})
	if err != nil || again {
		return bc, err
	}
	// What is stored goes out, even if who asked for it has gone.
	ctx = context.WithoutCancel(ctx)
	if err := b.give(ctx); err != nil {
		return bc, err
	}
	return byID(ctx, b.db.Read(), bc.ID)
}

// enter stores a broadcast and finds its place at each loudspeaker.
func (b *Broadcasts) enter(ctx context.Context, tx *sql.Tx, bc *Broadcast, q Request, changed changes) error {
	if err := insert(ctx, tx, bc, q.Key); err != nil {
		return err
	}
	changed[bc.ID] = true
	now := time.Now()
	if q.Replaces != "" {
		if err := b.replace(ctx, tx, q.Replaces, bc, now, changed); err != nil {
			return err
		}
	}
	for i := range bc.Nodes {
		if bc.Nodes[i].State != Queued {
			continue
		}
		if err := arrange(ctx, tx, bc.Nodes[i].Device, now, changed); err != nil {
			return err
		}
	}
	return nil
}

// plan makes the broadcast and its nodes; a speaker in two of the zones plays
// once.
func (b *Broadcasts) plan(ctx context.Context, q Request) (Broadcast, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Broadcast{}, err
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	bc := Broadcast{
		ID: id.String(), Zones: slices.Clone(q.Zones), Text: q.Text, URL: q.URL, Recording: q.Recording, mic: q.Live, Live: q.Live != "", TwoWay: q.TwoWay, siren: q.Siren,
		Priority: q.Priority, Mode: q.Mode, Repeat: q.Repeat, VolumePct: q.VolumePct, Interrupted: q.Interrupted, AtNight: q.AtNight,
		Actor: q.Actor, Ref: q.Ref, At: ms(now), Nodes: []NodeOf{}, deadline: now.Add(startWithin), until: now.Add(patience(q.Priority)),
	}
	if bc.Zones == nil {
		bc.Zones = []string{}
	}
	seen := map[string]bool{}
	add := func(list []Node) {
		for _, n := range list {
			if seen[n.ID] {
				continue
			}
			seen[n.ID] = true
			node := NodeOf{Device: n.ID, State: Queued, At: bc.At, at: now}
			switch {
			case b.muted(q.Priority, q.AtNight, now):
				node.State, node.Error = Failed, whyNight
			case !n.Online:
				node.State, node.Error = Failed, whyOffline
			}
			bc.Nodes = append(bc.Nodes, node)
		}
	}
	if q.Speaker != "" {
		n, ok := b.speakers.Get(ctx, q.Speaker)
		switch {
		case !ok:
			return Broadcast{}, web.Fail(http.StatusUnprocessableEntity, "broadcast.no_speakers", "there is no loudspeaker "+q.Speaker)
		case q.TwoWay && !n.Mic:
			return Broadcast{}, web.Fail(http.StatusUnprocessableEntity, "broadcast.deaf", "the loudspeaker "+q.Speaker+" has no microphone: speak to it without two_way")
		}
	}
	add(b.meant(ctx, &q))
	if len(bc.Nodes) == 0 {
		where := strings.Join(q.Zones, ", ")
		if len(q.Polygon) > 0 {
			where = strings.TrimPrefix(where+", the polygon", ", ")
		}
		return Broadcast{}, web.Fail(http.StatusUnprocessableEntity, "broadcast.no_speakers",
			"no loudspeaker stands in "+where+": choose a zone that has some")
	}
	slices.SortFunc(bc.Nodes, func(a, b NodeOf) int { return strings.Compare(a.Device, b.Device) })
	bc.count()
	return bc, nil
}

// meant are the loudspeakers that a request names; one in two of its zones is there twice.
func (b *Broadcasts) meant(ctx context.Context, q *Request) (all []Node) {
	if n, ok := b.speakers.Get(ctx, q.Speaker); ok && q.Speaker != "" {
		all = append(all, n)
	}
	for _, zone := range q.Zones {
		all = append(all, b.speakers.In(ctx, zone)...)
	}
	if len(q.Polygon) > 0 {
		all = append(all, b.speakers.Within(ctx, q.Polygon)...)
	}
	return all
}

// patience is how long a message may wait for its turn; what is heard later is news no
// more.
func patience(rank int) time.Duration {
	switch rank {
	case Fire, Official, LifeSafety:
		return 30 * time.Minute
	case Operator:
		return 10 * time.Minute
	case Notice:
		return 30 * time.Minute
	}
	return 4 * time.Hour
}

func same(a, b *Broadcast) bool {
	return slices.Equal(a.Zones, b.Zones) && a.Text == b.Text && a.URL == b.URL && a.Recording == b.Recording && a.mic == b.mic && a.TwoWay == b.TwoWay &&
		a.Priority == b.Priority && a.Mode == b.Mode && a.Repeat == b.Repeat
}
