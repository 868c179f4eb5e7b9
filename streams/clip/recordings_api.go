package clip

import (
	"context"
	"net/http"
	"time"

	"dongyue/internal/web"
)

// registerRecordings adds the operations of continuous recording.
func (r *Recorder) registerRecordings(a *web.API) {
	const tag = "recordings"
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/recordings", Summary: "How it stands with the recording of every camera", Tag: tag, Action: web.ClipsView}, r.listTaping)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/cameras/{id}/recording", Summary: "How it stands with a camera's continuous recording", Tag: tag, Action: web.ClipsView}, r.getTaping)
	web.Register(a, web.Op{Method: http.MethodPut, Path: "/cameras/{id}/recording", Summary: "Switch a camera's continuous recording, and say how much is kept", Tag: tag, Action: web.CamerasWrite}, r.putTaping)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/cameras/{id}/recordings", Summary: "What there is of a camera in a time: recordings, gaps, alarms, clips", Tag: tag, Action: web.ClipsView}, r.getTimeline)
	a.Handle(http.MethodGet, "/cameras/{id}/recordings/play", web.ClipsView, http.HandlerFunc(r.servePlay))
	web.Register(a, web.Op{Method: http.MethodPost, Path: "/cameras/{id}/recordings/export", Summary: "Make signed clips of a time of a recording", Tag: tag, Action: web.ClipsExport, Status: http.StatusCreated}, r.cutOut)
}

type tapingList struct {
	Body struct {
		Items []Taping `json:"items"`
	}
}

func (r *Recorder) listTaping(ctx context.Context, _ *struct{}) (*tapingList, error) {
	var out tapingList
	out.Body.Items = []Taping{}
	for _, id := range r.o.Streams.IDs() {
		t, err := r.Taping(ctx, id)
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, t)
	}
	return &out, nil
}

type cameraID struct {
	ID string `path:"id" doc:"of the camera"`
}

type tapingOutput struct{ Body Taping }

func (r *Recorder) getTaping(ctx context.Context, in *cameraID) (*tapingOutput, error) {
	if !r.o.Streams.Known(in.ID) && !r.hasRecordings(ctx, in.ID) {
		return nil, refusal(ErrNoCamera)
	}
	t, err := r.Taping(ctx, in.ID)
	return &tapingOutput{t}, err
}

type tapingInput struct {
	ID   string `path:"id" doc:"of the camera"`
	Body Setting
}

func (r *Recorder) putTaping(ctx context.Context, in *tapingInput) (*tapingOutput, error) {
	if err := r.Set(ctx, in.ID, in.Body); err != nil {
		return nil, refusal(err)
	}
	return r.getTaping(ctx, &cameraID{in.ID})
}

type timelineInput struct {
	ID   string    `path:"id" doc:"of the camera"`
	From time.Time `query:"from" required:"true" doc:"RFC 3339"`
	To   time.Time `query:"to" required:"true" doc:"RFC 3339; up to 31 days later"`
}

// longestLine is how much a time line shows.
const longestLine = 31 * 24 * time.Hour

func (r *Recorder) getTimeline(ctx context.Context, in *timelineInput) (*struct{ Body Timeline }, error) {
	if !r.o.Streams.Known(in.ID) && !r.hasRecordings(ctx, in.ID) {
		return nil, refusal(ErrNoCamera)
	}
	if d := in.To.Sub(in.From); d <= 0 || d > longestLine {
		return nil, web.Fail(http.StatusUnprocessableEntity, "recording.span", "to must lie behind from, up to 31 days")
	}
	t, err := r.Timeline(ctx, in.ID, in.From, in.To)
	return &struct{ Body Timeline }{t}, err
}

type cutInput struct {
	ID   string `path:"id" doc:"of the camera"`
	Body struct {
		From   time.Time `json:"from"`
		To     time.Time `json:"to" doc:"up to 30 minutes later"`
		Reason string    `json:"reason" minLength:"1" maxLength:"500" doc:"why; it goes into the audit and the manifest"`
	}
}

type cutOutput struct {
	Body struct {
		Items []Clip `json:"items" doc:"one for each run of the hub or address of the camera that the time touches"`
	}
}

func (r *Recorder) cutOut(ctx context.Context, in *cutInput) (*cutOutput, error) {
	if n := r.exporting.Add(1); n > maxExports {
		r.exporting.Add(-1)
		return nil, refusal(errTooMany)
	}
	defer r.exporting.Add(-1)
	if !r.o.Streams.Known(in.ID) && !r.hasRecordings(ctx, in.ID) {
		return nil, refusal(ErrNoCamera)
	}
	reason, err := reasonOf(in.Body.Reason)
	if err != nil {
		return nil, err
	}
	cs, err := r.Cut(ctx, in.ID, in.Body.From, in.Body.To, reason)
	if err != nil {
		return nil, refusal(err)
	}
	var out cutOutput
	out.Body.Items = cs
	return &out, nil
}
