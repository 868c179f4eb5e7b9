package alarm

import (
	"context"
	"net/http"
	"time"

	"dongyue/internal/web"
)

type kpiAsk struct {
	Shift string    `query:"shift" enum:"current,previous" doc:"or from and to; without either: the last 24 hours"`
	From  time.Time `query:"from"`
	To    time.Time `query:"to" doc:"default: now"`
}

type alarmKPI struct{ Body KPI }

type floodView struct{ Body Flood }

type badActorList struct {
	Body struct {
		Items []BadActor `json:"items"`
		Next  string     `json:"next"`
	}
}

type badActorOrder struct {
	Body struct {
		Rule   string `json:"rule" minLength:"1" maxLength:"100"`
		Device string `json:"device" minLength:"1" maxLength:"100"`
	}
}

type orderMade struct {
	Body struct {
		Order string `json:"order" doc:"id of the work order"`
	}
}

// floodHistory is how many floods are told.
const floodHistory = 50

func (a *Alarms) registerFigures(api *web.API) {
	read := func(path, summary string) web.Op {
		return web.Op{Method: http.MethodGet, Path: path, Summary: summary, Tag: "alarms", Action: web.AlarmsRead}
	}
	web.Register(api, read("/alarms/kpi", "How the alarm system is doing, held against ISA-18.2"), a.kpi)
	web.Register(api, read("/alarms/flood", "Whether more comes than the operators can take in"), func(ctx context.Context, _ *struct{}) (*floodView, error) {
		f, err := a.Flood(ctx, floodHistory)
		if err != nil {
			return nil, err
		}
		return &floodView{f}, nil
	})
	web.Register(api, read("/alarms/bad-actors", "Alarms that chatter, are fleeting or too frequent"), func(ctx context.Context, _ *struct{}) (*badActorList, error) {
		items, err := a.BadActors(ctx)
		if err != nil {
			return nil, err
		}
		out := &badActorList{}
		out.Body.Items = items
		return out, nil
	})
	order := web.Op{Method: http.MethodPost, Path: "/alarms/bad-actors/order", Summary: "Make a work order of a bad actor", Tag: "alarms", Action: web.OrdersManage}
	web.Register(api, order, func(ctx context.Context, in *badActorOrder) (*orderMade, error) {
		id, err := a.OrderRepair(ctx, in.Body.Rule, in.Body.Device)
		if err != nil {
			return nil, err
		}
		out := &orderMade{}
		out.Body.Order = id
		return out, nil
	})
}

func (a *Alarms) kpi(ctx context.Context, in *kpiAsk) (*alarmKPI, error) {
	s := Span{From: in.From, To: in.To}
	switch {
	case in.Shift != "":
		var err error
		if s, err = a.ShiftSpan(ctx, in.Shift); err != nil {
			return nil, err
		}
	case !s.From.IsZero() && s.To.IsZero():
		s.To = a.now()
	}
	k, err := a.Figures(ctx, s)
	if err != nil {
		return nil, err
	}
	return &alarmKPI{k}, nil
}
