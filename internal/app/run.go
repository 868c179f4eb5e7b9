package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dongyue/internal/event"
)

// Run is the hub's life. It returns nil when ctx ends, after an orderly stop: the
// doors refuse first, then what is under way ends, and the journal goes last, so
// that nothing that was let in is left without an answer.
func (a *App) Run(ctx context.Context) error {
	// Rooms outlive the doors: they stop when the doors are shut.
	inside, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	disk, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()

	below, belowFails := errgroup.WithContext(disk)
	below.Go(named("journal", func() error { return a.journal.Run(disk) }))
	below.Go(named("series", func() error { return a.series.Run(disk) }))
	a.judge.memory.awake() // ahead of the doors

	rooms, roomFails := errgroup.WithContext(inside)
	work := map[string]func(context.Context) error{
		"devices":   a.devices.Run,
		"access":    a.access.Run,
		"broadcast": a.broadcast.Run,
		"official":  a.official.Run,
		"panels":    a.panels.Run,
		"herald":    a.herald,
		"doors":     a.doors.Run,
		"doorbell":  a.doorbell.Run,
		"lighting":  a.lighting.Run,
		"orders":    a.orders.Run,
		"rules":     a.judge.run,
		"rule book": a.book.Run,
		"reload":    a.reload,
		"replays":   a.replays.Run,
		"watch":     a.watch.run,
		"sentry":    a.sentry.run,
		"audit":     a.inspect,
		"outlook":   a.outlook.run,
		"followers": a.follow,
		"actions":   func(ctx context.Context) error { return a.alarms.Run(ctx, a.carries) },
		"notify":    a.notify.Run,
		"eyes":      a.eyes.run,
		"keeping":   a.keep,
		"curves":    a.guard.Run,
		"ladder":    a.ladder.Run,
		"charging":  a.charging.Run,
	}
	if a.clips != nil {
		work["clips"] = a.clips.Run
	}
	for name, f := range work {
		rooms.Go(named(name, func() error { return f(inside) }))
	}

	doors, doorFails := errgroup.WithContext(ctx)
	context.AfterFunc(doorFails, a.devices.Hold)
	doors.Go(named("broker", func() error { return a.broker.Run(doorFails) }))
	doors.Go(named("video", func() error { return a.streams.Run(doorFails) }))
	doors.Go(named("onvif", func() error { return a.onvif.Run(doorFails) }))
	if a.whep != nil {
		doors.Go(named("webrtc", func() error { return a.whep.Run(doorFails) }))
	}
	doors.Go(named("mse", func() error { return a.mse.Run(doorFails) }))
	if a.http != nil {
		doors.Go(named("http", func() error { return a.http.run(doorFails) }))
	}
	doors.Go(named("start", func() error { return a.start(doorFails) }))
	doors.Go(func() error { // a room that fails takes the house down, with its reason
		select {
		case <-doorFails.Done():
			return nil
		case <-roomFails.Done():
			return errRoom
		case <-belowFails.Done():
			return errRoom
		}
	})
	err := doors.Wait()
	a.health.Hold("stopping")
	leave()
	err = errors.Join(err, rooms.Wait())
	a.judge.remember(disk)
	release()
	return without(errors.Join(err, below.Wait()), errRoom)
}

// errRoom only wakes the doors; the room's own error is what is reported.
var errRoom = errors.New("a room has stopped")

func without(err, unwanted error) error {
	var list interface{ Unwrap() []error }
	if !errors.As(err, &list) {
		if errors.Is(err, unwanted) {
			return nil
		}
		return err
	}
	var rest []error
	for _, e := range list.Unwrap() {
		if e = without(e, unwanted); e != nil {
			rest = append(rest, e)
		}
	}
	return errors.Join(rest...)
}

func named(what string, f func() error) func() error {
	return func() error {
		if err := f(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	}
}

// follow runs the journal's followers.
func (a *App) follow(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.hub.run(ctx, a.journal) })
	g.Go(func() error { return a.telling.run(ctx, a.journal) })
	return g.Wait()
}

// keep trims what only has to be kept for a while.
func (a *App) keep(ctx context.Context) error {
	for pause(ctx, time.Minute) == nil {
		if err := a.feed.Prune(ctx); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "feed not trimmed", "err", err)
		}
		if err := a.notify.Prune(ctx); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "notifications not trimmed", "err", err)
		}
		a.identity.Expire()
		if err := a.muster.Forget(ctx, time.Now()); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "names of old musters not forgotten", "err", err)
		}
		for n := 1; n > 0 && ctx.Err() == nil; {
			var err error
			if n, err = a.alarms.Prune(ctx); err != nil && ctx.Err() == nil {
				a.log.WarnContext(ctx, "old alarms not dropped", "err", err)
			}
		}
	}
	return nil
}

// start brings the demonstration up and says that the hub is there.
func (a *App) start(ctx context.Context) error {
	if a.demo != nil {
		if err := a.demo.run(ctx, a); err != nil {
			return err
		}
		return nil
	}
	return a.announce(nil)
}

// announce prints the start block; from here the hub is ready.
func (a *App) announce(accounts []account) error {
	a.health.Hold("")
	b := banner{version: a.o.Version, url: a.URL(), accounts: accounts}
	add := func(what, where string) { b.lines = append(b.lines, [2]string{what, where}) }
	add("data", a.o.Config.Data.Dir)
	if x := a.broker.Addr(); x != nil {
		add("mqtt", x.String())
	}
	if x := a.broker.TLSAddr(); x != nil {
		add("mqtts", x.String())
	}
	if a.whep != nil {
		add("webrtc", string(a.o.Config.WebRTC.Addr)+" (UDP and TCP)")
	}
	add("devices", fmt.Sprint(len(a.devices.In(context.Background(), event.Kind(""), ""))))
	if a.password != "" && len(accounts) == 0 {
		b.accounts = []account{{"/dispatch", "admin", a.password, "shown once: change it after signing in"}}
	}
	return b.print(a.o.Out)
}

// URL is the address of the screens as somebody on this machine would type it.
func (a *App) URL() string {
	if a.http == nil {
		return "(http is off)"
	}
	scheme := "http"
	if a.o.Config.HTTP.TLS.Cert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(a.http.ln.Addr().String())
	if err != nil {
		return scheme + "://" + a.http.ln.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host + ":" + port
}
