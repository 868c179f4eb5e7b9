package devices

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sort"
	"strings"

	"dongyue/internal/event"
	"dongyue/internal/web"
)

// Register adds the operations of the registry.
func (r *Registry) Register(a *web.API) {
	const tag = "devices"
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/devices", Summary: "List devices with their twins", Tag: tag, Action: web.DevicesRead}, r.list)
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/devices", Summary: "Register a device; its secret is shown only here",
		Tag: tag, Action: web.DevicesWrite, Status: http.StatusCreated,
	}, r.create)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/devices/{id}", Summary: "One device with its twin", Tag: tag, Action: web.DevicesRead}, r.show1)
	web.Register(a, web.Op{
		Method: http.MethodPost, Path: "/devices/import", Summary: "Register devices from CSV (id,kind,name,zone,secret) or a site file in YAML",
		Tag: tag, Action: web.DevicesWrite, MaxBody: maxImport,
	}, r.importCSV)
	web.Register(a, web.Op{Method: http.MethodGet, Path: "/zones", Summary: "The address tree, parents first", Tag: tag, Action: web.DevicesRead}, r.listZones)
	r.registerCommands(a)
	r.registerDesired(a)
	r.registerIdentity(a)
	r.registerChange(a)
	r.registerExport(a)
}

type deviceList struct {
	Body struct {
		Items []deviceJSON `json:"items"`
		Next  string       `json:"next"`
	}
}

type listInput struct {
	Kind   string   `query:"kind"`
	Zone   string   `query:"zone" doc:"this zone and below"`
	Online string   `query:"online" enum:"true,false"`
	Health string   `query:"health" enum:"ok,fault,unknown"`
	Label  []string `query:"label,explode" maxItems:"8" doc:"name=value, or a name alone; all must fit"`
	Q      string   `query:"q" maxLength:"100" doc:"part of the id or the name"`
	Limit  int      `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string   `query:"cursor" doc:"next of the page before"`
}

func (in *listInput) wants(d *Device) bool {
	switch {
	case in.Kind != "" && string(d.Kind) != in.Kind:
	case !event.Within(d.Zone, in.Zone):
	case in.Online != "" && (in.Online == "true") != d.Online:
	case !labelled(d, in.Label):
	case in.Health != "" && string(d.Health) != in.Health:
	case in.Q != "" && !strings.Contains(d.ID, strings.ToLower(in.Q)) && !strings.Contains(strings.ToLower(d.Name), strings.ToLower(in.Q)):
	default:
		return true
	}
	return false
}

// labelled reports whether a device has all labels: name=value, or a name alone.
func labelled(d *Device, labels []string) bool {
	for _, l := range labels {
		name, want, exact := strings.Cut(l, "=")
		if has, ok := d.Labels[name]; !ok || exact && has != want {
			return false
		}
	}
	return true
}

func (r *Registry) list(_ context.Context, in *listInput) (*deviceList, error) {
	out := &deviceList{}
	out.Body.Items = []deviceJSON{}
	all := r.byID()
	all = all[sort.Search(len(all), func(i int) bool { return all[i].id > in.Cursor }):]
	for _, rec := range all {
		d, ok := rec.viewIf(in.wants)
		if !ok {
			continue
		}
		if n := len(out.Body.Items); n == in.Limit {
			out.Body.Next = out.Body.Items[n-1].ID
			break
		}
		out.Body.Items = append(out.Body.Items, toJSON(&d))
	}
	return out, nil
}

func (rec *record) viewIf(want func(*Device) bool) (Device, bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if !want(&rec.d) {
		return Device{}, false
	}
	return rec.d.clone(), true
}

type createInput struct {
	Body struct {
		ID     string            `json:"id" doc:"1–63 lower-case letters, digits and -" example:"door-e01-1"`
		Kind   string            `json:"kind" example:"door"`
		Name   string            `json:"name,omitempty" maxLength:"200"`
		Zone   string            `json:"zone,omitempty" example:"east/b01/u1"`
		Labels map[string]string `json:"labels,omitempty"`
		X      float64           `json:"x,omitempty"`
		Y      float64           `json:"y,omitempty"`
		Secret string            `json:"secret,omitempty" maxLength:"256" doc:"a preset secret; without it the hub makes one"`
	}
}

type created struct {
	Body struct {
		deviceJSON
		Secret string `json:"secret" doc:"shown once; only its hash is kept"`
	}
}

func (r *Registry) create(ctx context.Context, in *createInput) (*created, error) {
	b := &in.Body
	d := Device{ID: b.ID, Kind: event.Kind(b.Kind), Name: b.Name, Zone: b.Zone, Labels: b.Labels, X: b.X, Y: b.Y}
	secret, err := r.Create(ctx, d, b.Secret)
	if err != nil {
		return nil, problem(err)
	}
	d, err = r.Get(ctx, b.ID)
	if err != nil {
		return nil, problem(err)
	}
	out := &created{}
	out.Body.deviceJSON, out.Body.Secret = toJSON(&d), secret
	return out, nil
}

type idInput struct {
	ID string `path:"id"`
}

type deviceOutput struct {
	Body deviceJSON
}

func (r *Registry) show1(ctx context.Context, in *idInput) (*deviceOutput, error) {
	d, err := r.Get(ctx, in.ID)
	if err != nil {
		return nil, problem(err)
	}
	return &deviceOutput{toJSON(&d)}, nil
}

type importInput struct {
	Type    string `header:"Content-Type" doc:"text/csv, or application/yaml for a site file"`
	RawBody []byte `contentType:"text/csv"`
}

type importOutput struct {
	Body Imported
}

func (r *Registry) importCSV(ctx context.Context, in *importInput) (*importOutput, error) {
	read := r.Import
	if strings.Contains(in.Type, "yaml") {
		read = r.ImportSite
	}
	done, err := read(ctx, in.RawBody)
	if err != nil {
		return nil, problem(err)
	}
	return &importOutput{done}, nil
}

type zoneList struct {
	Body struct {
		Items []Zone `json:"items"`
		Next  string `json:"next"`
	}
}

func (r *Registry) listZones(ctx context.Context, in *struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"5000" default:"5000"`
	Cursor string `query:"cursor"`
},
) (*zoneList, error) {
	all := r.Zones(ctx)
	if in.Cursor != "" {
		all = all[sort.Search(len(all), func(i int) bool { return comparePath(all[i].ID, in.Cursor) > 0 }):]
	}
	out := &zoneList{}
	if len(all) > in.Limit {
		all = all[:in.Limit]
		out.Body.Next = all[in.Limit-1].ID
	}
	out.Body.Items = slices.Clip(all)
	return out, nil
}

// problem is the answer to an error of the registry.
func problem(err error) error {
	if p := certificateProblem(err); p != nil {
		return p
	}
	var ref *Refusal
	switch {
	case errors.As(err, &ref) && ref.Code == CodeKeyReused:
		return web.Fail(http.StatusConflict, ref.Code, ref.Detail+": use a new key for a new command")
	case errors.As(err, &ref):
		return web.Fail(http.StatusUnprocessableEntity, ref.Code, ref.Detail)
	case errors.Is(err, ErrNoDevice):
		return web.Fail(http.StatusNotFound, CodeDevice, "no such device: GET /api/v1/devices lists them")
	case errors.Is(err, ErrExists):
		return web.Fail(http.StatusConflict, "device.exists", "a device of this id is registered: choose another id, or change it by import")
	}
	return err
}
