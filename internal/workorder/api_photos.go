package workorder

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"dongyue/internal/web"
)

// registerPhotos adds the operations of photos, whose bodies are no JSON.
func (w *Orders) registerPhotos(a *web.API) {
	const path = "/work-orders/{id}/photos/{photo}"
	put := web.Op{Method: http.MethodPut, Path: path, Summary: "Add a photo to a work order", Tag: tag, Action: web.OrdersWork}
	a.HandleAs(put, web.Raw{Takes: "image/jpeg", Gives: "application/json", Query: []web.RawParam{
		{Name: "when", Doc: "before or after the repair", Must: true}, {Name: "taken_at", Doc: "by the phone's clock, RFC 3339; without it now"},
	}}, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.putPhoto(rw, r, a.Allowed(r.Context(), web.OrdersManage))
	}))
	get := web.Op{Method: http.MethodGet, Path: path, Summary: "A photo of a work order", Tag: tag, Action: web.OrdersRead}
	a.HandleAs(get, web.Raw{Gives: "image/jpeg"}, http.HandlerFunc(w.getPhoto))
}

// putPhoto takes a JPEG as the body, with ?when= and ?taken_at=.
func (w *Orders) putPhoto(rw http.ResponseWriter, r *http.Request, manager bool) {
	picture, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxPhoto))
	if long := (*http.MaxBytesError)(nil); errors.As(err, &long) {
		web.WriteProblem(rw, web.Fail(http.StatusRequestEntityTooLarge, "order.photo_too_large", "the photo is larger than 2 MiB: make it smaller, 1600 pixels wide will do"))
		return
	}
	if err != nil { // the phone has lost its network; where something before the hub has not, it must not take this for done
		web.WriteProblem(rw, web.Fail(http.StatusRequestTimeout, "order.photo_incomplete", "the photo did not arrive whole: send it again"))
		return
	}
	q := r.URL.Query()
	p := Photo{ID: r.PathValue("photo"), When: q.Get("when")}
	if s := q.Get("taken_at"); s != "" {
		if p.TakenAt, err = time.Parse(time.RFC3339, s); err != nil {
			web.WriteProblem(rw, web.Fail(http.StatusUnprocessableEntity, "order.invalid", "taken_at: a time such as 2026-07-01T08:00:00Z is wanted"))
			return
		}
	}
	who, _ := web.Who(r.Context())
	o, err := w.AddPhoto(r.Context(), who, r.PathValue("id"), p, picture, manager)
	if err != nil {
		w.write(rw, r, err)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(o)
}

func (w *Orders) getPhoto(rw http.ResponseWriter, r *http.Request) {
	b, err := w.picture(r.Context(), r.PathValue("id"), r.PathValue("photo"))
	if err != nil {
		w.write(rw, r, err)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", "private, max-age=86400, immutable")
	_, _ = rw.Write(b)
}

// write answers with what went wrong.
func (w *Orders) write(rw http.ResponseWriter, r *http.Request, err error) {
	p, ok := errors.AsType[*web.Problem](problem(err))
	if !ok {
		w.log.ErrorContext(r.Context(), "photo of an order", "err", err)
		p = web.Fail(http.StatusInternalServerError, "internal", "the hub could not do this; its log says why")
	}
	web.WriteProblem(rw, p)
}
