package access

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// homeBody is the resident's first page.
type homeBody struct {
	Person string       `json:"person"`
	Name   string       `json:"name"`
	Unit   string       `json:"unit"`
	Way    []event.Text `json:"way" doc:"names of the zones of the unit, the widest first"`
	Flat   string       `json:"flat"`
	Doors  []homeDoor   `json:"doors" doc:"mine, also those that don't open at this hour"`
	Proof  bool         `json:"proof" doc:"a phone of mine can prove itself"`
	Over   []PassInfo   `json:"overstays" doc:"passes of mine whose car or guest should be gone"`
}

type homeDoor struct {
	ID     string       `json:"id"`
	Name   string       `json:"name"`
	Online bool         `json:"online"`
	Way    []event.Text `json:"way"`
	Closed Reason       `json:"closed,omitempty" doc:"why it does not open now"`
	Proof  bool         `json:"phone_proof,omitempty" doc:"the phone must prove itself first"`
	Floor  *int         `json:"lift_floor,omitempty" doc:"the lift behind it can be called, to this floor of mine"`
	Cars   bool         `json:"vehicles,omitempty" doc:"a barrier for cars"`
}

// homeBadge is what residents see of their own rows: nothing of who watched, and
// no flag.
type homeBadge struct {
	ID       int64     `json:"id"`
	At       time.Time `json:"at"`
	Door     string    `json:"door"`
	DoorName string    `json:"door_name"`
	Type     string    `json:"type"`
	Last4    string    `json:"last4"`
	Side     string    `json:"side"`
	Decision string    `json:"decision"`
	Reason   Reason    `json:"reason"`
	By       string    `json:"by"`
	Late     bool      `json:"late"`
}

type homeOpenIn struct {
	atHost
	PathID
	Key  string `header:"Idempotency-Key" maxLength:"100"`
	Body *struct {
		Proof map[string]any `json:"proof,omitempty" doc:"what navigator.credentials.get gave, as JSON; for doors that ask for it"`
	}
}

type homeLiftIn struct {
	PathID
	Key string `header:"Idempotency-Key" maxLength:"100"`
}

// resident returns who asks, when the account belongs to a person.
func resident(ctx context.Context) (web.Principal, error) {
	who, _ := web.Who(ctx)
	if who.Person == "" {
		return who, web.Fail(http.StatusForbidden, "home.no_person", "this account belongs to no resident; sign in with the resident's own")
	}
	return who, nil
}

func (x *Access) registerHome(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/home", Summary: "My name, unit and doors", Tag: "home", Action: web.Home,
	}, func(ctx context.Context, _ *nothing) (*one[homeBody], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		b := homeBody{Person: who.Person, Name: who.Name, Doors: []homeDoor{}, Way: []event.Text{}, Over: []PassInfo{}}
		h, ok := x.HomeOf(who.Person)
		if !ok { // unknown or moved out: the account is there, the person is not
			return &one[homeBody]{b}, nil
		}
		b.Name, b.Unit, b.Way, b.Flat = h.Name, h.Unit, x.way(h.Unit), h.Flat
		for _, d := range h.Doors {
			b.Doors = append(b.Doors, homeDoor{d.ID, d.Name, d.Online, x.way(d.Zone), d.Closed, d.Proof, d.Floor, d.Vehicles})
		}
		phones, err := x.Phones(ctx, who.Person)
		b.Proof = len(phones) > 0
		if err == nil {
			b.Over, err = x.overstays(ctx, who.Person)
		}
		return answerOne(b, err)
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/doors/{id}/open", Summary: "Open one of my doors", Tag: "home", Action: web.Home,
		Status: http.StatusAccepted,
	}, func(ctx context.Context, in *homeOpenIn) (*one[openingBody], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		proven, err := x.proven(ctx, who.Person, in)
		if err != nil {
			return nil, problem(err)
		}
		return openingAnswer(x.OpenHome(ctx, who, in.ID, in.Key, proven))
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/doors/{id}/lift", Summary: "Call the lift behind one of my doors to my floor", Tag: "home", Action: web.Home,
		Status: http.StatusAccepted,
	}, func(ctx context.Context, in *homeLiftIn) (*one[openingBody], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return openingAnswer(x.CallLift(ctx, who, in.ID, in.Key))
	})
	if x.said != nil {
		web.Register(a, web.Op{
			Method: "GET", Path: "/home/commands/{id}", Summary: "What became of an opening of mine", Tag: "home", Action: web.Home,
		}, x.homeCommand)
	}
	web.Register(a, web.Op{
		Method: "GET", Path: "/home/badges", Summary: "My badge log, newest first", Tag: "home", Action: web.Home,
	}, func(ctx context.Context, in *PageQuery) (*page[homeBadge], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		before, err := before(in.Cursor)
		if err != nil {
			return nil, err
		}
		bs, err := x.Badges(ctx, BadgeFilter{Person: who.Person, Before: before}, in.Limit)
		if err != nil {
			return nil, err
		}
		return paged(ownBadges(bs), in.Limit, func(b homeBadge) string { return strconv.FormatInt(b.ID, 10) }), nil
	})
}

// proven checks the phone's proof where there is one.
func (x *Access) proven(ctx context.Context, person string, in *homeOpenIn) (bool, error) {
	if in.Body == nil || in.Body.Proof == nil {
		return false, nil
	}
	response, err := json.Marshal(in.Body.Proof)
	if err != nil {
		return false, err
	}
	return true, x.Prove(ctx, person, x.siteHost(in.host), in.ID, response)
}

type homeCommandBody struct {
	ID     string `json:"id"`
	Status string `json:"status" enum:"queued,sent,accepted,done,failed,expired"`
	Error  string `json:"error"`
}

// homeCommand answers for the resident's own commands; another's is as unknown as
// one that does not exist.
func (x *Access) homeCommand(ctx context.Context, in *PathID) (*one[homeCommandBody], error) {
	who, err := resident(ctx)
	if err != nil {
		return nil, err
	}
	actor, status, problem, ok, err := x.said.State(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if !ok || actor != who.ID {
		return nil, web.Fail(http.StatusNotFound, "home.no_command", "there is no such opening of yours")
	}
	return &one[homeCommandBody]{homeCommandBody{in.ID, status, problem}}, nil
}
