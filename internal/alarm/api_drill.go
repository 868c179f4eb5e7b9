package alarm

import (
	"context"
	"net/http"

	"dongyue/internal/web"
)

type drillIn struct {
	Body struct {
		Rule   string         `json:"rule" minLength:"1" maxLength:"100"`
		Device string         `json:"device" minLength:"1" maxLength:"100"`
		Part   string         `json:"part,omitempty" maxLength:"100"`
		Data   map[string]any `json:"data,omitempty" doc:"what the device would say; left out: the hub makes it up"`
		Reason string         `json:"reason" maxLength:"500"`
	}
}

type drillOut struct{ Body Drill }

type drillList struct {
	Body struct {
		Items []Drill `json:"items"`
		Next  string  `json:"next"`
	}
}

type drillByID struct {
	ID string `path:"id" maxLength:"40"`
}

// registerDrills adds the operations on exercises.
func (a *Alarms) registerDrills(api *web.API) {
	web.Register(api, web.Op{
		Method: http.MethodPost, Path: "/drills", Summary: "Exercise a rule: alarms, card and escalation as ever, and nothing is carried out", Tag: "alarms",
		Action: web.DrillsRun, Status: http.StatusCreated,
	}, func(ctx context.Context, in *drillIn) (*drillOut, error) {
		b := in.Body
		d, err := a.BeginDrill(ctx, DrillRequest{b.Rule, b.Device, b.Part, b.Data, b.Reason})
		return &drillOut{d}, err
	})
	web.Register(api, web.Op{
		Method: http.MethodGet, Path: "/drills", Summary: "Exercises, those that are on first", Tag: "alarms", Action: web.AlarmsRead,
	}, func(ctx context.Context, _ *struct{}) (*drillList, error) {
		ds, err := a.Drills(ctx, 100)
		out := &drillList{}
		out.Body.Items = append([]Drill{}, ds...)
		return out, err
	})
	web.Register(api, web.Op{
		Method: http.MethodPost, Path: "/drills/{id}/end", Summary: "End an exercise; its alarms are closed", Tag: "alarms", Action: web.AlarmsAct,
	}, func(ctx context.Context, in *drillByID) (*drillOut, error) {
		d, err := a.EndDrill(ctx, in.ID)
		return &drillOut{d}, err
	})
}
