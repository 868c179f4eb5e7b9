package access

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"dongyue/internal/web"
)

type trailIn struct {
	Body struct {
		Person string    `json:"person" minLength:"1" maxLength:"100"`
		From   time.Time `json:"from"`
		To     time.Time `json:"to"`
		Reason string    `json:"reason" maxLength:"500" doc:"why the copy is needed; the one who judges reads it, and it goes into the audit"`
	}
}

type trailAnswerIn struct {
	PathID
	Body *struct {
		Answer string `json:"answer,omitempty" maxLength:"500" doc:"for the one who asked"`
	}
}

func (in *trailAnswerIn) answer() string {
	if in.Body == nil {
		return ""
	}
	return in.Body.Answer
}

func (x *Access) registerTrails(a *web.API) {
	web.Register(a, web.Op{
		Method: "POST", Path: "/badge-trails", Summary: "Ask for a copy of somebody's badges; a second person has to allow it", Tag: tag, Action: web.AccessRead, Status: http.StatusCreated,
	}, func(ctx context.Context, in *trailIn) (*one[Trail], error) {
		who, _ := web.Who(ctx)
		return answerOne(x.AskTrail(ctx, who, in.Body.Person, in.Body.From, in.Body.To, in.Body.Reason))
	})
	web.Register(a, web.Op{
		Method: "GET", Path: "/badge-trails", Summary: "Copies of badges that were asked for, newest first", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, _ *nothing) (*all[Trail], error) {
		return answerAll(x.Trails(ctx, mostPerPerson))
	})
	for path, allow := range map[string]bool{"/badge-trails/{id}/allow": true, "/badge-trails/{id}/refuse": false} {
		summary := "Refuse a copy that somebody else asked for"
		if allow {
			summary = "Allow a copy that somebody else asked for"
		}
		web.Register(a, web.Op{Method: "POST", Path: path, Summary: summary, Tag: tag, Action: web.AccessWrite},
			func(ctx context.Context, in *trailAnswerIn) (*one[Trail], error) {
				who, _ := web.Who(ctx)
				return answerOne(x.JudgeTrail(ctx, who, in.ID, allow, in.answer()))
			})
	}
	web.Register(a, web.Op{
		Method: "GET", Path: "/badge-trails/{id}/file", Summary: "The copy as CSV, for the one who asked, for a day after it was allowed", Tag: tag, Action: web.AccessRead,
	}, func(ctx context.Context, in *PathID) (*csvOut, error) {
		who, _ := web.Who(ctx)
		t, err := x.takeTrail(ctx, who, in.ID)
		if err != nil {
			return nil, problem(err)
		}
		var b bytes.Buffer
		if err := x.writeTrail(ctx, &b, &t); err != nil {
			return nil, err
		}
		return &csvOut{"text/csv; charset=utf-8", `attachment; filename="` + t.ID + `.csv"`, b.Bytes()}, nil
	})
}
