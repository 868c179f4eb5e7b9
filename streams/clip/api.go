package clip

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"path/filepath"
	"time"

	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/evidence"
)

// Register adds the operations of the clips.
func (r *Recorder) Register(a *web.API) {
	const tag = "clips"
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/clips", Summary: "List clips, the newest first", Tag: tag, Action: web.ClipsView}, r.list)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/cameras/{id}/clips", Summary: "Clips of a camera", Tag: tag, Action: web.ClipsView}, r.listCamera)
	web.Register(a, web.Op{Method: http.MethodPost, Path: "/cameras/{id}/clips", Summary: "Record a clip now, with what came before", Tag: tag, Action: web.ClipsExport, Status: http.StatusCreated}, r.ask)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/clips/key", Summary: "The public key that clips are signed with", Tag: tag, Action: web.ClipsView}, r.tellKey)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/clips/{id}", Summary: "One clip", Tag: tag, Action: web.ClipsView}, r.get)
	a.Handle(http.MethodGet, "/clips/{id}/video.mp4", web.ClipsView, http.HandlerFunc(r.serveVideo))
	a.Handle(http.MethodGet, "/clips/{id}/manifest.json", web.ClipsView, http.HandlerFunc(r.serveManifest))
	a.Handle(http.MethodPost, "/clips/{id}/export", web.ClipsExport, http.HandlerFunc(r.serveExport))
	r.registerManage(a)
	r.registerRecordings(a)
}

type listInput struct {
	Camera string    `query:"camera"`
	Alarm  string    `query:"alarm" doc:"id of an alarm"`
	State  string    `query:"state" enum:"recording,complete,interrupted,failed,kept"`
	From   time.Time `query:"from" doc:"those that show something behind this moment, RFC 3339"`
	To     time.Time `query:"to" doc:"and before this one"`
	Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string    `query:"cursor"`
}

type listOutput struct {
	Body struct {
		Items []Clip `json:"items"`
		Next  string `json:"next"`
	}
}

func (r *Recorder) list(ctx context.Context, in *listInput) (*listOutput, error) {
	return r.listed(ctx, Filter{Camera: in.Camera, Alarm: in.Alarm, State: State(in.State), From: in.From, To: in.To, Cursor: in.Cursor, Limit: in.Limit})
}

type cameraInput struct {
	ID     string `path:"id" doc:"of the camera"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor"`
}

func (r *Recorder) listCamera(ctx context.Context, in *cameraInput) (*listOutput, error) {
	return r.listed(ctx, Filter{Camera: in.ID, Cursor: in.Cursor, Limit: in.Limit})
}

func (r *Recorder) listed(ctx context.Context, f Filter) (*listOutput, error) {
	cs, next, err := r.List(ctx, f)
	if err != nil {
		return nil, err
	}
	var out listOutput
	out.Body.Items, out.Body.Next = cs, next
	if cs == nil {
		out.Body.Items = []Clip{}
	}
	return &out, nil
}

type idInput struct {
	ID string `path:"id"`
}

func (r *Recorder) get(ctx context.Context, in *idInput) (*struct{ Body Clip }, error) {
	c, err := r.Get(ctx, in.ID)
	if err != nil {
		return nil, refusal(err)
	}
	return &struct{ Body Clip }{c}, nil
}

type keyOutput struct {
	Body struct {
		Algorithm   string `json:"algorithm" enum:"ed25519"`
		PublicKey   string `json:"public_key" doc:"base64; for dongyue clips verify --key"`
		Fingerprint string `json:"fingerprint"`
	}
}

func (r *Recorder) tellKey(context.Context, *struct{}) (*keyOutput, error) {
	var out keyOutput
	key := r.Key()
	out.Body.Algorithm, out.Body.PublicKey, out.Body.Fingerprint = "ed25519", base64.StdEncoding.EncodeToString(key), evidence.Fingerprint(key)
	return &out, nil
}

