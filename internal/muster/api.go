package muster

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"dongyue/internal/web"
)

// Register adds the operations. Who may only tick off sees a muster while it is
// on, and no longer.
func (m *Musters) Register(a *web.API) {
	op := func(method, path, summary string, action web.Action, status int) web.Op {
		return web.Op{Method: method, Path: path, Summary: summary, Tag: "musters", Action: action, Status: status}
	}
	runs := func(ctx context.Context) bool { return a.Allowed(ctx, web.MusterRun) }
	web.Register(a, op(http.MethodGet, "/musters", "Musters, newest first", web.MusterRead, 0), func(ctx context.Context, in *pageIn) (*list, error) {
		return m.list(ctx, in, runs(ctx))
	})
	web.Register(a, op(http.MethodGet, "/musters/{id}", "One muster with its list", web.MusterRead, 0), func(ctx context.Context, in *pathID) (*one, error) {
		x, err := m.Get(ctx, in.ID)
		if err == nil && x.EndedAt != nil && !runs(ctx) {
			err = ErrNotFound
		}
		return answer(x, err)
	})
	web.Register(a, op(http.MethodPost, "/musters", "List who may be in an area", web.MusterRun, http.StatusCreated), m.post)
	web.Register(a, op(http.MethodPost, "/musters/{id}/marks", "Tell who was found, and who was not", web.MusterRead, 0), m.postMarks)
	web.Register(a, op(http.MethodPost, "/musters/{id}/end", "End a muster; the answer is its report", web.MusterRun, 0), func(ctx context.Context, in *pathID) (*one, error) {
		p, _ := web.Who(ctx)
		return answer(m.End(ctx, in.ID, p.ID))
	})
}

type pathID struct {
	ID string `path:"id" maxLength:"40"`
}

type pageIn struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"20"`
	Cursor string `query:"cursor" doc:"next of the page before"`
}

type list struct {
	Body struct {
		Items []Muster `json:"items"`
		Next  string   `json:"next"`
	}
}

type one struct{ Body Muster }

func answer(x Muster, err error) (*one, error) {
	switch {
	case err == nil:
		return &one{x}, nil
	case errors.Is(err, ErrInvalid):
		return nil, web.Fail(http.StatusUnprocessableEntity, "muster.invalid", err.Error())
	case errors.Is(err, ErrNotFound):
		return nil, web.Fail(http.StatusNotFound, "muster.not_found", "no such muster, or it has ended: GET /api/v1/musters lists them")
	case errors.Is(err, ErrEnded):
		return nil, web.Fail(http.StatusConflict, "muster.ended", "it has ended; begin a new one where somebody is still looked for")
	}
	return nil, err
}

type postIn struct {
	Key  string `header:"Idempotency-Key" maxLength:"100"`
	Body struct {
		Area   string `json:"area" maxLength:"128" doc:"zone with all below: a building"`
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"it goes into the audit"`
		Drill  bool   `json:"drill,omitempty"`
	}
}

func (m *Musters) post(ctx context.Context, in *postIn) (*one, error) {
	p, _ := web.Who(ctx)
	return answer(m.Begin(ctx, Request{Area: in.Body.Area, Reason: in.Body.Reason, Drill: in.Body.Drill, Actor: p.ID, By: p.Name, Key: in.Key}))
}

type marksIn struct {
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Marks []Mark `json:"marks" minItems:"1" maxItems:"500"`
	}
}

func (m *Musters) postMarks(ctx context.Context, in *marksIn) (*one, error) {
	p, _ := web.Who(ctx)
	name := p.Name
	if name == "" {
		name = p.Login
	}
	return answer(m.Tick(ctx, in.ID, p.ID, name, in.Body.Marks))
}

func (m *Musters) list(ctx context.Context, in *pageIn, all bool) (*list, error) {
	before := int64(1) << 62
	if in.Cursor != "" {
		n, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil {
			return nil, web.Fail(http.StatusBadRequest, "request.cursor", "the cursor is not one of a page before: leave it out")
		}
		before = n
	}
	xs, err := heads(ctx, m.db.Read(), "WHERE seq < ? AND (? OR ended_at = 0) ORDER BY seq DESC LIMIT ?", before, all, in.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &list{}
	if len(xs) > in.Limit {
		xs = xs[:in.Limit]
		out.Body.Next = strconv.FormatInt(xs[in.Limit-1].seq, 10)
	}
	for i := range xs {
		if err := m.fill(ctx, &xs[i]); err != nil {
			return nil, err
		}
		xs[i].People = []Entry{}
	}
	if out.Body.Items = xs; xs == nil {
		out.Body.Items = []Muster{}
	}
	return out, nil
}
