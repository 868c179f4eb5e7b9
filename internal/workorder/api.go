package workorder

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

const tag = "orders"

// Register adds the operations of orders and of residents' requests.
func (w *Orders) Register(a *web.API) {
	w.registerOrders(a)
	w.registerSteps(a)
	w.registerPhotos(a)
	w.registerRequests(a)
}

type page[T any] struct {
	Body struct {
		Items []T    `json:"items"`
		Next  string `json:"next"`
	}
}

// paged makes a page; a full one goes on behind its last item.
func paged[T any](items []T, limit int, cursor func(T) string) *page[T] {
	out := &page[T]{}
	out.Body.Items = items
	if limit > 0 && len(items) == limit {
		out.Body.Next = cursor(items[limit-1])
	}
	return out
}

type one[T any] struct{ Body T }

func answerOne[T any](v T, err error) (*one[T], error) {
	if err != nil {
		return nil, problem(err)
	}
	return &one[T]{v}, nil
}

// PathID is the id in a path; exported, because huma looks into embedded structs
// only then.
type PathID struct {
	ID string `path:"id" maxLength:"100"`
}

// problem turns the room's errors into answers; what it does not know stays an
// internal error.
func problem(err error) error {
	switch {
	case errors.Is(err, ErrInvalid):
		return web.Fail(http.StatusUnprocessableEntity, "order.invalid", err.Error())
	case errors.Is(err, ErrNotFound):
		return web.Fail(http.StatusNotFound, "order.not_found", "there is no such order; load the list again")
	case errors.Is(err, ErrTaken):
		return web.Fail(http.StatusConflict, "order.taken", err.Error())
	case errors.Is(err, ErrDone):
		return web.Fail(http.StatusConflict, "order.done", "the order is done; write a new one if it is not")
	case errors.Is(err, ErrNotTaken):
		return web.Fail(http.StatusConflict, "order.not_taken", "take the order first")
	case errors.Is(err, ErrTooManyPhotos):
		return web.Fail(http.StatusConflict, "order.too_many_photos", "an order has at most 12 photos")
	case errors.Is(err, ErrTooMany):
		return web.Fail(http.StatusTooManyRequests, "request.too_many", "many of your reports are still open; wait until some are done, or call the service centre")
	}
	return err
}

type listIn struct {
	Limit    int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	Cursor   string `query:"cursor" maxLength:"100"`
	State    string `query:"state" enum:"open,taken,checking,done,active,all" default:"all" doc:"active: all but done"`
	Mine     bool   `query:"mine" doc:"my own, and those that nobody has"`
	Priority string `query:"priority" enum:"critical,high,medium,low"`
	Device   string `query:"device" maxLength:"63"`
	Source   string `query:"source" enum:"alarm,request,manual"`
}

type titleIn struct {
	ZH string `json:"zh,omitempty" maxLength:"300"`
	EN string `json:"en,omitempty" maxLength:"300"`
}

type orderIn struct {
	Body struct {
		Title    titleIn        `json:"title" doc:"one language is enough"`
		Text     string         `json:"text,omitempty" maxLength:"4000"`
		Priority event.Priority `json:"priority,omitempty" enum:"critical,high,medium,low" default:"medium"`
		Device   string         `json:"device,omitempty" maxLength:"63"`
		Zone     string         `json:"zone,omitempty" maxLength:"200"`
		Assignee string         `json:"assignee,omitempty" maxLength:"100" doc:"account of the crew"`
	}
}

func (w *Orders) registerOrders(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/work-orders", Summary: "List work orders, newest first", Tag: tag, Action: web.OrdersRead,
	}, func(ctx context.Context, in *listIn) (*page[Order], error) {
		f := Filter{State: in.State, Priority: event.Priority(in.Priority), Device: in.Device, Source: Source(in.Source)}
		if in.Mine {
			who, _ := web.Who(ctx)
			f.Mine = who.ID
		}
		if in.Cursor != "" {
			n, err := strconv.ParseInt(in.Cursor, 10, 64)
			if err != nil || n < 1 {
				return nil, web.Fail(http.StatusBadRequest, "request.bad_cursor", "take the cursor from the answer before, or leave it out")
			}
			f.Before = n
		}
		os, err := w.List(ctx, f, in.Limit)
		if err != nil {
			return nil, err
		}
		return paged(os, in.Limit, func(o Order) string { return strconv.FormatInt(o.Number, 10) }), nil
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/work-orders/{id}", Summary: "A work order with its log", Tag: tag, Action: web.OrdersRead,
	}, func(ctx context.Context, in *PathID) (*one[Order], error) { return answerOne(w.Get(ctx, in.ID)) })
	web.Register(a, web.Op{
		Method: "POST", Path: "/work-orders", Summary: "Write a work order", Tag: tag, Action: web.OrdersManage, Status: http.StatusCreated,
	}, func(ctx context.Context, in *orderIn) (*one[Order], error) {
		who, _ := web.Who(ctx)
		b := in.Body
		o, err := w.Create(ctx, who, NewOrder{event.Text(b.Title), b.Text, b.Priority, b.Device, b.Zone, b.Assignee})
		return answerOne(o, err)
	})
}

// Keyed is the key of a step; exported, as PathID.
type Keyed struct {
	Key string `header:"Idempotency-Key" maxLength:"100" doc:"the same again changes nothing"`
}

type takeIn struct {
	PathID
	Keyed
}

type textIn struct {
	PathID
	Keyed
	Body struct {
		Text string `json:"text,omitempty" maxLength:"4000"`
	}
}

type assignIn struct {
	PathID
	Body struct {
		Assignee string `json:"assignee" maxLength:"100" doc:"account of the crew; empty: back to everybody"`
	}
}

type staffOut struct {
	Body struct {
		Items []member `json:"items"`
	}
}

type member struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (w *Orders) registerSteps(a *web.API) {
	op := func(name, summary string, action web.Action) web.Op {
		return web.Op{Method: "POST", Path: "/work-orders/{id}/" + name, Summary: summary, Tag: tag, Action: action}
	}
	web.Register(a, op("take", "Take a work order", web.OrdersWork), func(ctx context.Context, in *takeIn) (*one[Order], error) {
		who, _ := web.Who(ctx)
		return answerOne(w.Take(ctx, who, in.ID, in.Key))
	})
	web.Register(a, op("done", "Finish a work order", web.OrdersWork), func(ctx context.Context, in *doneIn) (*one[Order], error) {
		who, _ := web.Who(ctx)
		text := ""
		if in.Body != nil {
			text = in.Body.Text
		}
		return answerOne(w.Done(ctx, who, in.ID, text, a.Allowed(ctx, web.OrdersManage), in.Key))
	})
	web.Register(a, op("comment", "Add to the log of a work order", web.OrdersWork), func(ctx context.Context, in *textIn) (*one[Order], error) {
		who, _ := web.Who(ctx)
		return answerOne(w.Comment(ctx, who, in.ID, in.Body.Text, in.Key))
	})
	web.Register(a, op("assign", "Give a work order to somebody", web.OrdersManage), func(ctx context.Context, in *assignIn) (*one[Order], error) {
		who, _ := web.Who(ctx)
		return answerOne(w.Assign(ctx, who, in.ID, in.Body.Assignee))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/work-orders/staff", Summary: "Who can be given a work order", Tag: tag, Action: web.OrdersManage,
	}, func(ctx context.Context, _ *struct{}) (*staffOut, error) { return w.crew(ctx) })
}
