package access

import (
	"context"
	"net"
	"net/http"

	"dongyue/internal/web"
)

type all[T any] struct {
	Body struct {
		Items []T `json:"items"`
	}
}

func answerAll[T any](items []T, err error) (*all[T], error) {
	if err != nil {
		return nil, problem(err)
	}
	out := &all[T]{}
	out.Body.Items = items
	return out, nil
}

type calendarIn struct {
	Body struct {
		Items []CalendarDay `json:"items" maxItems:"1000"`
	}
}

// The names in a path are those of the body, which may leave them out.
type policyIn struct {
	PathID
	Body struct {
		RefuseUID  bool     `json:"refuse_uid,omitempty" doc:"take no card that can be copied: for doors of the perimeter"`
		PhoneProof bool     `json:"phone_proof,omitempty" doc:"a phone must prove itself before it opens"`
		FirstIn    bool     `json:"first_in,omitempty" doc:"closed each day until somebody has come whose right says first"`
		TwoPersonS int      `json:"two_person_s,omitempty" minimum:"0" maximum:"60" doc:"a second person must follow within so many seconds; 0: one is enough"`
		Inside     string   `json:"inside,omitempty" maxLength:"63" doc:"passback area behind the door"`
		Outside    string   `json:"outside,omitempty" maxLength:"63" doc:"passback area before the door"`
		Interlock  []string `json:"interlock,omitempty" maxItems:"8" doc:"doors that must be shut while this one opens"`
	}
}

type areaIn struct {
	PathID
	Body struct {
		Name      string       `json:"name" maxLength:"80"`
		Passback  PassbackMode `json:"passback" enum:"none,alert,enforce"`
		ForgetS   int          `json:"forget_s,omitempty" minimum:"0" maximum:"604800" doc:"after so many seconds it no longer counts that somebody is inside; 0: never"`
		ByContact bool         `json:"by_contact,omitempty" doc:"somebody is inside only when the door did open"`
	}
}

type forgiveIn struct {
	PathID
	Person string `query:"person" maxLength:"100" doc:"empty: everybody in the area"`
}

type doorGroupIn struct {
	PathID
	Body struct {
		Doors []string `json:"doors" maxItems:"1000" doc:"none takes the group away"`
	}
}

func (x *Access) registerRules(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/calendar", Summary: "Holidays and working days at week-ends", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, _ *nothing) (*all[CalendarDay], error) { return answerAll(x.Calendar(ctx)) })
	web.Register(a, web.Op{
		Method: "PUT", Path: "/calendar", Summary: "Put a new calendar in place of the old one", Tag: tag, Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *calendarIn) (*nothing, error) {
		return nil, problem(x.SetCalendar(ctx, actor(ctx), in.Body.Items))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/door-policies", Summary: "What doors demand besides a right", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, _ *nothing) (*all[DoorPolicy], error) { return answerAll(x.DoorPolicies(ctx)) })
	web.Register(a, web.Op{
		Method: "PUT", Path: "/door-policies/{id}", Summary: "Lay down what a door demands", Tag: tag, Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *policyIn) (*nothing, error) {
		b := in.Body
		return nil, problem(x.SetDoorPolicy(ctx, actor(ctx), DoorPolicy{
			in.ID, b.RefuseUID, b.PhoneProof, b.FirstIn, b.TwoPersonS, b.Inside, b.Outside, b.Interlock,
		}))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/passback-areas", Summary: "Areas that nobody may enter twice without leaving", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, _ *nothing) (*all[PassbackArea], error) { return answerAll(x.Areas(ctx)) })
	web.Register(a, web.Op{
		Method: "PUT", Path: "/passback-areas/{id}", Summary: "Add or change an area", Tag: tag, Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *areaIn) (*nothing, error) {
		b := in.Body
		return nil, problem(x.SetArea(ctx, actor(ctx), PassbackArea{in.ID, b.Name, b.Passback, b.ForgetS, b.ByContact}))
	})
	web.Register(a, web.Op{
		Method: "DELETE", Path: "/passback-areas/{id}/inside", Summary: "Forgive: it is no longer known who is inside", Tag: tag,
		Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *forgiveIn) (*nothing, error) {
		return nil, problem(x.ForgetWhereabouts(ctx, actor(ctx), in.ID, in.Person))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/door-groups", Summary: "Groups of doors", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, _ *nothing) (*all[DoorGroup], error) { return answerAll(x.DoorGroups(ctx)) })
	web.Register(a, web.Op{
		Method: "PUT", Path: "/door-groups/{id}", Summary: "Put the doors of a group", Tag: tag, Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *doorGroupIn) (*nothing, error) {
		return nil, problem(x.SetDoorGroup(ctx, actor(ctx), DoorGroup{in.ID, in.Body.Doors}))
	})
}

// addressOf is the address without the port; of IPv6 the network, which one
// subscriber has to itself.
func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	ip := net.ParseIP(host)
	if ip == nil || ip.To4() != nil {
		return host
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}
