package access

import (
	"context"
	"time"

	"dongyue/internal/web"
)

// LookedAtBadges is what the audit calls it that somebody looked where a person went.
const LookedAtBadges = "badges.read"

// Lookup is that somebody looked where a person went.
type Lookup struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	Name   string    `json:"name" doc:"of who looked; empty: the account is gone"`
	Person string    `json:"person"`
	Door   string    `json:"door" doc:"limited to this door"`
	Reason string    `json:"reason"`
}

// Looked reads the trace of look-ups.
type Looked interface {
	// Lookups lists them newest first; person "" is everybody.
	Lookups(ctx context.Context, person string, limit int) ([]Lookup, error)
}

type lookupsIn struct {
	Person string `query:"person" maxLength:"100" doc:"empty: of everybody"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

type explainIn struct {
	PathID
	Person     string    `query:"person" minLength:"1" maxLength:"100" required:"true"`
	Credential string    `query:"credential" maxLength:"100" doc:"one of the person's; empty: asked for the person alone"`
	At         time.Time `query:"at" doc:"another time than now: only rights and schedules are asked then"`
}

func (x *Access) registerExplain(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/people/{id}/doors", Summary: "The doors of a person, by which rights, and whether each door's list has the last change", Tag: tag,
		Action: web.AccessRead,
	}, func(ctx context.Context, in *PathID) (*all[Opener], error) { return answerAll(x.DoorsOf(ctx, in.ID)) })
	web.Register(a, web.Op{
		Method: "GET", Path: "/doors/{id}/people", Summary: "Who may open a door, and by which rights", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *PathID) (*all[Opener], error) { return answerAll(x.WhoOpens(ctx, in.ID)) })
	web.Register(a, web.Op{
		Method: "GET", Path: "/doors/{id}/explain", Summary: "What a door would answer to somebody, and why; nothing is opened or kept", Tag: tag,
		Action: web.AccessRead,
	}, func(ctx context.Context, in *explainIn) (*one[Explanation], error) {
		return answerOne(x.Explain(ctx, in.ID, in.Person, in.Credential, in.At))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/badges/lookups", Summary: "Who looked where somebody went, and why", Tag: tag, Action: web.AccessWrite,
	}, func(ctx context.Context, in *lookupsIn) (*all[Lookup], error) {
		if x.looked == nil {
			return answerAll([]Lookup{}, nil)
		}
		return answerAll(x.looked.Lookups(ctx, in.Person, in.Limit))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/people/{id}/phones", Summary: "A person's phones that can prove themselves", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *PathID) (*all[Phone], error) { return answerAll(x.Phones(ctx, in.ID)) })
}
