package alarm

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"dongyue/internal/web"
)

type alarmListAsk struct {
	State    string `query:"state" enum:"open,all,unacked_active,acked_active,unacked_returned,normal,shelved,suppressed,out_of_service" default:"open"`
	Priority string `query:"priority" enum:"critical,high,medium,low"`
	Device   string `query:"device"`
	Zone     string `query:"zone" doc:"and what lies within"`
	Rule     string `query:"rule"`
	Incident string `query:"incident" doc:"the members of one"`
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

type alarmShelve struct {
	ID   string `path:"id" maxLength:"40"`
	Body shelving
}

// shelving is what is asked for an alarm or an incident.
type shelving struct {
	Kind    string `json:"kind" enum:"timed,one_shot" doc:"for so long, or until the condition ends"`
	Minutes int    `json:"minutes,omitempty" minimum:"0" maximum:"100000" doc:"at most 30 for critical, 120 for high, 480 for medium, 1440 for low, unless the hub is configured otherwise; of one_shot: at the latest"`
	Reason  string `json:"reason" maxLength:"2000"`
}

func (s *shelving) length() time.Duration { return time.Duration(s.Minutes) * time.Minute }

// Register adds the operations.
func (a *Alarms) Register(api *web.API) {
	read := func(path, summary string) web.Op {
		return web.Op{Method: http.MethodGet, Path: path, Summary: summary, Tag: "alarms", Action: web.AlarmsRead}
	}
	do := func(what, summary string) web.Op {
		return web.Op{Method: http.MethodPost, Path: "/alarms/{id}/" + what, Summary: summary, Tag: "alarms", Action: web.AlarmsAct}
	}
	web.Register(api, read("/alarms", "Alarms: the open ones by priority, or all by age"), a.list)
	a.registerFigures(api)
	a.registerIncidents(api)
	a.registerServices(api)
	a.registerProcedures(api)
	a.registerEscalation(api)
	a.registerDrills(api)
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
		reason, text := in.why()
		return wrap(a.CloseFor(ctx, in.ID, reason, text))
	})
	web.Register(api, do("shelve", "Put it aside for a time, with a reason"), func(ctx context.Context, in *alarmShelve) (*oneAlarm, error) {
		return wrap(a.Shelve(ctx, in.ID, in.Body.Kind, in.Body.length(), in.Body.Reason))
	})
	web.Register(api, do("unshelve", "Take it back from the shelf"), func(ctx context.Context, in *alarmByID) (*oneAlarm, error) {
		return wrap(a.Unshelve(ctx, in.ID))
	})
}

// why is the reason for a close, and the text.
func (in *alarmClose) why() (reason, text string) {
	if in.Body == nil {
		return Handled, ""
	}
	return cmp.Or(in.Body.Reason, Handled), in.Body.Text
}

func wrap(al *Alarm, err error) (*oneAlarm, error) {
	if err != nil {
		return nil, err
	}
	return &oneAlarm{al}, nil
}

func (a *Alarms) list(ctx context.Context, in *alarmListAsk) (*alarmList, error) {
	items, next, err := a.List(ctx, Filter{
		State: in.State, Priority: in.Priority, Device: in.Device, Zone: in.Zone, Rule: in.Rule, Incident: in.Incident, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &alarmList{}
	out.Body.Items, out.Body.Next = append([]Alarm{}, items...), next
	return out, nil
}
