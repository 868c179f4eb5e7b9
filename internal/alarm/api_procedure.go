package alarm

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"dongyue/internal/web"
)

type cardByID struct {
	ID string `path:"id" maxLength:"64"`
}

type oneCard struct{ Body Card }

type cardList struct {
	Body struct {
		Items []Card `json:"items"`
		Next  string `json:"next"`
	}
}

type tickIn struct {
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Step   string `json:"step" minLength:"1" maxLength:"40"`
		Answer string `json:"answer,omitempty" maxLength:"40" doc:"to a question"`
		Text   string `json:"text,omitempty" maxLength:"2000"`
		Undo   bool   `json:"undo,omitempty" doc:"take the step back; text says why"`
	}
}

type progressOut struct{ Body *Progress }

// registerProcedures adds the operations on cards.
func (a *Alarms) registerProcedures(api *web.API) {
	op := func(method, path, summary string, action web.Action) web.Op {
		return web.Op{Method: method, Path: path, Summary: summary, Tag: "alarms", Action: action}
	}
	web.Register(api, op(http.MethodGet, "/procedures", "The cards that operators work through", web.AlarmsRead), func(context.Context, *struct{}) (*cardList, error) {
		out := &cardList{}
		out.Body.Items = []Card{}
		for _, c := range a.o.Cards {
			out.Body.Items = append(out.Body.Items, c)
		}
		slices.SortFunc(out.Body.Items, func(x, y Card) int { return cmp.Compare(x.ID, y.ID) })
		return out, nil
	})
	web.Register(api, op(http.MethodGet, "/procedures/{id}", "A procedure card", web.AlarmsRead), func(_ context.Context, in *cardByID) (*oneCard, error) {
		c, ok := a.o.Cards[in.ID]
		if !ok {
			return nil, noCard(in.ID)
		}
		return &oneCard{c}, nil
	})
	web.Register(api, op(http.MethodGet, "/alarms/{id}/procedure", "How far the card of the alarm's incident has been worked through", web.AlarmsRead), func(ctx context.Context, in *alarmByID) (*progressOut, error) {
		p, err := a.Procedure(ctx, in.ID)
		return &progressOut{p}, err
	})
	web.Register(api, op(http.MethodPost, "/alarms/{id}/procedure", "Tick a step, answer a question, or take one back", web.AlarmsAct), func(ctx context.Context, in *tickIn) (*progressOut, error) {
		b := in.Body
		p, err := a.Tick(ctx, in.ID, TickRequest{b.Step, b.Answer, b.Text, b.Undo})
		return &progressOut{p}, err
	})
}
