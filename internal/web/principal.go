package web

import (
	"context"
	"slices"
	"strings"

	"dongyue/internal/event"
)

// Role of a person or a program that uses the hub.
type Role string

// The roles.
const (
	Admin      Role = "admin"      // everything
	Supervisor Role = "supervisor" // as operator, and rules, people, reports
	Operator   Role = "operator"   // the dispatch desk
	Crew       Role = "crew"       // maintenance, on a phone
	Resident   Role = "resident"   // own door, own log, own requests
	Integrator Role = "integrator" // programs: reads, and receives alarms over MQTT
)

// Principal is who asks, after authentication.
type Principal struct {
	ID     string `json:"id"`               // account id
	Name   string `json:"name"`             // as shown: 陳
	Login  string `json:"login"`            // user name
	Role   Role   `json:"role"`             //
	Person string `json:"person,omitempty"` // a resident's id in access

	// Zones are where the account acts, each with all below, with spaces between; none:
	// everywhere.
	Zones string `json:"zones,omitempty"`
}

// Covers reports whether the account acts in a zone.
func (p Principal) Covers(zone string) bool {
	return p.Zones == "" || slices.ContainsFunc(strings.Fields(p.Zones), func(z string) bool { return event.Within(zone, z) })
}

// Reaches reports whether the one who asks acts in a zone. What the hub does by
// itself, with nobody asking, reaches everywhere.
func Reaches(ctx context.Context, zone string) bool {
	p, ok := Who(ctx)
	return !ok || p.Covers(zone)
}

// Action is what a route does; a role allows a set of them.
type Action string

// The actions. Public needs no sign-in, Self any.
const (
	Public         Action = "public"
	Self           Action = "self"
	StreamRead     Action = "stream.read"
	DevicesRead    Action = "devices.read"
	DevicesWrite   Action = "devices.write"   // register, import, secrets
	DevicesCommand Action = "devices.command" // any command to any device
	EventsRead     Action = "events.read"
	SeriesRead     Action = "series.read"
	AlarmsRead     Action = "alarms.read"
	AlarmsAct      Action = "alarms.act"      // acknowledge, assign, comment, close
	DutyRead       Action = "duty.read"       // rota, escalation, channels, deliveries
	DutyWrite      Action = "duty.write"      // those, and other people's contacts
	DrillsRun      Action = "drills.run"      // begin an exercise
	RulesRead      Action = "rules.read"      //
	RulesWrite     Action = "rules.write"     //
	CamerasRead    Action = "cameras.read"    // list
	CamerasView    Action = "cameras.view"    // live pictures and snapshots
	CamerasPTZ     Action = "cameras.ptz"     // turn them
	CamerasWrite   Action = "cameras.write"   //
	ClipsView      Action = "clips.view"      // evidence: list and look
	ClipsExport    Action = "clips.export"    // record one by hand, take one out with a reason
	ClipsDelete    Action = "clips.delete"    // delete one before its time
	DoorsUnlock    Action = "doors.unlock"    // from the desk, with a reason
	DoorsRead      Action = "doors.read"      // how doors stand, and why
	DoorsLockdown  Action = "doors.lockdown"  // put areas on a rung, and end it
	MusterRead     Action = "muster.read"     // who is in a building, and tick off
	MusterRun      Action = "muster.run"      // begin and end a muster
	AccessRead     Action = "access.read"     // people, credentials, rights, badge log
	AccessWrite    Action = "access.write"    //
	Home           Action = "home"            // the resident's own door, log and requests
	Broadcast      Action = "broadcast"       //
	OfficialSubmit Action = "official.submit" // bring messages of the authorities
	OrdersRead     Action = "orders.read"     //
	OrdersWork     Action = "orders.work"     // take, done
	OrdersManage   Action = "orders.manage"   // create, assign
	LightingWrite  Action = "lighting.write"  // programmes, calendars and groups of lamps
	UsersManage    Action = "users.manage"    //
	OperationsRead Action = "operations"      // health details, metrics
	DemoAct        Action = "demo"            // trigger the demonstration's incidents
)

type principalKey struct{}

// WithPrincipal returns a context that carries who asks.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// Who returns who asks; ok is false for an anonymous request.
func Who(ctx context.Context) (p Principal, ok bool) {
	p, ok = ctx.Value(principalKey{}).(Principal)
	return p, ok
}
