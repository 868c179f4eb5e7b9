package app

import (
	"context"
	"net/http"

	"dongyue/dashboards"
	"dongyue/internal/web"
	"dongyue/rules"
)

// registrar is a room with operations.
type registrar interface{ Register(a *web.API) }

func (a *App) buildWeb(ctx context.Context) error {
	a.api = web.NewAPI(a.o.Version, a.identity, a.log)
	a.api.OnForbidden(a.sentry.forbidden)
	rooms := []registrar{
		a.identity, a.devices, a.journal, a.series, a.access, a.doors, a.doorbell, a.muster, a.broadcast, a.voice, a.official, a.panels, a.orders, a.lighting, a.rota, a.notify, a.alarms, a.charging, suspects{a},
		rules.Operations{Engine: a.engine, Book: a.book, Replays: a.replays}, a.explainer(), chronicle{a.alarms, a.journal}, a.streams, a.onvif, a.mse, a.health,
	}
	if a.whep != nil {
		rooms = append(rooms, a.whep)
	}
	if a.clips != nil {
		rooms = append(rooms, a.clips)
	}
	if a.demo != nil {
		rooms = append(rooms, a.demo.script)
	}
	for _, r := range rooms {
		r.Register(a.api)
	}
	a.api.Handle(http.MethodGet, "/stream", web.StreamRead, a.api.Stream(a.feed))
	a.api.Handle(http.MethodGet, "/home/stream", web.Home, a.api.Stream(a.feed)) // residents read no topic but their own
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
