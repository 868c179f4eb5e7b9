package devices

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"dongyue/internal/web"
)

type changeInput struct {
	ID   string `path:"id" maxLength:"63"`
	Body struct {
		Name   *string           `json:"name,omitempty" maxLength:"200"`
		Labels map[string]string `json:"labels,omitempty" doc:"those named are set, and taken away where the text is empty; the others stay"`
	}
}

// registerChange adds the change of what people have said of a device.
func (r *Registry) registerChange(a *web.API) {
	web.Register(a, web.Op{
		Method: http.MethodPatch, Path: "/devices/{id}", Summary: "Change a device's name or labels", Tag: "devices", Action: web.DevicesWrite,
	}, func(ctx context.Context, in *changeInput) (*deviceOutput, error) {
		d, err := r.Change(ctx, in.ID, in.Body.Name, in.Body.Labels)
		if err != nil {
			return nil, problem(err)
		}
		return &deviceOutput{toJSON(&d)}, nil
	})
}

// Change sets a device's name, where one is given, and the labels that are named; an empty
// text takes one away.
func (r *Registry) Change(ctx context.Context, id string, name *string, labels map[string]string) (Device, error) {
	r.edit.Lock()
	defer r.edit.Unlock()
	rec := r.find(id)
	if rec == nil {
		return Device{}, fmt.Errorf("device %s: %w", id, ErrNoDevice)
	}
	d := rec.view()
	if name != nil {
		d.Name = *name
	}
	if d.Labels = maps.Clone(d.Labels); d.Labels == nil {
		d.Labels = map[string]string{}
	}
	for k, v := range labels {
		if v == "" {
			delete(d.Labels, k)
			continue
		}
		d.Labels[k] = v
	}
	if err := d.check(r.kinds); err != nil {
		return Device{}, err
	}
	if err := r.write(ctx, nil, []entry{{d, nil}}); err != nil {
		return Device{}, err
	}
	return rec.view(), nil
}
