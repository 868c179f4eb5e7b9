package app

import (
	"context"
	"net/http"

	"dongyue/configs"
	"dongyue/dashboards"
	"dongyue/internal/config"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// registrar is a room with operations.
type registrar interface{ Register(a *web.API) }

func (a *App) buildWeb(ctx context.Context) error {
	a.api = web.NewAPI(a.o.Version, a.identity, a.log)
	rooms := []registrar{
		a.identity, a.devices, a.journal, a.series, a.access, a.broadcast, a.orders, a.alarms, a.engine, a.streams, a.health,
	}
	if a.whep != nil {
		rooms = append(rooms, a.whep)
	}
	if a.demo != nil {
		rooms = append(rooms, a.demo.script)
	}
	for _, r := range rooms {
		r.Register(a.api)
	}
	a.api.Handle(http.MethodGet, "/stream", web.StreamRead, a.api.Stream(a.feed))
	if err := a.registerProcedures(); err != nil {
		return err
	}
	c := a.o.Config.HTTP
	if !c.Addr.On() {
		return nil
	}
	cert, err := serverTLS(c.TLS.Cert, c.TLS.Key)
	if err != nil {
		return err
	}
	a.http, err = newServer(ctx, string(c.Addr), cert, a.api, dashboards.Handler(), a.log)
	if err != nil {
		return err
	}
	a.onClose(func() error { return a.http.close() })
	return nil
}

// registerProcedures serves the cards that an operator works through.
func (a *App) registerProcedures() error {
	cards, err := config.LoadProcedures(configs.Procedures())
	if err != nil {
		return err
	}
	type in struct {
		ID string `path:"id" maxLength:"64"`
	}
	type out struct {
		Body struct {
			ID      string       `json:"id"`
			Title   event.Text   `json:"title"`
			Caution event.Text   `json:"caution" doc:"what must not be done"`
			Steps   []event.Text `json:"steps"`
		}
	}
	web.Register(a.api, web.Op{
		Method: http.MethodGet, Path: "/procedures/{id}", Summary: "A procedure card", Tag: "alarms", Action: web.AlarmsRead,
	}, func(_ context.Context, q *in) (*out, error) {
		p, ok := cards[q.ID]
		if !ok {
			return nil, web.Fail(http.StatusNotFound, "procedure.unknown", "there is no such card; GET /rules lists the ones in use")
		}
		var o out
		o.Body.ID, o.Body.Title, o.Body.Caution, o.Body.Steps = p.ID, p.Title, p.Caution, p.Steps
		return &o, nil
	})
	return nil
}
