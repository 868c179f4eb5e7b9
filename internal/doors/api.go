package doors

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

const tag = "doors"

// Register adds the operations.
func (d *Doors) Register(a *web.API) {
	op := func(method, path, summary string, action web.Action, status int) web.Op {
		return web.Op{Method: method, Path: path, Summary: summary, Tag: tag, Action: action, Status: status}
	}
	web.Register(a, op(http.MethodGet, "/doors", "How each door stands: rung, lock, leaf", web.DoorsRead, 0), func(ctx context.Context, in *zoneIn) (*list[View], error) {
		return listOf(d.Views(ctx, in.Zone), nil)
	})
	web.Register(a, op(http.MethodPut, "/doors/{id}/hours", "Hours in which a door is free", web.AccessWrite, http.StatusNoContent), d.putHours)
	web.Register(a, op(http.MethodGet, "/rungs", "What keeps doors on a rung now, highest first", web.DoorsRead, 0), func(ctx context.Context, _ *struct{}) (*list[Lockdown], error) {
		return listOf(d.Standing(ctx))
	})
	web.Register(a, op(http.MethodPost, "/rungs", "Put doors on a rung by hand", web.DoorsLockdown, http.StatusCreated), d.postRung)
	web.Register(a, op(http.MethodPost, "/rungs/{id}/end", "End what keeps doors on a rung; what is left decides", web.DoorsLockdown, 0), d.postEnd)
	web.Register(a, op(http.MethodGet, "/lockdowns", "Lockdowns, newest first", web.DoorsRead, 0), d.getLockdowns)
	web.Register(a, op(http.MethodPost, "/lockdowns", "Lock down by a plan or an area, or rehearse it", web.DoorsLockdown, http.StatusCreated), d.postLockdown)
	web.Register(a, op(http.MethodGet, "/lockdowns/{id}", "One lockdown with the proof of each door", web.DoorsRead, 0), func(ctx context.Context, in *pathID) (*one, error) {
		return d.byID(ctx, in.ID)
	})
	web.Register(a, op(http.MethodPost, "/lockdowns/{id}/end", "End a lockdown; what is left decides", web.DoorsLockdown, 0), d.postEnd)
	web.Register(a, op(http.MethodGet, "/lockdown-plans", "Plans by name", web.DoorsRead, 0), func(ctx context.Context, _ *struct{}) (*list[Plan], error) {
		return listOf(d.Plans(ctx))
	})
	web.Register(a, op(http.MethodPut, "/lockdown-plans/{id}", "Make or change a plan", web.AccessWrite, http.StatusNoContent), d.putPlan)
	web.Register(a, op(http.MethodDelete, "/lockdown-plans/{id}", "Remove a plan", web.AccessWrite, http.StatusNoContent), d.dropPlan)
}

type list[T any] struct {
	Body struct {
		Items []T    `json:"items"`
		Next  string `json:"next"`
	}
}

func listOf[T any](items []T, err error) (*list[T], error) {
	if err != nil {
		return nil, problem(err)
	}
	out := &list[T]{}
	out.Body.Items = items
	return out, nil
}

type one struct{ Body Lockdown }

type zoneIn struct {
	Zone string `query:"zone" maxLength:"128" doc:"with all below; empty: the community"`
}

type pathID struct {
	ID string `path:"id" maxLength:"200"`
}

// who acts: the account's id, as the audit has it.
func who(ctx context.Context) string {
	p, _ := web.Who(ctx)
	return p.ID
}

func problem(err error) error {
	switch {
	case errors.Is(err, ErrInvalid):
		return web.Fail(http.StatusUnprocessableEntity, "doors.invalid", err.Error())
	case errors.Is(err, ErrNotFound):
		return web.Fail(http.StatusNotFound, "doors.not_found", err.Error())
	case errors.Is(err, ErrEnded):
		return web.Fail(http.StatusConflict, "doors.ended", "it has ended already; GET /api/v1/rungs tells what stands")
	}
	return err
}

type hoursIn struct {
	ID   string `path:"id" maxLength:"63"`
	Body Hours
}

func (d *Doors) putHours(ctx context.Context, in *hoursIn) (*struct{}, error) {
	d.stand(ctx, now()) // a door that was just registered has its zone, too
	if x, ok := d.known(in.ID); ok && !web.Reaches(ctx, x.Zone) {
		return nil, notYours()
	}
	return nil, problem(d.SetHours(ctx, who(ctx), in.ID, in.Body))
}

type planIn struct {
	ID   string `path:"id" maxLength:"63"`
	Body struct {
		Name  event.Text `json:"name"`
		Areas []string   `json:"areas"`
		Rung  string     `json:"rung" enum:"manual_override,maintenance,lockdown,fire_release"`
	}
}

func (d *Doors) putPlan(ctx context.Context, in *planIn) (*struct{}, error) {
	if err := d.mayPlan(ctx, in.ID, in.Body.Areas); err != nil {
		return nil, err
	}
	return nil, problem(d.PutPlan(ctx, who(ctx), Plan{in.ID, in.Body.Name, in.Body.Areas, in.Body.Rung}))
}

func (d *Doors) dropPlan(ctx context.Context, in *pathID) (*struct{}, error) {
	if err := d.mayPlan(ctx, in.ID, nil); err != nil {
		return nil, err
	}
	return nil, problem(d.DropPlan(ctx, who(ctx), in.ID))
}

