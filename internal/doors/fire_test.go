package doors

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// block is a registry of one building, whose doors are told nothing.
type block struct{}

func (block) Doors(context.Context) []Door {
	return []Door{{ID: "u1", Zone: "west/b08/u1", Online: true}, {ID: "u2", Zone: "west/b08/u2", Online: true}, {ID: "far", Zone: "east/b01/u1", Online: true}}
}
func (block) Scope(string, string) []string { return []string{"west/b08"} }
func (block) Known(string) bool             { return true }

func (block) Command(context.Context, string, string, any, time.Duration, string, string, string) (string, error) {
	return "c", nil
}
func (block) Find(context.Context, string) (Command, bool)                      { return Command{}, false }
func (block) Append(_ event.Event, done func(uint64, bool, error))              { done(1, false, nil) }
func (block) Audit(context.Context, *sql.Tx, string, string, string, any) error { return nil }
func everHours(string) (Schedule, error)                                        { return daily{0, 24}, nil }

// building is the room with one building and a fire panel at its door u1.
type building struct {
	*Doors
	t    *testing.T
	path string
	n    int
}

func newBuilding(t *testing.T) *building {
	t.Helper()
	b := &building{t: t, path: filepath.Join(t.TempDir(), "hub.db")}
	b.start()
	return b
}

// start opens the room.
func (b *building) start() {
	b.t.Helper()
	d, err := db.Open(b.t.Context(), b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(b.t.Context(), d)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Doors, err = New(b.t.Context(), Options{
		DB: d, Feed: feed, Log: slog.New(slog.DiscardHandler), Registry: block{}, Command: block{}, Journal: block{}, Audit: block{}, Schedule: everHours,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// panel is a word of the fire panel.
func (b *building) panel(active bool) event.Event {
	b.n++
	at := time.Now().UTC().Truncate(time.Millisecond)
	return event.Event{
		ID: fmt.Sprint("e-", b.n), Device: "u1", Kind: event.Door, Zone: "west/b08/u1", Channel: event.Happening, Type: "fire_input",
		At: at, ReceivedAt: at, Data: fmt.Appendf(nil, `{"active":%v}`, active),
	}
}

// hear carries one batch through, as the follower does.
func (b *building) hear(evs ...event.Event) {
	b.t.Helper()
	ctx := b.t.Context()
	if err := b.db.Tx(ctx, func(tx *sql.Tx) error { return b.Handle(ctx, tx, evs) }); err != nil {
		b.t.Fatal(err)
	}
	b.Committed(ctx)
}

// want checks the building's other door: it is what the hub alone can release.
func (b *building) want(when string, r event.Rung) {
	b.t.Helper()
	if got := b.Rung("u2"); got != r {
		b.t.Errorf("%s: on %s, want %s", when, got, r)
	}
	if got := b.Rung("far"); got != event.Controlled {
		b.t.Errorf("%s: a door elsewhere is on %s", when, got)
	}
}

// A contact of the panel that bounces says both within one batch; so does a hub that
// catches up.
func TestFireThatBeginsAndEndsInOneBatch(t *testing.T) {
	b := newBuilding(t)
	b.hear(b.panel(true), b.panel(false))
	b.want("begun and ended", event.Controlled)
	b.hear(b.panel(true), b.panel(false), b.panel(true))
	b.want("and begun again", event.FireRelease)
	b.hear(b.panel(false), b.panel(true), b.panel(false))
	b.want("and ended again", event.Controlled)
	if cs, err := listCauses(t.Context(), b.db.Read(), "WHERE ended_at = 0"); err != nil || len(cs) != 0 {
		t.Errorf("%d stand in the table, %v", len(cs), err)
	}
}

// The journal forgets the names of events in time; a controller that begins to count anew
// has a fire under an old name, and it is a fire.
func TestFireUnderAnOldName(t *testing.T) {
	b := newBuilding(t)
	first := b.panel(true)
	b.hear(first)
	b.hear(first) // the same once more
	b.hear(b.panel(false))
	b.want("cleared", event.Controlled)
	again := b.panel(true)
	again.ID, again.At = first.ID, first.At.Add(time.Second)
	b.hear(again)
	b.want("much later", event.FireRelease)
}

// What comes late moves nothing, by the contract of all devices: neither does it release,
// nor end a release.
func TestLateFireMovesNothing(t *testing.T) {
	b := newBuilding(t)
	late := func(active bool) {
		ev := b.panel(active)
		ev.At, ev.Late = ev.At.Add(-2*event.LateAfter), true
		b.hear(ev)
	}
	late(true)
	b.want("a fire of before", event.Controlled)
	b.hear(b.panel(true))
	late(false)
	b.want("an end of before", event.FireRelease)
}
