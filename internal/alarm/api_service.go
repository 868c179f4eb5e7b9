package alarm

import (
	"context"
	"net/http"
	"time"

	"dongyue/internal/web"
)

type serviceList struct {
	Body struct {
		Items []Service `json:"items"`
		Next  string    `json:"next"`
	}
}

type serviceNew struct {
	Body struct {
		Device string    `json:"device,omitempty" maxLength:"100"`
		Zone   string    `json:"zone,omitempty" maxLength:"200" doc:"and what lies within"`
		Rule   string    `json:"rule,omitempty" maxLength:"100" doc:"only alarms of this rule"`
		Until  time.Time `json:"until"`
		Reason string    `json:"reason" maxLength:"2000"`
	}
}

type oneService struct{ Body Service }

type serviceByID struct {
	ID string `path:"id" maxLength:"40"`
}

func (a *Alarms) registerServices(api *web.API) {
	op := func(method, path, summary string, action web.Action) web.Op {
		return web.Op{Method: method, Path: path, Summary: summary, Tag: "alarms", Action: action}
	}
	web.Register(api, op(http.MethodGet, "/out-of-service", "What is out of service: nobody is called for its alarms", web.AlarmsRead), func(ctx context.Context, _ *struct{}) (*serviceList, error) {
		items, err := a.Services(ctx)
		if err != nil {
			return nil, err
		}
		out := &serviceList{}
		out.Body.Items = items
		return out, nil
	})
	web.Register(api, op(http.MethodPost, "/out-of-service", "Take a device, a zone or a rule out of service for maintenance", web.AlarmsAct), func(ctx context.Context, in *serviceNew) (*oneService, error) {
		x := in.Body
		s, err := a.TakeOut(ctx, Service{Device: x.Device, Zone: x.Zone, Rule: x.Rule, Until: x.Until, Reason: x.Reason})
		if err != nil {
			return nil, err
		}
		return &oneService{s}, nil
	})
	web.Register(api, op(http.MethodDelete, "/out-of-service/{id}", "Put it back into service", web.AlarmsAct), func(ctx context.Context, in *serviceByID) (*struct{}, error) {
		return nil, a.PutBack(ctx, in.ID)
	})
}
