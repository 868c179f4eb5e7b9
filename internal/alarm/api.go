package alarm

import (
	"context"
	"net/http"

	"dongyue/internal/web"
)

type alarmListAsk struct {
	State    string `query:"state" enum:"open,all,unacked_active,acked_active,unacked_returned,normal,shelved,suppressed,out_of_service" default:"open"`
	Priority string `query:"priority" enum:"critical,high,medium,low"`
	Device   string `query:"device"`
	Zone     string `query:"zone" doc:"and what lies within"`
	Rule     string `query:"rule"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor   string `query:"cursor"`
}

type alarmList struct {
	Body struct {
		Items []Alarm `json:"items"`
		Next  string  `json:"next"`
	}
}

type alarmByID struct {
	ID string `path:"id" maxLength:"40"`
}

type oneAlarm struct{ Body *Alarm }

type alarmAck struct {
	ID   string `path:"id" maxLength:"40"`
	Body *struct {
		Text string `json:"text,omitempty" maxLength:"2000"`
	}
}

type alarmAssign struct {
	ID   string `path:"id" maxLength:"40"`
	Body *struct {
		User string `json:"user,omitempty" maxLength:"100" doc:"account id; without user and name: yourself"`
		Name string `json:"name,omitempty" maxLength:"100" doc:"as shown"`
	}
}

type alarmComment struct {
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"2000"`
	}
}

type alarmClose struct {
	ID   string `path:"id" maxLength:"40"`
	Body *struct {
		Reason string `json:"reason,omitempty" enum:"handled,false_alarm,test,duplicate,device_removed" default:"handled"`
		Text   string `json:"text,omitempty" maxLength:"2000"`
	}
}

type alarmKPI struct{ Body KPI }

// Register adds the operations.
func (a *Alarms) Register(api *web.API) {
	read := func(path, summary string) web.Op {
		return web.Op{Method: http.MethodGet, Path: path, Summary: summary, Tag: "alarms", Action: web.AlarmsRead}
	}
	do := func(what, summary string) web.Op {
		return web.Op{Method: http.MethodPost, Path: "/alarms/{id}/" + what, Summary: summary, Tag: "alarms", Action: web.AlarmsAct}
	}
	web.Register(api, read("/alarms", "Alarms: the open ones by priority, or all by age"), a.list)
	web.Register(api, read("/alarms/kpi", "How the alarm system is doing"), func(ctx context.Context, _ *struct{}) (*alarmKPI, error) {
		k, err := a.Figures(ctx)
		return &alarmKPI{k}, err
	})
	web.Register(api, read("/alarms/{id}", "One alarm with its journal"), func(ctx context.Context, in *alarmByID) (*oneAlarm, error) {
		return wrap(a.Get(ctx, in.ID))
	})
	web.Register(api, do("ack", "Acknowledge: I have seen it"), func(ctx context.Context, in *alarmAck) (*oneAlarm, error) {
		var text string
		if in.Body != nil {
			text = in.Body.Text
		}
		return wrap(a.Acknowledge(ctx, in.ID, text))
	})
	web.Register(api, do("assign", "Give it to a person"), func(ctx context.Context, in *alarmAssign) (*oneAlarm, error) {
		var user, name string
		if in.Body != nil {
			user, name = in.Body.User, in.Body.Name
		}
		return wrap(a.AssignTo(ctx, in.ID, user, name))
	})
	web.Register(api, do("comment", "Write into its journal"), func(ctx context.Context, in *alarmComment) (*oneAlarm, error) {
		return wrap(a.AddComment(ctx, in.ID, in.Body.Text))
	})
	web.Register(api, do("close", "Close it, with a reason"), func(ctx context.Context, in *alarmClose) (*oneAlarm, error) {
		reason, text := Handled, ""
		if in.Body != nil {
			text = in.Body.Text
			if in.Body.Reason != "" {
				reason = in.Body.Reason
			}
		}
		return wrap(a.CloseFor(ctx, in.ID, reason, text))
	})
}

func wrap(al *Alarm, err error) (*oneAlarm, error) {
	if err != nil {
		return nil, err
	}
	return &oneAlarm{al}, nil
}

func (a *Alarms) list(ctx context.Context, in *alarmListAsk) (*alarmList, error) {
	items, next, err := a.List(ctx, Filter{
		State: in.State, Priority: in.Priority, Device: in.Device, Zone: in.Zone, Rule: in.Rule, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &alarmList{}
	out.Body.Items, out.Body.Next = append([]Alarm{}, items...), next
	return out, nil
}
