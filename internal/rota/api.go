package rota

import (
	"context"
	"errors"
	"net/http"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// CallList is a list of people who are called when nobody else answers.
type CallList struct {
	Name   string   `json:"name"`
	People []Person `json:"people"`
}

// Now is who is on duty at a time.
type Now struct {
	At         time.Time  `json:"at"`
	Shift      string     `json:"shift" doc:"id of the shift, of several the last begun; empty: a gap in the plan"`
	Name       event.Text `json:"name"`
	From       *time.Time `json:"from"`
	To         *time.Time `json:"to"`
	People     []Person   `json:"people"`
	Supervisor *Person    `json:"supervisor"`
	Fallback   bool       `json:"fallback" doc:"the plan has nobody: these are all who could be"`
	Shifts     []string   `json:"shifts" doc:"all shifts that run"`
	Until      time.Time  `json:"until" doc:"when the plan says something else next"`
}

type whole struct {
	Body struct {
		TimeZone  string     `json:"time_zone"`
		Shifts    []Shift    `json:"shifts"`
		Overrides []Override `json:"overrides" doc:"that are not long over, by when they were written"`
		Lists     []CallList `json:"lists"`
		People    []Person   `json:"people" doc:"who can be put on duty"`
		OnDuty    Now        `json:"on_duty"`
	}
}

type shiftsIn struct {
	Body struct {
		Shifts []Shift `json:"shifts" maxItems:"50"`
	}
}

type overrideIn struct {
	Body struct {
		From   time.Time `json:"from"`
		To     time.Time `json:"to"`
		Out    string    `json:"out,omitempty" maxLength:"100"`
		In     string    `json:"in,omitempty" maxLength:"100"`
		Reason string    `json:"reason" maxLength:"500"`
	}
}

type overrideOut struct{ Body Override }

type byID struct {
	ID string `path:"id" maxLength:"40"`
}

type listIn struct {
	Name string `path:"name" pattern:"^[a-z0-9][a-z0-9_-]{0,39}$"`
	Body struct {
		People []string `json:"people" maxItems:"50" doc:"account ids, in the order of the list; none removes it"`
	}
}

type whenIn struct {
	At time.Time `query:"at" doc:"empty: now"`
}

type nowOut struct{ Body Now }

// Register adds the operations.
func (r *Rota) Register(api *web.API) {
	op := func(method, path, summary string, action web.Action) web.Op {
		return web.Op{Method: method, Path: path, Summary: summary, Tag: "rota", Action: action}
	}
	web.Register(api, op(http.MethodGet, "/rota", "Shifts, exceptions, call lists, and who is on duty", web.DutyRead), func(context.Context, *struct{}) (*whole, error) {
		return r.whole(), nil
	})
	web.Register(api, op(http.MethodGet, "/rota/on-duty", "Who is on duty at a time", web.DutyRead), func(_ context.Context, in *whenIn) (*nowOut, error) {
		at := in.At.UTC()
		if in.At.IsZero() {
			at = r.now()
		}
		return &nowOut{r.nowAt(at)}, nil
	})
	web.Register(api, op(http.MethodPut, "/rota/shifts", "Replace all shifts", web.DutyWrite), func(ctx context.Context, in *shiftsIn) (*whole, error) {
		if err := r.SetShifts(ctx, actor(ctx), in.Body.Shifts); err != nil {
			return nil, err
		}
		return r.whole(), nil
	})
	o := op(http.MethodPost, "/rota/overrides", "Write an exception", web.DutyWrite)
	o.Status = http.StatusCreated
	web.Register(api, o, func(ctx context.Context, in *overrideIn) (*overrideOut, error) {
		b := in.Body
		made, err := r.AddOverride(ctx, actor(ctx), Override{From: b.From, To: b.To, Out: b.Out, In: b.In, Reason: b.Reason})
		return &overrideOut{made}, err
	})
	web.Register(api, op(http.MethodDelete, "/rota/overrides/{id}", "Take an exception back", web.DutyWrite), func(ctx context.Context, in *byID) (*struct{}, error) {
		err := r.RemoveOverride(ctx, actor(ctx), in.ID)
		if errors.Is(err, ErrNoOverride) {
			return nil, web.Fail(http.StatusNotFound, "rota.no_override", "there is no such exception; GET /api/v1/rota lists them")
		}
		return nil, err
	})
	web.Register(api, op(http.MethodPut, "/rota/lists/{name}", "Replace a call list", web.DutyWrite), func(ctx context.Context, in *listIn) (*whole, error) {
		if err := r.SetList(ctx, actor(ctx), in.Name, in.Body.People); err != nil {
			return nil, err
		}
		return r.whole(), nil
	})
}

func actor(ctx context.Context) string {
	p, _ := web.Who(ctx)
	return p.ID
}

func (r *Rota) whole() *whole {
	p := r.Plan()
	out := &whole{}
	b := &out.Body
	b.TimeZone, b.Shifts, b.Overrides, b.People = r.o.Zone.String(), p.Shifts, p.Overrides, append([]Person{}, r.o.People.Staff()...)
	b.Lists, b.OnDuty = r.callLists(), r.nowAt(r.now())
	return out
}

// nowAt is who is on duty at a time, for people to read.
func (r *Rota) nowAt(at time.Time) Now {
	p := r.Plan()
	d, called := p.OnDuty(at), r.OnDuty(at)
	n := Now{At: at, People: append([]Person{}, called.People...), Fallback: called.Gap, Shifts: []string{}, Until: d.Until}
	for i, t := range d.Turns {
		if i == 0 {
			n.Shift, n.Name, n.From, n.To = t.Shift.ID, t.Shift.Name, &t.From, &t.To
		}
		n.Shifts = append(n.Shifts, t.Shift.ID)
	}
	if s := r.persons([]string{d.Supervisor}); len(s) > 0 {
		n.Supervisor = &s[0]
	}
	return n
}
