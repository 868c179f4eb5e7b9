package access

import (
	"context"
	"net/http"
	"time"

	"dongyue/internal/web"
)

type extendIn struct {
	PathID
	Body struct {
		To time.Time `json:"to" doc:"the new end: later than the old one, at most 31 days after the begin"`
	}
}

// registerStays adds what is done about guests who are inside.
func (x *Access) registerStays(a *web.API) {
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/passes/{id}/left", Summary: "My guest is gone, though no camera saw it", Tag: "home", Action: web.Home, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *PathID) (*nothing, error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return nil, problem(x.GuestLeft(ctx, who.ID, who.Person, in.ID))
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/passes/{id}/extend", Summary: "Give my guest more time", Tag: "home", Action: web.Home, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *extendIn) (*nothing, error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return nil, problem(x.ExtendPass(ctx, who.ID, who.Person, in.ID, in.Body.To))
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/passes/{id}/left", Summary: "A guest is gone, though no camera saw it", Tag: tag, Action: web.DoorsUnlock, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *PathID) (*nothing, error) {
		return nil, problem(x.GuestLeft(ctx, actor(ctx), "", in.ID))
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/passes/{id}/extend", Summary: "Give a guest more time", Tag: tag, Action: web.DoorsUnlock, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *extendIn) (*nothing, error) {
		return nil, problem(x.ExtendPass(ctx, actor(ctx), "", in.ID, in.Body.To))
	})
}
