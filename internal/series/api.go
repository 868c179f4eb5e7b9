package series

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"dongyue/internal/web"
)

type seriesInput struct {
	ID     string    `path:"id" maxLength:"63"`
	Metric string    `query:"metric" maxLength:"64" doc:"left out: the list of what is measured"`
	Part   string    `query:"part" maxLength:"64" doc:"port, lamp head …"`
	From   time.Time `query:"from" doc:"left out: a day before to"`
	To     time.Time `query:"to" doc:"left out: now"`
	Step   string    `query:"step" maxLength:"16" doc:"seconds, or 10s, 5m, 1h; left out: about 500 points"`
}

// seriesBody is the list of a device's metrics, or the points of one.
type seriesBody struct {
	Device string   `json:"device"`
	Items  []Metric `json:"items,omitzero" doc:"what is measured, when no metric was named"`
	Next   *string  `json:"next,omitempty"`
	Metric string   `json:"metric,omitempty"`
	Part   string   `json:"part,omitempty"`
	Unit   string   `json:"unit,omitempty"`
	StepS  float64  `json:"step_s,omitempty" doc:"what one point stands for, in seconds"`
	Points []Point  `json:"points,omitzero"`
}

type seriesOutput struct{ Body seriesBody }

// Register adds GET /devices/{id}/series.
func (s *Store) Register(a *web.API) {
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/devices/{id}/series", Tag: "series", Action: web.SeriesRead,
		Summary: "What a device has measured: the list of its metrics, or one over time",
	}, s.series)
}

func (s *Store) series(ctx context.Context, in *seriesInput) (*seriesOutput, error) {
	if in.Metric == "" {
		none := ""
		return &seriesOutput{seriesBody{Device: in.ID, Items: s.Metrics(in.ID), Next: &none}}, nil
	}
	q := Query{Device: in.ID, Part: in.Part, Metric: in.Metric, From: in.From, To: in.To}
	if q.To.IsZero() {
		q.To = s.o.Now()
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-24 * time.Hour)
	}
	if !q.From.Before(q.To) || q.To.Sub(q.From) > maxSpan {
		return nil, web.Fail(http.StatusUnprocessableEntity, "series.bad_span", "from must be before to, by ten years at most")
	}
	var ok bool
	if q.Step, ok = parseStep(in.Step); !ok {
		return nil, web.Fail(http.StatusUnprocessableEntity, "series.bad_step", "write step as seconds, or as 10s, 5m or 1h")
	}
	points, step, err := s.Query(ctx, q)
	if errors.Is(err, ErrTooMany) {
		return nil, web.Fail(http.StatusUnprocessableEntity, "series.too_many", "more than 10,000 points; ask for a longer step or a shorter time")
	}
	if err != nil {
		return nil, err
	}
	return &seriesOutput{seriesBody{
		Device: in.ID, Metric: in.Metric, Part: in.Part, Unit: UnitOf(in.Metric), StepS: step.Seconds(), Points: points,
	}}, nil
}

func parseStep(text string) (time.Duration, bool) {
	if text == "" {
		return 0, true
	}
	d, err := time.ParseDuration(text)
	if n, e := strconv.ParseUint(text, 10, 31); e == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	return d, err == nil && d > 0 && d <= maxSpan
}
