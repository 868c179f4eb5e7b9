package access

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"dongyue/internal/web"
)

type householdsIn struct {
	PageQuery
	Unit string `query:"unit" maxLength:"200" doc:"zone; with all that lies within"`
}

type consentIn struct {
	PathID
	Body struct {
		Guardian string `json:"guardian" minLength:"1" maxLength:"100"`
	}
}

type erasureIn struct {
	Body struct {
		Note string `json:"note,omitempty" maxLength:"500"`
	}
}

type erasuresIn struct {
	All bool `query:"all" doc:"those with an answer, too"`
}

type erasureAnswerIn struct {
	PathID
	Body struct {
		Answer string `json:"answer" minLength:"1" maxLength:"500" doc:"for the one who asked"`
		Erase  bool   `json:"erase" doc:"the person moves out, and name, values and trail go at once"`
	}
}

type importIn struct {
	DryRun  bool `query:"dry_run" doc:"only say what would be done"`
	RawBody []byte
}

type exportIn struct {
	Reason string `query:"reason" maxLength:"500" doc:"why everybody's file is taken along; needed, it goes into the audit"`
}

type csvOut struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (x *Access) registerHouseholds(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/households", Summary: "List homes", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *householdsIn) (*page[Household], error) {
		hs, err := x.Households(ctx, in.Unit, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return paged(hs, in.Limit, func(h Household) string { return h.ID }), nil
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/people/{id}/move-out", Summary: "A person moves out: everything that opens is dead at once", Tag: tag, Action: web.AccessWrite,
	}, func(ctx context.Context, in *PathID) (*one[Receipt], error) {
		return answerOne(x.MoveOut(ctx, actor(ctx), in.ID))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/people/{id}/moves", Summary: "Where a person moved, newest first, with receipts", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *PathID) (*all[MoveInfo], error) {
		return answerAll(x.Moves(ctx, in.ID, mostPerPerson))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/people/{id}/consents", Summary: "Guardians' consents for a child", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *PathID) (*all[Consent], error) { return answerAll(x.Consents(ctx, in.ID)) })
	web.Register(a, web.Op{
		Method: "POST", Path: "/people/{id}/consents", Summary: "A guardian agrees to a child's credentials", Tag: tag, Action: web.AccessWrite, Status: http.StatusCreated,
	}, func(ctx context.Context, in *consentIn) (*one[Consent], error) {
		return answerOne(x.GiveConsent(ctx, actor(ctx), in.ID, in.Body.Guardian))
	})
	web.Register(a, web.Op{
		Method: "DELETE", Path: "/people/{id}/consents", Summary: "A guardian no longer agrees", Tag: tag, Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *PathID) (*nothing, error) {
		return nil, problem(x.EndConsent(ctx, actor(ctx), in.ID))
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/people/import", Summary: "Add and change people from CSV, wholly or not at all", Tag: tag, Action: web.AccessWrite, MaxBody: 16 << 20,
	}, func(ctx context.Context, in *importIn) (*one[ImportResult], error) {
		return answerOne(x.ImportPeople(ctx, actor(ctx), in.RawBody, in.DryRun))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/people/export", Summary: "Everybody who lives here as CSV, without the values of cards and PINs", Tag: tag, Action: web.AccessWrite,
	}, func(ctx context.Context, in *exportIn) (*csvOut, error) {
		if in.Reason = strings.TrimSpace(in.Reason); in.Reason == "" {
			return nil, problem(ErrReasonNeeded)
		}
		if err := x.audit.Audit(ctx, nil, actor(ctx), "people.exported", "", map[string]any{"reason": in.Reason}); err != nil {
			return nil, err
		}
		var b bytes.Buffer
		if err := x.ExportPeople(ctx, &b); err != nil {
			return nil, err
		}
		return &csvOut{"text/csv; charset=utf-8", `attachment; filename="people.csv"`, b.Bytes()}, nil
	})
}

func (x *Access) registerData(a *web.API) {
	web.Register(a, web.Op{
		Method: "GET", Path: "/home/data", Summary: "What is stored about me, and how long; a copy to keep", Tag: "home", Action: web.Home,
	}, func(ctx context.Context, _ *nothing) (*one[MyData], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return answerOne(x.DataOf(ctx, who.Person))
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/home/data/erasure", Summary: "Ask that my data be deleted", Tag: "home", Action: web.Home, Status: http.StatusAccepted,
	}, func(ctx context.Context, in *erasureIn) (*one[Erasure], error) {
		who, err := resident(ctx)
		if err != nil {
			return nil, err
		}
		return answerOne(x.AskErasure(ctx, who.ID, who.Person, in.Body.Note))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/erasures", Summary: "Who asked to be deleted", Tag: tag, Action: web.AccessWrite,
	}, func(ctx context.Context, in *erasuresIn) (*all[Erasure], error) {
		return answerAll(x.Erasures(ctx, "", !in.All))
	})
	web.Register(a, web.Op{
		Method: "POST", Path: "/erasures/{id}", Summary: "Answer a wish to be deleted", Tag: tag, Action: web.AccessWrite, Status: http.StatusNoContent,
	}, func(ctx context.Context, in *erasureAnswerIn) (*nothing, error) {
		return nil, problem(x.AnswerErasure(ctx, actor(ctx), in.ID, in.Body.Answer, in.Body.Erase))
	})
}
