package workorder

import (
	"context"
	"net/http"
	"sort"

	"dongyue/internal/web"
)

// doneIn takes a note or nothing at all: on a ladder one taps once.
type doneIn struct {
	PathID
	Keyed
	Body *struct {
		Text string `json:"text,omitempty" maxLength:"4000"`
	}
}

func (w *Orders) crew(ctx context.Context) (*staffOut, error) {
	out := &staffOut{}
	out.Body.Items = []member{}
	if w.staff == nil {
		return out, nil
	}
	crew, err := w.staff.Crew(ctx)
	if err != nil {
		return nil, err
	}
	for id, name := range crew {
		out.Body.Items = append(out.Body.Items, member{id, name})
	}
	sort.Slice(out.Body.Items, func(i, j int) bool {
		a, b := out.Body.Items[i], out.Body.Items[j]
		return a.Name < b.Name || a.Name == b.Name && a.ID < b.ID
	})
	return out, nil
}

type requestIn struct {
	Key  string `header:"Idempotency-Key" maxLength:"100"`
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"4000"`
		Zone string `json:"zone,omitempty" maxLength:"200" example:"east/b01/u1"`
	}
}

type requestsIn struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" maxLength:"100"`
}

// resident returns who asks, when the account belongs to a person.
func resident(ctx context.Context) (web.Principal, error) {
	who, _ := web.Who(ctx)
	if who.Person == "" {
		return who, web.Fail(http.StatusForbidden, "home.no_person", "this account belongs to no resident; sign in with the resident's own")
	}
	return who, nil
}

func (w *Orders) registerRequests(a *web.API) {
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/requests", Summary: "Report a problem", Tag: "home", Action: web.Home,
		Status: http.StatusCreated, MaxBody: 64 << 10,
	}, func(ctx context.Context, in *requestIn) (*one[Request], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return answerOne(w.Report(ctx, who, in.Body.Text, in.Body.Zone, in.Key))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/home/requests", Summary: "What I reported, newest first", Tag: "home", Action: web.Home,
	}, func(ctx context.Context, in *requestsIn) (*page[Request], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		rs, err := w.Requests(ctx, who.Person, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return paged(rs, in.Limit, func(r Request) string { return r.ID }), nil
	})
}