// mayPlan checks that the one who asks acts in all areas that a plan has and gets: others
// will press the button.
func (d *Doors) mayPlan(ctx context.Context, id string, areas []string) error {
	d.stand(ctx, now()) // a door that was just registered has its zone, too
	old, err := d.plan(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if !d.reaches(ctx, slices.Concat(old.Areas, areas)) {
		return notYours()
	}
	return nil
}

type rungIn struct {
	Key  string `header:"Idempotency-Key" maxLength:"100"`
	Body struct {
		Areas  []string  `json:"areas" doc:"zones, each with all below, or door:ID"`
		Rung   string    `json:"rung" enum:"manual_override,maintenance,lockdown,fire_release"`
		Reason string    `json:"reason" minLength:"1" maxLength:"500"`
		Until  time.Time `json:"until,omitzero" doc:"ends by itself then"`
	}
}

func (d *Doors) postRung(ctx context.Context, in *rungIn) (*one, error) {
	r, _ := event.ParseRung(in.Body.Rung)
	q := Begin{Kind: ByHand, Rung: r, Areas: in.Body.Areas, Reason: in.Body.Reason, Actor: who(ctx), Key: in.Key}
	if !in.Body.Until.IsZero() {
		q.Until = &in.Body.Until
	}
	return d.began(ctx, q)
}

type lockdownIn struct {
	Key  string `header:"Idempotency-Key" maxLength:"100"`
	Body struct {
		Plan   string   `json:"plan,omitempty" maxLength:"63" doc:"one of plan and areas"`
		Area   string   `json:"area,omitempty" maxLength:"128"`
		Areas  []string `json:"areas,omitempty"`
		Reason string   `json:"reason" minLength:"1" maxLength:"500"`
		Drill  bool     `json:"drill,omitempty" doc:"commands nothing and shows what would be"`
	}
}

func (d *Doors) postLockdown(ctx context.Context, in *lockdownIn) (*one, error) {
	b := &in.Body
	q := Begin{Kind: ByLockdown, Rung: event.Lockdown, Areas: b.Areas, Reason: b.Reason, Drill: b.Drill, Actor: who(ctx), Key: in.Key}
	if b.Area != "" {
		q.Areas = append(q.Areas, b.Area)
	}
	if (b.Plan == "") == (len(q.Areas) == 0) {
		return nil, web.Fail(http.StatusUnprocessableEntity, "doors.invalid", "name either a plan or an area")
	}
	if b.Plan != "" {
		p, err := d.plan(ctx, b.Plan)
		if err != nil {
			return nil, problem(err)
		}
		q.Plan, q.Areas = p.ID, p.Areas
		q.Rung, _ = event.ParseRung(p.Rung)
	}
	return d.began(ctx, q)
}

func (d *Doors) began(ctx context.Context, q Begin) (*one, error) {
	if p, ok := web.Who(ctx); ok {
		q.By = p.Name
	}
	if !d.reaches(ctx, q.Areas) {
		return nil, notYours()
	}
	c, err := d.Begin(ctx, q)
	if err != nil {
		return nil, problem(err)
	}
	return d.byID(ctx, c.ID)
}

// reaches reports whether the one who asks acts in all of the areas.
func (d *Doors) reaches(ctx context.Context, areas []string) bool {
	return !slices.ContainsFunc(areas, func(area string) bool {
		if id, one := strings.CutPrefix(area, doorArea); one {
			x, _ := d.known(id)
			area = x.Zone
		}
		return !web.Reaches(ctx, area)
	})
}

func notYours() error {
	return web.Fail(http.StatusForbidden, "doors.not_your_zone", "your account does not act in all of these areas; ask somebody whose account does")
}

type endIn struct {
	ID   string `path:"id" maxLength:"200"`
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}

func (d *Doors) postEnd(ctx context.Context, in *endIn) (*one, error) {
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	all, err := listCauses(ctx, d.db.Read(), "WHERE id = ?", in.ID)
	if err != nil {
		return nil, err
	}
	if len(all) > 0 && !d.reaches(ctx, all[0].Areas) {
		return nil, notYours()
	}
	c, err := d.End(ctx, in.ID, who(ctx), reason)
	if err != nil {
		return nil, problem(err)
	}
	return d.byID(ctx, c.ID)
}

func (d *Doors) byID(ctx context.Context, id string) (*one, error) {
	all, err := listCauses(ctx, d.db.Read(), "WHERE id = ?", id)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, problem(ErrNotFound)
	}
	l, err := d.proven(ctx, all[0])
	return &one{l}, err
}

type pageIn struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" doc:"next of the page before"`
}

func (d *Doors) getLockdowns(ctx context.Context, in *pageIn) (*list[Lockdown], error) {
	before := int64(1) << 62
	if in.Cursor != "" {
		n, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil {
			return nil, web.Fail(http.StatusBadRequest, "request.cursor", "the cursor is not one of a page before: leave it out")
		}
		before = n
	}
	cs, err := listCauses(ctx, d.db.Read(), "WHERE kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?", ByLockdown, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(cs) > in.Limit {
		cs = cs[:in.Limit]
		next = strconv.FormatInt(cs[in.Limit-1].seq, 10)
	}
	out, err := listOf(d.allProven(ctx, cs))
	if err == nil {
		out.Body.Next = next
	}
	return out, err
}
