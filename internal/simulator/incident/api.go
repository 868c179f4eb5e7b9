package incident

import (
	"context"
	"errors"
	"net/http"

	"dongyue/internal/web"
)

// Register adds the demonstration's operations.
func (s *Script) Register(a *web.API) {
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/demo/incidents", Summary: "Incidents that can be played", Tag: "demo", Action: web.DemoAct,
	}, func(context.Context, *struct{}) (*listOut, error) {
		var out listOut
		out.Body.Items = s.List()
		return &out, nil
	})
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/demo/incidents/{id}", Summary: "Play an incident", Tag: "demo", Action: web.DemoAct,
		Status: http.StatusAccepted,
	}, s.trigger)
}

type listOut struct {
	Body struct {
		Items []Incident `json:"items"`
		Next  string     `json:"next" doc:"always empty: the list is short"`
	}
}

type triggerIn struct {
	ID string `path:"id" maxLength:"40" example:"charger_runaway"`
}

func (s *Script) trigger(ctx context.Context, in *triggerIn) (*struct{}, error) {
	err := s.Trigger(ctx, in.ID)
	switch {
	case errors.Is(err, ErrUnknown):
		return nil, web.Fail(http.StatusNotFound, "demo.unknown_incident", "there is no such incident; GET /api/v1/demo/incidents lists them")
	case errors.Is(err, ErrNotRunning):
		return nil, web.Fail(http.StatusServiceUnavailable, "demo.not_running", "the demonstration is not running; start the hub with dongyue demo")
	}
	return nil, err
}