type askInput struct {
	ID   string `path:"id" doc:"of the camera"`
	Body struct {
		Reason  string `json:"reason" minLength:"1" maxLength:"500" doc:"why; it goes into the audit and the manifest"`
		BeforeS *int   `json:"before_s,omitempty" minimum:"0" maximum:"600" doc:"seconds before now; the configuration's clips.before where it is left out"`
		AfterS  *int   `json:"after_s,omitempty" minimum:"1" maximum:"600" doc:"seconds from now; the configuration's clips.after where it is left out"`
	}
}

type clipOutput struct {
	Location string `header:"Location"`
	Body     Clip
}

// ask records a clip because a person wants it.
func (r *Recorder) ask(ctx context.Context, in *askInput) (*clipOutput, error) {
	who, _ := web.Who(ctx)
	now := time.Now()
	before, after := seconds(in.Body.BeforeS, r.o.Before), seconds(in.Body.AfterS, r.o.After)
	q := Request{
		Key: "person/" + randomKey(), Camera: in.ID, From: now.Add(-before), To: now.Add(after), Before: before, Reason: in.Body.Reason, By: who.ID,
	}
	c, err := r.Record(ctx, q)
	if err != nil {
		return nil, refusal(err)
	}
	if err := r.o.Audit.Audit(ctx, nil, who.ID, "clip.recorded", c.ID, map[string]any{"camera": c.Camera, "reason": c.Reason}); err != nil {
		return nil, err
	}
	return &clipOutput{"/api/v1/clips/" + c.ID, c}, nil
}

func seconds(n *int, usual time.Duration) time.Duration {
	if n == nil {
		return usual
	}
	return time.Duration(*n) * time.Second
}

// refusal is an error as the API tells it.
func refusal(err error) error {
	for _, p := range []struct {
		err    error
		status int
		code   string
		detail string
	}{
		{ErrUnknown, http.StatusNotFound, "clip.unknown", "no clip has this id: it may have been deleted for its age; GET /api/v1/clips lists those that are there"},
		{ErrNoCamera, http.StatusNotFound, "camera.unknown", "no camera has this id: GET /api/v1/cameras lists them"},
		{ErrEmpty, http.StatusConflict, "clip.empty", "the clip shows nothing, or nothing yet: GET /api/v1/clips/{id} tells why in problem_text and gaps"},
		{ErrSpoilt, http.StatusConflict, "clip.altered", "the recording on the disk was changed since it was made, so it is not exported: dongyue clips verify says where"},
		{ErrNotRunning, http.StatusServiceUnavailable, "clip.not_running", "the recorder is still starting: try again in a moment"},
		{ErrBusy, http.StatusServiceUnavailable, "clip.busy", "too many clips are being recorded: try again when some have ended"},
		{ErrLength, http.StatusUnprocessableEntity, "clip.length", "a clip lasts up to 30 minutes"},
		{streams.ErrNoFFmpeg, http.StatusNotImplemented, "clip.no_ffmpeg", "a copy with a watermark needs the program ffmpeg on the hub's machine: install it (Debian: apt-get install ffmpeg), or export with the watermark viewer"},
		{ErrCopyLength, http.StatusUnprocessableEntity, "clip.copy_length", "a copy with a watermark is made of clips of up to 5 minutes: export with the watermark viewer"},
		{ErrRunning, http.StatusConflict, "clip.recording", "the clip is still being recorded: try again when it has ended"},
		{ErrKept, http.StatusConflict, "clip.kept", "the clip is kept: PUT /api/v1/clips/{id}/keep with keep false first"},
		{ErrNothing, http.StatusNotFound, "recording.nothing", "nothing was recorded in this time: GET /api/v1/cameras/{id}/recordings tells what there is, and why the rest is missing"},
		{errSpan, http.StatusUnprocessableEntity, "recording.span", "name from and to in RFC 3339, as 2026-01-31T08:00:00Z; to lies behind from, up to 2 hours"},
		{errTooMany, http.StatusServiceUnavailable, "clip.exports", "other exports are being made: try again in a moment"},
	} {
		if errors.Is(err, p.err) {
			return web.Fail(p.status, p.code, p.detail)
		}
	}
	return err
}

func (r *Recorder) dirOf(c *Clip) string { return filepath.Join(r.o.Dir, c.Camera) }
