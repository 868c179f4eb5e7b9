package access

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dongyue/internal/doorlist"
	"dongyue/internal/web"
)

type codeIn struct {
	Door string `query:"door" maxLength:"63" doc:"good there only; empty: at all of my doors"`
}

// PassBody is what a host says of a visitor; exported, because huma looks into
// embedded structs only then.
type PassBody struct {
	Name  string     `json:"name" minLength:"1" maxLength:"60" doc:"who comes"`
	Doors []string   `json:"doors,omitempty" maxItems:"32" doc:"empty: all that the host may open"`
	From  *time.Time `json:"from,omitempty" doc:"missing: now"`
	To    time.Time  `json:"to" doc:"at most 31 days away"`
	Uses  int        `json:"uses,omitempty" minimum:"0" maximum:"100" doc:"at each door; 0: as often as wanted until to. With 1 the pass ends when the visitor goes out"`
	Leave bool       `json:"end_on_leave,omitempty" doc:"the pass ends when the visitor goes out"`
	Plate string     `json:"plate,omitempty" maxLength:"40" doc:"of the one car that comes in, as 川A12345 or 川AD12345; needed where a door is a barrier for cars"`
	Kind  Kind       `json:"kind,omitempty" enum:"visitor,courier" doc:"a courier's pass is for one way within an hour: the gates and the host's own stair, once"`
	// Confirm asks the host at each door for people.
	Confirm bool `json:"confirm,omitempty" doc:"at the door the host's phones ring and show the camera; the host opens, or not"`
}

type homePassIn struct{ Body PassBody }

type passIn struct {
	Body struct {
		PassBody
		Host string `json:"host" minLength:"1" maxLength:"100" doc:"whose guest it is"`
	}
}

type passesIn struct {
	PageQuery
	Host  string `query:"host" maxLength:"100"`
	Plate string `query:"plate" maxLength:"40"`
}

// passMade is a pass with its link, which is told once.
type passMade struct {
	PassInfo
	Link string `json:"link" doc:"below this hub's address, for the visitor; it is not kept and not told again" example:"/visit/…"`
	URL  string `json:"url,omitempty" doc:"the whole address of the link, where http.public_url is configured" example:"https://hub.example.com/visit/…"`
}

func (b PassBody) of(host string) NewPass {
	n := NewPass{Host: host, Doors: b.Doors, Name: b.Name, Plate: b.Plate, To: b.To, Uses: b.Uses, Leave: b.Leave, Kind: b.Kind, Confirm: b.Confirm}
	if b.From != nil {
		n.From = *b.From
	}
	return n
}

func (x *Access) passAnswer(p PassInfo, token string, err error) (*one[passMade], error) {
	made := passMade{PassInfo: p, Link: "/visit/" + token}
	if x.public != nil {
		made.URL = x.link(made.Link)
	}
	return answerOne(made, err)
}

// visitor is what an operation must know of a connection without an account.
type visitor struct{ remote string }

// Resolve implements huma.Resolver.
func (v *visitor) Resolve(ctx huma.Context) []error {
	v.remote = ctx.RemoteAddr()
	return nil
}

type visitIn struct {
	visitor
	Token string `path:"token" minLength:"1" maxLength:"64"`
}

// visitBody is what the holder of a link sees: nothing of the host but the doors.
type visitBody struct {
	Name   string       `json:"name"`
	Doors  []string     `json:"doors" doc:"their names"`
	Places []VisitPlace `json:"places" doc:"the same doors, with the way to them"`
	From   time.Time    `json:"from"`
	To     time.Time    `json:"to"`
	Uses   int          `json:"uses,omitempty"`
	Used   int          `json:"used"`
	Leave  bool         `json:"end_on_leave"`
	State  string       `json:"state" enum:"early,good,used_up,expired,revoked,left,host_left"`
	Kind   Kind         `json:"kind" enum:"visitor,courier"`
	Plate  string       `json:"plate,omitempty" doc:"opens the barriers"`
	Ask    bool         `json:"confirm" doc:"the host is asked at the door"`
	Inside *time.Time   `json:"inside_since,omitempty" doc:"when the car came in that is inside now"`
	Over   bool         `json:"overstay" doc:"the car, or the guest, is inside though the pass has ended"`
	OnFoot bool         `json:"on_foot,omitempty" doc:"with overstay: nobody saw the guest leave"`
	Server time.Time    `json:"server" doc:"the hub's clock"`
	Code   *Code        `json:"code,omitempty" doc:"while the state is good"`
}

