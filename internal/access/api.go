package access

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dongyue/internal/doorlist"
	"dongyue/internal/web"
)

const tag = "access"

// Register adds the operations of people, credentials, rights, the badge log,
// opening from the desk, and the resident's own page.
func (x *Access) Register(a *web.API) {
	x.registerPeople(a)
	x.registerCredentials(a)
	x.registerRights(a)
	x.registerDoors(a)
	x.registerHome(a)
	x.registerRules(a)
	x.registerPasses(a)
	x.registerHouseholds(a)
	x.registerData(a)
	x.registerPhones(a)
	x.registerLists(a)
	x.registerTrails(a)
	x.registerExplain(a)
}

// PageQuery are the parameters of a list; exported, because huma looks into
// embedded structs only then.
type PageQuery struct {
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	Cursor string `query:"cursor" maxLength:"100"`
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
	if out.Body.Items = items; items == nil {
		out.Body.Items = []T{}
	}
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

type nothing struct{}

// problem turns the room's errors into answers; what it does not know stays an
// internal error.
func problem(err error) error {
	if r, ok := errors.AsType[*RefusedError](err); ok {
		return web.Fail(http.StatusForbidden, "home."+string(r.Reason), "the door does not open now: "+string(r.Reason))
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, doorlist.ErrPlate):
		return web.Fail(http.StatusUnprocessableEntity, "access.plate_invalid", err.Error())
	case errors.Is(err, ErrPlateNeeded):
		return web.Fail(http.StatusUnprocessableEntity, "access.plate_needed", err.Error())
	case errors.Is(err, ErrCouriersWay):
		return web.Fail(http.StatusUnprocessableEntity, "access.couriers_way", err.Error())
	case errors.Is(err, ErrInvalid):
		return web.Fail(http.StatusUnprocessableEntity, "access.invalid", err.Error())
	case errors.Is(err, ErrNotFound):
		return web.Fail(http.StatusNotFound, "access.not_found", err.Error())
	case errors.Is(err, ErrTaken):
		return web.Fail(http.StatusConflict, "access.credential_taken", "this value opens for somebody already; revoke that credential first")
	case errors.Is(err, ErrNotYours):
		return web.Fail(http.StatusForbidden, "home.not_your_door", "you can't open this door; ask the service centre if you should be able to")
	case errors.Is(err, ErrNotYourZone):
		return web.Fail(http.StatusForbidden, "access.not_your_zone", "your account does not act in this zone; ask somebody whose account does")
	case errors.Is(err, ErrTooManyPasses):
		return web.Fail(http.StatusConflict, "access.too_many_passes", "this host has as many passes as one may have at a time; revoke one first")
	case errors.Is(err, ErrCodeRevoked):
		return web.Fail(http.StatusForbidden, "home.code_revoked", "your code was revoked; ask the service centre for a fresh one")
	case errors.Is(err, ErrPhone):
		return web.Fail(http.StatusForbidden, "home.phone_unproven", "the phone could not prove itself; try again, or register it anew")
	case errors.Is(err, ErrReasonNeeded):
		return web.Fail(http.StatusUnprocessableEntity, "access.reason_needed", "say in reason why; it goes into the audit")
	case errors.Is(err, ErrOwnRequest):
		return web.Fail(http.StatusForbidden, "access.own_request", "you asked for this copy; another person has to allow it")
	case errors.Is(err, ErrJudged):
		return web.Fail(http.StatusConflict, "access.judged", "somebody has judged it already, or it waited too long; ask anew")
	case errors.Is(err, ErrNotAllowed):
		return web.Fail(http.StatusForbidden, "access.not_allowed", "a second person has to allow this copy first, and it can be taken for a day; ask anew when that is over")
	case errors.Is(err, ErrDoorOffline):
		return web.Fail(http.StatusConflict, "access.door_offline", "the door is not connected; use the card or the key")
	case errors.Is(err, ErrNoLift):
		return web.Fail(http.StatusConflict, "home.no_lift", "no lift behind this door goes to your floor; ask the service centre if one should")
	case errors.Is(err, ErrTooOften):
		return web.Fail(http.StatusTooManyRequests, "home.too_often", "wait a few seconds, then try again")
	}
	return err
}

func actor(ctx context.Context) string {
	p, _ := web.Who(ctx)
	return p.ID
}

type badgesIn struct {
	PageQuery
	Door   string    `query:"door" maxLength:"63"`
	Person string    `query:"person" maxLength:"100" doc:"needs a reason"`
	Reason string    `query:"reason" maxLength:"500" doc:"why somebody's badges are looked up; it goes into the audit"`
	From   time.Time `query:"from" doc:"arrived at or after"`
	To     time.Time `query:"to" doc:"arrived before"`
}

type unlockIn struct {
	PathID
	Key  string `header:"Idempotency-Key" maxLength:"100"`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"why; it goes into the audit"`
	}
}

// openingBody answers an order to open.
type openingBody struct {
	ID        string    `json:"id" doc:"of the command; its state comes on the stream, topic command"`
	Door      string    `json:"door"`
	Status    string    `json:"status" enum:"sent"`
	Ref       string    `json:"ref" doc:"event of the row in the badge log"`
	ExpiresAt time.Time `json:"expires_at"`
}

func openingAnswer(o Opening, err error) (*one[openingBody], error) {
	return answerOne(openingBody{o.Command, o.Door.ID, "sent", o.Ref, o.ExpiresAt}, err)
}

func (x *Access) registerDoors(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/badges", Summary: "Badge log, newest first", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *badgesIn) (*page[Badge], error) {
		before, err := before(in.Cursor)
		if err != nil {
			return nil, err
		}
		if in.Person != "" { // who looks where somebody went, says why and leaves a trace
			if strings.TrimSpace(in.Reason) == "" {
				return nil, problem(ErrReasonNeeded)
			}
			if err := x.audit.Audit(ctx, nil, actor(ctx), LookedAtBadges, in.Person, map[string]any{"door": in.Door, "reason": in.Reason}); err != nil {
				return nil, err
			}
		}
		bs, err := x.Badges(ctx, BadgeFilter{in.Door, in.Person, in.From, in.To, before}, in.Limit)
		if err != nil {
			return nil, err
		}
		return paged(bs, in.Limit, func(b Badge) string { return strconv.FormatInt(b.ID, 10) }), nil
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/doors/{id}/unlock", Summary: "Open a door from the desk", Tag: tag, Action: web.DoorsUnlock,
		Status: http.StatusAccepted,
	}, func(ctx context.Context, in *unlockIn) (*one[openingBody], error) {
		who, _ := web.Who(ctx)
		return openingAnswer(x.Unlock(ctx, who, in.ID, in.Body.Reason, in.Key))
	})
}

// before reads the cursor of a log that is listed newest first.
func before(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || n < 1 {
		return 0, web.Fail(http.StatusBadRequest, "request.bad_cursor", "take the cursor from the answer before, or leave it out")
	}
	return n, nil
}
