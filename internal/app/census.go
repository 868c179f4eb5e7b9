package app

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"dongyue/internal/access"
	"dongyue/internal/event"
	"dongyue/internal/muster"
)

// essentialGroup is the group of people who stay in a building because of their
// work, and are not looked for.
const essentialGroup = "essential"

// census tells a muster who lives in an area and whom its doors let through.
type census struct {
	doorways
	access *access.Access
}

const censusPage = 1000

func (c census) People(ctx context.Context, zone string) (all []muster.Person, err error) {
	for after := ""; ; {
		page, err := c.access.People(ctx, zone, "", after, censusPage)
		if err != nil {
			return nil, err
		}
		for i := range page {
			p := &page[i]
			if p.Active {
				all = append(all, muster.Person{ID: p.ID, Name: p.Name, Unit: p.Unit, Flat: p.Household, Essential: slices.Contains(p.Groups, essentialGroup), Guest: p.Host != ""})
			}
		}
		if len(page) < censusPage {
			return all, nil
		}
		after = page[len(page)-1].ID
	}
}

func (c census) Passages(ctx context.Context, zone string, since time.Time) (all []muster.Passage, err error) {
	gone, err := c.access.GuestsGone(ctx, since)
	if err != nil {
		return nil, err
	}
	here := map[string]bool{}
	for _, d := range c.devices.In(ctx, event.Door, zone) {
		here[d.ID] = true
		for before := int64(0); ; {
			page, err := c.access.Badges(ctx, access.BadgeFilter{Door: d.ID, From: since, Before: before}, censusPage)
			if err != nil {
				return nil, err
			}
			for i := range page {
				b := &page[i]
				if b.Decision == access.Granted {
					all = append(all, muster.Passage{Person: b.Person, Name: b.PersonName, Unit: b.Unit, Door: b.DoorName, At: b.At, Out: b.Side == "out" || gone[b.Person]})
				}
			}
			if len(page) < censusPage {
				break
			}
			before = page[len(page)-1].ID
		}
	}
	seen, err := c.access.LastSeen(ctx, since)
	if err != nil {
		return nil, err
	}
	for person, b := range seen {
		if !here[b.Door] {
			all = append(all, muster.Passage{Person: person, Door: b.DoorName, At: b.At, Elsewhere: true})
		}
	}
	return all, nil
}

// rolls are the lists of musters, as access sees them; they are built behind it.
type rolls struct{ app *App }

// ForgetPerson implements access.Rolls.
func (r rolls) ForgetPerson(ctx context.Context, tx *sql.Tx, person string) error {
	if r.app.muster == nil {
		return nil
	}
	return r.app.muster.ForgetPerson(ctx, tx, person)
}

func (a *App) buildMuster(ctx context.Context) (err error) {
	a.muster, err = muster.New(ctx, muster.Options{DB: a.db, Feed: a.feed, Census: census{doorways{a.devices, &a.mqtt, a.o.Config.Doors.FireScope}, a.access}, Audit: a.identity})
	return err
}
