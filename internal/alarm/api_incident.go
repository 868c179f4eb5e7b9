package alarm

import (
	"context"
	"net/http"
	"time"

	"dongyue/internal/web"
)

type incidentListAsk struct {
	State  string `query:"state" enum:"open,all" default:"open"`
	Zone   string `query:"zone" doc:"and what lies within"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor"`
}

type incidentList struct {
	Body struct {
		Items []*Incident `json:"items"`
		Next  string      `json:"next"`
	}
}

type incidentAsk struct {
	ID   string `path:"id" maxLength:"40"`
	Skip int    `query:"skip" minimum:"0" doc:"so many lines at the beginning of the time line"`
}

type incidentByID struct {
	ID string `path:"id" maxLength:"40"`
}

type oneIncident struct{ Body *IncidentView }

type incidentDone struct{ Body *IncidentDone }

type incidentAck struct {
	ID   string `path:"id" maxLength:"40"`
	Body *struct {
		Text   string    `json:"text,omitempty" maxLength:"2000"`
		SeenAt time.Time `json:"seen_at,omitzero" doc:"last_at of the incident as you saw it: alarms that began later are left as they are; left out: all"`
	}
}

// what is the text, and until when the incident was seen.
func (in *incidentAck) what() (text string, seen time.Time) {
	if in.Body == nil {
		return "", time.Time{}
	}
	return in.Body.Text, in.Body.SeenAt
}

type incidentShelve struct {
	ID   string `path:"id" maxLength:"40"`
	Body shelving
}

func (a *Alarms) registerIncidents(api *web.API) {
	read := func(path, summary string) web.Op {
		return web.Op{Method: http.MethodGet, Path: path, Summary: summary, Tag: "alarms", Action: web.AlarmsRead}
	}
	do := func(what, summary string) web.Op {
		return web.Op{Method: http.MethodPost, Path: "/incidents/{id}/" + what, Summary: summary, Tag: "alarms", Action: web.AlarmsAct}
	}
	web.Register(api, read("/incidents", "Incidents: the open ones with life safety first, or all by age"), func(ctx context.Context, in *incidentListAsk) (*incidentList, error) {
		items, next, err := a.Incidents(ctx, IncidentFilter{State: in.State, Zone: in.Zone, Limit: in.Limit, Cursor: in.Cursor})
		if err != nil {
			return nil, err
		}
		out := &incidentList{}
		out.Body.Items, out.Body.Next = append([]*Incident{}, items...), next
		return out, nil
	})
	web.Register(api, read("/incidents/{id}", "One incident with its alarms and its time line"), func(ctx context.Context, in *incidentAsk) (*oneIncident, error) {
		v, err := a.Incident(ctx, in.ID, in.Skip)
		if err != nil {
			return nil, err
		}
		return &oneIncident{v}, nil
	})
	web.Register(api, do("ack", "Acknowledge all its alarms"), func(ctx context.Context, in *incidentAck) (*incidentDone, error) {
		text, seen := in.what()
		return wrapDone(a.AcknowledgeAll(ctx, in.ID, text, seen))
	})
	web.Register(api, do("assign", "Give it to a person"), func(ctx context.Context, in *alarmAssign) (*incidentDone, error) {
		var user, name string
		if in.Body != nil {
			user, name = in.Body.User, in.Body.Name
		}
		return wrapDone(a.AssignAll(ctx, in.ID, user, name))
	})
	web.Register(api, do("comment", "Write into its journal"), func(ctx context.Context, in *alarmComment) (*incidentDone, error) {
		return wrapDone(a.CommentAll(ctx, in.ID, in.Body.Text))
	})
	web.Register(api, do("close", "Close all its alarms that may be closed, with a reason"), func(ctx context.Context, in *alarmClose) (*incidentDone, error) {
		reason, text := in.why()
		return wrapDone(a.CloseAll(ctx, in.ID, reason, text))
	})
	web.Register(api, do("shelve", "Put all its alarms aside for a time, but those of life safety"), func(ctx context.Context, in *incidentShelve) (*incidentDone, error) {
		return wrapDone(a.ShelveAll(ctx, in.ID, in.Body.Kind, in.Body.length(), in.Body.Reason))
	})
	web.Register(api, do("unshelve", "Take all its alarms back from the shelf"), func(ctx context.Context, in *incidentByID) (*incidentDone, error) {
		return wrapDone(a.UnshelveAll(ctx, in.ID))
	})
}

func wrapDone(d *IncidentDone, err error) (*incidentDone, error) {
	if err != nil {
		return nil, err
	}
	return &incidentDone{d}, nil
}
