package alarm

import (
	"context"
	"net/http"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

type policyList struct {
	Body struct {
		Items []Policy `json:"items"`
		Next  string   `json:"next"`
	}
}

type policyIn struct {
	Name string `path:"name" maxLength:"40"`
	Body struct {
		Name       string           `json:"name,omitempty" maxLength:"40" doc:"as in the path"`
		Priorities []event.Priority `json:"priorities" enum:"critical,high,medium,low"`
		Steps      []PolicyStep     `json:"steps" maxItems:"20"`
		Repeat     int              `json:"repeat,omitempty" minimum:"0" maximum:"20"`
		Changed    bool             `json:"changed,omitempty" doc:"ignored"`
	}
}

type policyOut struct{ Body Policy }

// registerEscalation adds the operations on policies.
func (a *Alarms) registerEscalation(api *web.API) {
	web.Register(api, web.Op{
		Method: http.MethodGet, Path: "/escalations/policies", Summary: "Whom alarms go to that nobody acknowledges", Tag: "alarms", Action: web.DutyRead,
	}, func(context.Context, *struct{}) (*policyList, error) {
		out := &policyList{}
		out.Body.Items = a.Policies()
		return out, nil
	})
	web.Register(api, web.Op{
		Method: http.MethodPut, Path: "/escalations/policies/{name}", Summary: "Change a policy, or add one", Tag: "alarms", Action: web.DutyWrite,
	}, func(ctx context.Context, in *policyIn) (*policyOut, error) {
		if in.Body.Name != "" && in.Body.Name != in.Name {
			return nil, web.Fail(http.StatusUnprocessableEntity, "escalation.bad_policy", "name: the path says "+in.Name)
		}
		p, err := a.SetPolicy(ctx, Policy{Name: in.Name, Priorities: in.Body.Priorities, Steps: in.Body.Steps, Repeat: in.Body.Repeat})
		return &policyOut{p}, err
	})
}
