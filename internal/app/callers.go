package app

import (
	"context"
	"database/sql"
	"time"

	"dongyue/devices"
	"dongyue/internal/access"
	"dongyue/internal/doorbell"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// bells are the registry's doors as the doorbell sees them.
type bells struct{ app *App }

func (b bells) Door(id string) (name, zone string, ok bool) {
	d, ok := doors{b.app.devices, &b.app.mqtt}.Door(id)
	return d.Name, d.Zone, ok
}

// Camera is the one nearest to the door, of the door's own place where there is one.
func (b bells) Camera(ctx context.Context, door, zone string) string {
	for _, id := range b.app.nearest(ctx, door, zone, 1) {
		return id
	}
	return ""
}

// ways are the registry's zones as access tells them to visitors.
type ways struct{ devices *devices.Registry }

// Way implements access.Places.
func (w ways) Way(zone string) (names []event.Text) {
	for _, z := range w.devices.Zones(context.Background()) { // each behind its parent
		if z.ID != "" && event.Within(zone, z.ID) {
			names = append(names, z.Name)
		}
	}
	return names
}

// callers may see the camera of the door at which somebody rings for them. The
// pictures are built before the doorbell.
type callers struct{ app *App }

// Guest implements whep.Guests.
func (c callers) Guest(ctx context.Context, who web.Principal, pass string) (camera string, until time.Time, ok bool) {
	if c.app.doorbell == nil || who.Person == "" {
		return "", time.Time{}, false
	}
	return c.app.doorbell.Guest(ctx, who.Person, pass)
}

// ringing is the doorbell as my data shows it; it is built behind access.
type ringing struct{ app *App }

// CallsOf implements access.Rings.
func (r ringing) CallsOf(ctx context.Context, person string, limit int) (calls []access.HomeCall, keep time.Duration, err error) {
	calls = []access.HomeCall{}
	if r.app.doorbell == nil {
		return calls, doorbell.Keep, nil
	}
	cs, err := r.app.doorbell.CallsOf(ctx, person, limit)
	for _, c := range cs {
		calls = append(calls, access.HomeCall{At: c.RungAt, Door: c.Door, DoorName: c.DoorName, State: c.State})
	}
	return calls, doorbell.Keep, err
}

// ForgetCalls implements access.Rings.
func (r ringing) ForgetCalls(ctx context.Context, tx *sql.Tx, person string) error {
	if r.app.doorbell == nil {
		return nil
	}
	return r.app.doorbell.ForgetPerson(ctx, tx, person)
}

func (a *App) buildDoorbell(ctx context.Context) (err error) {
	o := doorbell.Options{DB: a.db, Feed: a.feed, Log: a.log, Homes: a.access, Accounts: a.identity, Doors: bells{a}, Audit: a.identity}
	if a.whep != nil {
		o.Pictures = a.whep
	}
	a.doorbell, err = doorbell.New(ctx, o)
	return err
}
