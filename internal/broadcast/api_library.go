package broadcast

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"dongyue/internal/web"
)

// registerLibrary adds what is kept for later: recordings and schedules.
func (b *Broadcasts) registerLibrary(a *web.API) {
	const tag = "broadcasts"
	op := func(method, path, summary string) web.Op {
		return web.Op{Method: method, Path: "/broadcasts" + path, Summary: summary, Tag: tag, Action: web.Broadcast}
	}
	add := op(http.MethodPost, "/recordings", "Upload a sound: WAV or Ogg Opus")
	add.Status = http.StatusCreated
	a.HandleAs(add, web.Raw{Takes: "audio/wav", Gives: "application/json", Query: []web.RawParam{{Name: "name", Doc: "by which people find it", Must: true}}}, http.HandlerFunc(b.upload))
	web.Register(a, op(http.MethodGet, "/recordings", "Uploaded sounds"), b.getRecordings)
	web.Register(a, op(http.MethodDelete, "/recordings/{id}", "Delete an uploaded sound"), func(ctx context.Context, in *idInput) (*struct{}, error) {
		return nil, b.forget(ctx, in.ID)
	})
	web.Register(a, op(http.MethodGet, "/schedules", "Notices and music that come by themselves"), b.getSchedules)
	add = op(http.MethodPost, "/schedules", "Add a notice or music at times of day")
	add.Status = http.StatusCreated
	web.Register(a, add, func(ctx context.Context, in *scheduleInput) (*scheduleOutput, error) {
		in.Body.ID = ""
		s, err := b.saveSchedule(ctx, in.Body)
		return &scheduleOutput{s}, err
	})
	web.Register(a, op(http.MethodPut, "/schedules/{id}", "Change a schedule"), b.putSchedule)
	web.Register(a, op(http.MethodDelete, "/schedules/{id}", "Delete a schedule"), func(ctx context.Context, in *idInput) (*struct{}, error) {
		return nil, b.deleteSchedule(ctx, in.ID)
	})
}

// upload takes a recording as the body, with ?name=.
func (b *Broadcasts) upload(w http.ResponseWriter, r *http.Request) {
	file, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpload))
	if long := (*http.MaxBytesError)(nil); errors.As(err, &long) {
		web.WriteProblem(w, web.Fail(http.StatusRequestEntityTooLarge, "broadcast.recording", "the recording is longer than 128 MiB"))
		return
	}
	if err != nil {
		return // the client has gone
	}
	rec, err := b.keep(r.Context(), r.URL.Query().Get("name"), who(r.Context()), file)
	if p, ok := errors.AsType[*web.Problem](err); ok {
		web.WriteProblem(w, p)
		return
	}
	if err != nil {
		b.log.ErrorContext(r.Context(), "broadcast: recording was not stored", "err", err)
		web.WriteProblem(w, web.Fail(http.StatusInternalServerError, "internal", "the hub could not do this; its log says why"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(rec)
}

type recordingsOutput struct {
	Body struct {
		Items []Recording `json:"items"`
		Next  string      `json:"next"`
	}
}

func (b *Broadcasts) getRecordings(ctx context.Context, _ *struct{}) (*recordingsOutput, error) {
	out := &recordingsOutput{}
	var err error
	out.Body.Items, err = b.recordings(ctx)
	return out, err
}

type (
	scheduleInput  struct{ Body Schedule }
	scheduleOutput struct{ Body Schedule }
)

type putScheduleInput struct {
	ID   string `path:"id"`
	Body Schedule
}

func (b *Broadcasts) putSchedule(ctx context.Context, in *putScheduleInput) (*scheduleOutput, error) {
	all, err := b.schedules(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID == in.ID {
			in.Body.ID = in.ID
			s, err := b.saveSchedule(ctx, in.Body)
			return &scheduleOutput{s}, err
		}
	}
	return nil, web.Fail(http.StatusNotFound, "broadcast.no_schedule", "there is no such schedule: GET /api/v1/broadcasts/schedules lists them")
}

type schedulesOutput struct {
	Body struct {
		Items []Schedule `json:"items"`
		Next  string     `json:"next"`
	}
}

func (b *Broadcasts) getSchedules(ctx context.Context, _ *struct{}) (*schedulesOutput, error) {
	out := &schedulesOutput{}
	var err error
	out.Body.Items, err = b.schedules(ctx)
	for i := range out.Body.Items {
		out.Body.Items[i] = out.Body.Items[i].withNext(b.o.Location)
	}
	return out, err
}
