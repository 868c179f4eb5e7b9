package incident

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

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
	ID   string `path:"id" maxLength:"40" example:"charger_runaway"`
	Body *struct {
		Seconds int `json:"for_s,omitempty" doc:"how long; only where the list has a for_s above 0, whose value is taken unless given"`
	}
}

func (s *Script) trigger(ctx context.Context, in *triggerIn) (*struct{}, error) {
	var last time.Duration
	if in.Body != nil {
		last = time.Duration(in.Body.Seconds) * time.Second
	}
	err := s.TriggerFor(ctx, in.ID, last)
	switch {
	case errors.Is(err, ErrLength):
		return nil, web.Fail(http.StatusUnprocessableEntity, "demo.bad_length",
			fmt.Sprintf("for_s is from %.0f to %.0f, and only for incidents that the list shows with a for_s above 0", Shortest.Seconds(), Longest.Seconds()))
	case errors.Is(err, ErrUnknown):
		return nil, web.Fail(http.StatusNotFound, "demo.unknown_incident", "there is no such incident; GET /api/v1/demo/incidents lists them")
	case errors.Is(err, ErrNotRunning):
		return nil, web.Fail(http.StatusServiceUnavailable, "demo.not_running", "the demonstration is not running; start the hub with dongyue demo")
	}
	return nil, err
}
