package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"
	"dongyue/internal/journal"
)

// reporter puts what access finds out about a door into the journal, as an event
// of that door: rules judge it as they judge what the door says itself.
type reporter struct {
	devices *devices.Registry
	journal *journal.Journal
}

// Report implements access.Reporter. It returns when the event is on the disk; the
// journal knows its id when it comes again.
func (r reporter) Report(ctx context.Context, id, device, typ string, data json.RawMessage, at time.Time) error {
	d, err := r.devices.Get(ctx, device)
	if err != nil {
		return nil //nolint:nilerr // the door was taken away since: there is nobody to tell of
	}
	var about struct {
		Part string `json:"part"` // what the event is about, where a door has several
	}
	if err := json.Unmarshal(data, &about); err != nil {
		return fmt.Errorf("report %s of %s: %w", typ, device, err)
	}
	done := make(chan error, 1)
	r.journal.Append(event.Event{
		ID: id, Device: d.ID, Kind: d.Kind, Zone: d.Zone, Part: about.Part, Channel: event.Happening, Type: typ, At: at, ReceivedAt: time.Now().UTC(), Data: data,
	}, func(_ uint64, _ bool, err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
