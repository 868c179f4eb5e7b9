package doorbell

import (
	"context"
	"errors"
	"net/http"

	"dongyue/internal/web"
)

const tag = "home"

// PageQuery limits a list; exported, because huma looks into embedded structs only then.
type PageQuery struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200"`
	Cursor string `query:"cursor" maxLength:"100"`
}

// PathID is the id in a path; exported for the same reason.
type PathID struct {
	ID string `path:"id" maxLength:"100"`
}

type endIn struct {
	PathID
	Body struct {
		Outcome string `json:"outcome" enum:"opened,refused,ended"`
	}
}

type one struct{ Body Shown }

type page struct {
	Body struct {
		Items []Shown `json:"items"`
		Next  string  `json:"next"`
	}
}

// Register adds the operations of calls.
func (b *Doorbell) Register(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/home/calls", Summary: "Who rang at my door, newest first; kept for 30 days", Tag: tag, Action: web.Home,
	}, b.calls)
	web.Register(a, web.Op{
		Method: "GET", Path: "/home/calls/{id}", Summary: "One call", Tag: tag, Action: web.Home,
	}, func(ctx context.Context, in *PathID) (*one, error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		c, err := b.find(ctx, b.db.Read(), who.Person, in.ID)
		return answer(c, who.Person, err)
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/calls/{id}/answer", Summary: "Take a call; the first one has it", Tag: tag, Action: web.Home,
	}, func(ctx context.Context, in *PathID) (*one, error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		c, err := b.Answer(ctx, who.ID, who.Person, in.ID)
		return answer(c, who.Person, err)
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/calls/{id}/end", Summary: "End a call and say what became of it", Tag: tag, Action: web.Home,
	}, func(ctx context.Context, in *endIn) (*one, error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		c, err := b.End(ctx, who.ID, who.Person, in.ID, in.Body.Outcome)
		return answer(c, who.Person, err)
	})
}

func (b *Doorbell) calls(ctx context.Context, in *PageQuery) (*page, error) {
	who, err := resident(ctx)
	if err != nil {
		return nil, err
	}
	cs, err := list(ctx, b.db.Read(), of+`AND (? = '' OR c.rowid < (SELECT rowid FROM doorbell_calls WHERE id = ?)) ORDER BY c.rowid DESC LIMIT ?`,
		who.Person, in.Cursor, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &page{}
	out.Body.Items = []Shown{}
	for i := range cs {
		out.Body.Items = append(out.Body.Items, cs[i].shownTo(who.Person))
	}
	if len(cs) == in.Limit {
		out.Body.Next = cs[len(cs)-1].ID
	}
	return out, nil
}

// resident returns who asks, when the account belongs to a person.
func resident(ctx context.Context) (web.Principal, error) {
	who, _ := web.Who(ctx)
	if who.Person == "" {
		return who, web.Fail(http.StatusForbidden, "home.no_person", "this account belongs to no resident; sign in with the resident's own")
	}
	return who, nil
}

func answer(c Call, person string, err error) (*one, error) {
	switch {
	case err == nil:
		return &one{c.shownTo(person)}, nil
	case errors.Is(err, ErrNotFound):
		return nil, web.Fail(http.StatusNotFound, "call.unknown", "there is no such call of yours")
	case errors.Is(err, ErrTaken):
		return nil, web.Fail(http.StatusConflict, "call.taken", "somebody at home has answered already")
	case errors.Is(err, ErrOver):
		return nil, web.Fail(http.StatusConflict, "call.over", "the call is over; the door can still be opened from the first page")
	case errors.Is(err, ErrInvalid):
		return nil, web.Fail(http.StatusUnprocessableEntity, "call.invalid", err.Error())
	}
	return nil, err
}
