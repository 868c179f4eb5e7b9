package devices

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"dongyue/internal/web"
)

func (r *Registry) registerDesired(a *web.API) {
	const tag = "devices"
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/devices/{id}/desired", Summary: "What a device is wanted to be, and what it lacks", Tag: tag, Action: web.DevicesRead,
	}, r.getDesired)
	for method, merge := range map[string]bool{http.MethodPut: false, http.MethodPatch: true} {
		summary := "Say what a device is wanted to be"
		if merge {
			summary = "Change members of what a device is wanted to be; null removes one"
		}
		web.Register(a, web.Op{Method: method, Path: "/devices/{id}/desired", Summary: summary, Tag: tag, Action: web.DevicesWrite, MaxBody: MaxPayload},
			func(ctx context.Context, in *desiredInput) (*desiredOutput, error) {
				version, err := in.version()
				if err != nil {
					return nil, err
				}
				d, err := r.Desire(ctx, in.ID, actorOf(ctx), in.Body, merge, version)
				if errors.Is(err, ErrVersion) {
					return nil, web.Fail(http.StatusPreconditionFailed, CodeVersion,
						"it is at version "+strconv.FormatUint(d.Version, 10)+": look at what was changed, and send it with this version")
				}
				if err != nil {
					return nil, problem(err)
				}
				return desiredAnswer(&d), nil
			})
	}
}

type desiredInput struct {
	ID      string `path:"id"`
	IfMatch string `header:"If-Match" doc:"the version that is to be changed, as ETag had it"`
	Version string `query:"version" doc:"the same, for those who can't set headers"`
	Body    map[string]any
}

// version is what the caller expects, nil for any.
func (in *desiredInput) version() (*uint64, error) {
	text := in.Version
	if in.IfMatch != "" {
		text = in.IfMatch
	}
	if text == "" || text == "*" {
		return nil, nil
	}
	v, err := strconv.ParseUint(strings.Trim(strings.TrimPrefix(text, "W/"), `"`), 10, 63)
	if err != nil {
		return nil, web.Fail(http.StatusBadRequest, "request.version", "If-Match or version: a version such as 7 is wanted; 0 for a device of which nothing is wanted yet")
	}
	return &v, nil
}

type desiredOutput struct {
	ETag string `header:"ETag"`
	Body struct {
		Device  string         `json:"device"`
		Desired any            `json:"desired"`
		Version uint64         `json:"version"`
		InSync  bool           `json:"in_sync"`
		Delta   map[string]any `json:"delta" doc:"what is wanted and not reported; null in sync"`
	}
}

func desiredAnswer(d *Device) *desiredOutput {
	out := &desiredOutput{ETag: `"` + strconv.FormatUint(d.Version, 10) + `"`}
	b := &out.Body
	b.Device, b.Version, b.Delta = d.ID, d.Version, d.delta()
	b.InSync = b.Delta == nil
	if d.Want != nil {
		b.Desired = d.Want
	}
	return out
}

func (r *Registry) getDesired(ctx context.Context, in *idInput) (*desiredOutput, error) {
	d, err := r.Get(ctx, in.ID)
	if err != nil {
		return nil, problem(err)
	}
	return desiredAnswer(&d), nil
}

// actorOf is who asks, as audits name them.
func actorOf(ctx context.Context) string {
	p, ok := web.Who(ctx)
	switch {
	case !ok:
		return ""
	case p.Login != "":
		return p.Login
	}
	return p.ID
}