func (x *Access) registerPasses(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/home/qr", Summary: "My rotating code", Tag: "home", Action: web.Home,
	}, func(ctx context.Context, in *codeIn) (*one[Code], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return answerOne(x.HomeCode(ctx, who.ID, who.Person, in.Door))
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/passes", Summary: "Let a visitor in", Tag: "home", Action: web.Home, Status: http.StatusCreated,
	}, func(ctx context.Context, in *homePassIn) (*one[passMade], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return x.passAnswer(x.AddPass(ctx, who.ID, in.Body.of(who.Person)))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/home/passes", Summary: "Passes that I gave, newest first", Tag: "home", Action: web.Home,
	}, func(ctx context.Context, in *PageQuery) (*page[PassInfo], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return x.passPage(ctx, PassFilter{Host: who.Person}, in)
	})
	web.Register(a, web.Op{
		Method: "DELETE", Path: "/home/passes/{id}", Summary: "Revoke a pass of mine", Tag: "home", Action: web.Home, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *PathID) (*nothing, error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return nil, problem(x.EndPass(ctx, who.ID, who.Person, in.ID))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/passes", Summary: "Visitors' passes, newest first", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *passesIn) (*page[PassInfo], error) {
		if plate, err := doorlist.ParsePlate(in.Plate); err == nil {
			in.Plate = plate
		}
		return x.passPage(ctx, PassFilter{in.Host, in.Plate}, &in.PageQuery)
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/passes", Summary: "Give a pass in the name of a host", Tag: tag, Action: web.AccessWrite, Status: http.StatusCreated,
	}, func(ctx context.Context, in *passIn) (*one[passMade], error) {
		return x.passAnswer(x.AddPass(ctx, actor(ctx), in.Body.of(in.Body.Host)))
	})
	web.Register(a, web.Op{
		Method: "DELETE", Path: "/passes/{id}", Summary: "Revoke a pass", Tag: tag, Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *PathID) (*nothing, error) {
		return nil, problem(x.EndPass(ctx, actor(ctx), "", in.ID))
	})
	x.registerStays(a)
	web.Register(a, web.Op{
		Method: "GET", Path: "/visit/{token}", Summary: "A visitor's pass, by its link", Tag: "home", Action: web.Public,
	}, x.visit)
	web.Register(a, web.Op{
		Method: "POST", Path: "/people/{id}/code", Summary: "Give a person a fresh rotating code after the old one was revoked", Tag: tag,
		Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *PathID) (*nothing, error) {
		return nil, problem(x.RenewCode(ctx, actor(ctx), in.ID))
	})
}

func (x *Access) passPage(ctx context.Context, f PassFilter, q *PageQuery) (*page[PassInfo], error) {
	ps, err := x.Passes(ctx, f, q.Cursor, q.Limit)
	if err != nil {
		return nil, err
	}
	return paged(ps, q.Limit, func(p PassInfo) string { return p.ID }), nil
}

// visit answers the holder of a link. A page asks every half minute, and some
// visitors share an address.
func (x *Access) visit(ctx context.Context, in *visitIn) (*one[visitBody], error) {
	if !x.visits.ok(addressOf(in.remote)) {
		return nil, web.Fail(http.StatusTooManyRequests, "visit.too_often", "wait a few seconds, then try again")
	}
	p, err := x.passOf(ctx, in.Token)
	if err != nil {
		return nil, problem(err)
	}
	b := visitBody{
		Name: p.Name, Doors: []string{}, Places: []VisitPlace{}, From: p.From, To: p.To, Uses: p.Uses, Used: p.Used, Leave: p.Leave, State: p.State,
		Kind: p.Kind, Plate: p.Plate, Ask: p.Confirm, Inside: p.Inside, Over: p.Overstay, OnFoot: p.OnFoot, Server: now(),
	}
	for _, id := range p.Doors {
		if d, ok := x.doors.Door(id); ok {
			b.Doors = append(b.Doors, d.Name)
			b.Places = append(b.Places, VisitPlace{d.Name, x.way(d.Zone), d.Vehicles})
		}
	}
	if p.State != "good" {
		return &one[visitBody]{b}, nil
	}
	c, err := x.makeCode(p.Credential, "")
	if err != nil {
		return nil, err
	}
	b.Code = &c
	return &one[visitBody]{b}, nil
}
