package app

import (
	"context"
	"time"

	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/internal/web"
	"dongyue/internal/workorder"
)

// What alarms need to know of the desk and of the community.

// zoneName is a zone's name; that of the community where none is named.
func (a *App) zoneName(ctx context.Context, zone string) event.Text {
	for _, z := range a.devices.Zones(ctx) {
		if z.ID == zone {
			return z.Name
		}
	}
	return event.Text{}
}

// atTheDesk is how long after its last question a screen counts as open; it asks
// every few seconds.
const atTheDesk = 5 * time.Minute

// operators is how many people can take an alarm in: those of the desk who have a
// screen open.
func (a *App) operators(context.Context) int {
	return a.identity.Present(atTheDesk, web.Operator, web.Supervisor)
}

// repairs makes work orders of bad actors.
type repairs struct {
	orders *workorder.Orders
}

// Order implements alarm.Orders.
func (r repairs) Order(ctx context.Context, o alarm.Order) (string, error) {
	who, _ := web.Who(ctx)
	made, err := r.orders.Create(ctx, who, workorder.NewOrder{Title: o.Title, Priority: o.Priority, Device: o.Device, Zone: o.Zone})
	return made.ID, err
}

// Open implements alarm.Orders.
func (r repairs) Open(ctx context.Context, id string) (bool, error) {
	o, err := r.orders.Get(ctx, id)
	return o.State != workorder.Done, err
}
