package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"dongyue/broker"
	"dongyue/devices"
	"dongyue/devices/charger"
	"dongyue/devices/door"
	"dongyue/devices/lamp"
	"dongyue/devices/sensor"
	"dongyue/devices/speaker"
	"dongyue/internal/access"
	"dongyue/internal/alarm"
	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/identity"
	"dongyue/internal/journal"
	"dongyue/internal/pki"
	"dongyue/internal/series"
	"dongyue/internal/web"
	"dongyue/internal/workorder"
	"dongyue/rules"
	"dongyue/streams"
	"dongyue/streams/clip"
	"dongyue/streams/mse"
	"dongyue/streams/onvif"
	"dongyue/streams/rtsp"
	"dongyue/streams/whep"
)

func (a *App) openStores(ctx context.Context) (err error) {
	dir := a.o.Config.Data.Dir
	release, err := lock(dir)
	if err != nil {
		return err
	}
	a.onClose(release)
	if a.key, err = installKey(dir); err != nil {
		return err
	}
	if a.db, err = db.Open(ctx, filepath.Join(dir, "hub.db")); err != nil {
		return err
	}
	a.onClose(a.db.Close)
	if err := migrate(ctx, a.db); err != nil {
		return err
	}
	if a.feed, err = web.NewFeed(ctx, a.db); err != nil {
		return err
	}
	cfg := a.o.Config
	if cfg.MQTT.TLSAddr.On() {
		if a.pki, err = pki.Open(filepath.Join(dir, "pki")); err != nil {
			return err
		}
	}
	if a.journal, err = journal.Open(ctx, journal.Options{Path: filepath.Join(dir, "journal.db"), Keep: cfg.Journal.Retention, Log: a.log}); err != nil {
		return err
	}
	a.onClose(a.journal.Close)
	influx, err := a.influx()
	if err != nil {
		return err
	}
	a.series, err = series.Open(ctx, series.Options{
		Path: filepath.Join(dir, "series.db"), Retention: cfg.Series.Retention, RollupRetention: cfg.Series.RollupRetention, Influx: influx, Log: a.log,
	})
	if err != nil {
		return err
	}
	a.onClose(a.series.Close)
	return nil
}

func (a *App) influx() (*series.Influx, error) {
	c := a.o.Config.Series.Influx
	if !c.Enabled {
		return nil, nil
	}
	token, err := c.Secret()
	if err != nil {
		return nil, err
	}
	return &series.Influx{URL: c.URL, Org: c.Org, Bucket: c.Bucket, Token: token.Reveal(), Batch: c.Batch, Timeout: c.Timeout}, nil
}

func (a *App) buildIdentity(ctx context.Context) (err error) {
	c := a.o.Config.Identity
	a.sentry = newSentry(a)
	a.identity, err = identity.New(identity.Options{
		DB: a.db, Log: a.log, Absolute: c.SessionLifetime, Idle: c.SessionIdle, AuditKey: a.derive("audit"), OnNotice: a.sentry.noticed,
		OnRevoked: func(principal string) {
			if a.whep != nil {
				a.whep.Revoke(principal)
			}
			if a.mse != nil {
				a.mse.Revoke(principal)
			}
			if a.keeper != nil {
				a.keeper.revoked(principal)
			}
		},
	})
	if err != nil {
		return err
	}
	first, err := c.FirstPassword()
	if err != nil {
		return err
	}
	password := first.Reveal()
	if a.o.Demo != nil { // the start block names one password for all accounts
		password = a.demoPassword()
	}
	a.password, err = a.identity.EnsureAdmin(ctx, password)
	return err
}

func (a *App) buildDevices(ctx context.Context) (err error) {
	a.devices, err = devices.New(ctx, devices.Options{
		DB: a.db, Feed: a.feed, Publisher: &a.mqtt, Drop: a.mqtt.drop, Log: a.log,
		Journal: a.journal, Handled: func() uint64 { return a.hub.seq.Load() }, Issuer: a.issuer(), ReadSite: readSite, Permit: a.permit,
		Kinds: []devices.Kind{door.New(), lamp.New(), charger.New(), speaker.New(), sensor.New()},
	})
	if err != nil {
		return err
	}
	alone := a.o.Config.Doors
	a.access, err = access.New(access.Options{
		DB: a.db, Feed: a.feed, Log: a.log, Commander: commander{a.devices}, Commands: commander{a.devices}, Doors: doors{a.devices, &a.mqtt}, Audit: a.identity, Key: a.derive("cards"),
		Places: ways{a.devices}, Lifts: lifts{a.devices}, PublicURL: a.o.Config.HTTP.PublicURL,
		Reporter: reporter{a.devices, a.journal}, Sessions: a.identity, Looked: looked{a.identity}, Rungs: rungs{a},
		Lists: listSender{&a.mqtt}, OfflineFor: access.OfflineFor{Resident: alone.OfflineResident, Staff: alone.OfflineStaff, Courier: alone.OfflineCourier},
		Overstay: access.Overstay{Host: alone.OverstayHost, Desk: alone.OverstayDesk}, Accounts: a.identity, Rings: ringing{a}, Rolls: rolls{a},
		Retention: access.Retention{Badges: alone.BadgeRetention, Visitors: alone.VisitorRetention, Reports: alone.WhereaboutsRetention},
	})
	if err != nil {
		return err
	}
	if err := errors.Join(a.buildBroadcast(ctx), a.buildPanels(ctx), a.buildOfficial(ctx)); err != nil {
		return err
	}
	a.orders, err = workorder.New(workorder.Options{DB: a.db, Feed: a.feed, Log: a.log, Staff: a.identity, Proof: lampProof{a}})
	return err
}

func (a *App) buildStreams(context.Context) (err error) {
	if err := a.buildCameras(); err != nil {
		return err
	}
	if err := a.buildClips(); err != nil {
		return err
	}
	if a.mse, err = mse.New(mse.Options{Streams: a.streams, Log: a.log, Metrics: a.reg}); err != nil {
		return err
	}
	addr := a.o.Config.WebRTC.Addr
	if !addr.On() {
		return nil
	}
	c := a.o.Config.WebRTC
	a.whep, err = whep.New(whep.Options{
		Addr: string(addr), Hosts: c.Hosts, Relays: c.ICEServers, RelaySecret: string(c.TURNSecret), Plain: !c.Direct, Microphone: a.broadcast.Microphone,
		Streams: a.streams, Guests: callers{a}, Log: a.log, Metrics: a.reg,
	})
	return err
}

// buildCameras makes what reaches the cameras.
func (a *App) buildCameras() error {
	c := a.o.Config.Cameras
	nets, err := streams.ParseNetworks(c.Networks)
	if err != nil {
		return ConfigError{fmt.Errorf("cameras.networks: %w", err)}
	}
	pull, err := rtsp.New(rtsp.Options{Networks: nets})
	if err != nil {
		return err
	}
	a.streams, err = streams.New(streams.Options{
		DB: a.db, Feed: a.feed, Puller: pull, Log: a.log, Metrics: a.reg, Networks: nets, SessionsPerHost: c.SessionsPerHost, Finder: onvif.Finder{Networks: nets},
	})
	if err != nil {
		return err
	}
	a.eyes = &eyes{streams: a.streams, journal: a.journal, log: a.log}
	a.onvif, err = onvif.New(onvif.Options{
		Cameras: a.streams, Feed: a.feed, Audit: a.identity, Networks: nets, Log: a.log, Events: c.Events, Reports: a.eyes,
	})
	return err
}

func (a *App) buildClips() (err error) {
	c := a.o.Config.Clips
	if !c.Enabled {
		return nil
	}
	a.clips, err = clip.New(clip.Options{
		DB: a.db, Feed: a.feed, Streams: a.streams, Audit: a.identity, Log: a.log, Metrics: a.reg, Version: a.o.Version,
		Dir: cmp.Or(c.Dir, filepath.Join(a.o.Config.Data.Dir, "clips")), Seed: a.derive("clips"), Open: a.alarmOpen,
		Quality: streams.Quality(c.Stream), Before: c.Before, After: c.After, Retention: c.Retention, MaxBytes: int64(c.MaxGB) * 1e9,
		Continuous: clip.Continuous{Cameras: c.Continuous.Cameras, Retention: c.Continuous.Retention, MaxBytes: int64(c.Continuous.MaxGB) * 1e9},
		Alarms:     a.alarmsAt, Trouble: a.recordingTrouble,
	})
	return err
}

func (a *App) buildJudgement(ctx context.Context) (err error) {
	cards, err := a.cards()
	if err != nil {
		return err
	}
	escalation, err := policies()
	if err != nil {
		return err
	}
	a.alarms, err = alarm.New(ctx, alarm.Options{
		DB: a.db, Feed: a.feed, Log: a.log, Cameras: a.nearest, Device: a.nameOf, Zone: a.zoneName, Operators: a.operators, Orders: repairs{a.orders},
		Shift: a.shift, Location: a.zone, Cards: cards, Policies: escalation, Call: a.escalate, Rehearse: a.rehearse, Audit: a.identity,
	})
	if err != nil {
		return err
	}
	states, err := rules.NewStore(ctx, a.db)
	if err != nil {
		return err
	}
	if err := a.openBook(ctx, states); err != nil {
		return err
	}
	if a.engine, err = rules.New(rules.Options{Set: a.book.Set(), Log: a.log}); err != nil {
		return err
	}
	a.judge = &judge{
		db: a.db, engine: a.engine, states: states, alarms: a.alarms, feed: a.feed, log: a.log, queue: make(chan event.Event, liveQueue),
		settled: func() bool { return a.hub.seq.Load() >= a.journal.Last() },
		after:   a.wake,
	}
	if err := a.buildFollowers(ctx); err != nil {
		return err
	}
	a.judge.memory = &memory{
		path: filepath.Join(a.o.Config.Data.Dir, "rules.windows"), engine: a.engine, journal: a.journal, log: a.log,
		judged: a.hub.seq.Load,
	}
	return errors.Join(a.judge.restore(ctx, a.hub.seq.Load()), a.buildReplays())
}

func (a *App) buildFollowers(ctx context.Context) (err error) {
	if a.hub, err = newFollower(ctx, a.db, "hub", a.log); err != nil {
		return err
	}
	a.hub.steps = []step{
		{"devices", a.devices.Handle},
		{"doors", a.doors.Handle},
		{"access", a.access.Handle},
		{"doorbell", a.doorbell.Handle},
		{"lighting", a.lighting.Handle},
		{"orders", a.linkLamps},
		{"panels", a.panels.Handle},
		{"broadcast", a.broadcast.Handle},
		{"charger curves", a.guard.Handle},
		{"charger ladder", a.ladder.Handle},
		{"charging", a.charging.Handle},
		{"judge", a.judge.handle},
	}
	a.hub.committed = func(ctx context.Context) {
		a.judge.committed()
		a.access.Committed(ctx) // first, somebody stands at the door
		a.doors.Committed(ctx)
		a.guard.Committed()
		a.charging.Committed()
		a.doorbell.Committed(ctx)
		a.lighting.Committed(ctx)
		a.broadcast.Committed()
		a.wake(ctx)
	}
	a.hub.undone = func(context.Context) error {
		a.judge.undone()
		a.access.Undone()
		a.doors.Undone()
		a.doorbell.Undone()
		return nil
	}
	a.telling, err = newFollower(ctx, a.db, "series", a.log)
	if err != nil {
		return err
	}
	a.telling.pace = 200 * time.Millisecond // nobody waits for a curve
	a.telling.before = a.series.Append      // the points have a store of their own
	return nil
}

// wake tells those who wait for a commit.
func (a *App) wake(ctx context.Context) {
	a.notify.Committed()
	if err := a.alarms.Committed(ctx); err != nil && ctx.Err() == nil {
		a.log.WarnContext(ctx, "feed not told", "err", err)
	}
}

func (a *App) buildBroker(ctx context.Context) (err error) {
	c := a.o.Config.MQTT
	secure, err := a.deviceTLS()
	if err != nil {
		return err
	}
	a.keeper = &doorkeeper{devices: a.devices, identity: a.identity, drop: a.mqtt.drop}
	a.sentry.report = reporter{a.devices, a.journal}.Report
	in := &ingest{devices: a.devices, journal: a.journal, log: a.log, again: a.sentry.replayed, live: func(ev event.Event) {
		a.devices.Live(ev)
		a.ladder.See(&ev)
		a.guard.Live(ev)
		a.charging.Live(ev)
		a.judge.live(ev)
		a.series.Write([]event.Event{ev})
	}}
	sessions, err := broker.NewStore(ctx, a.db)
	if err != nil {
		return err
	}
	a.broker, err = broker.New(broker.Options{
		Addr: string(c.Addr), TLSAddr: string(c.TLSAddr), TLS: secure,
		Auth: a.keeper, Sink: in, Observer: newWatch(a), Log: a.log, Registerer: a.reg,
		History: history{a.journal}, Store: sessions, OpenTopics: c.OpenTopics, AnonymousOpen: c.AnonymousOpen,
		Limits: broker.Limits{Clients: c.MaxConnections, Packets: float64(c.MessagesPerS), PacketBurst: c.MessageBurst},
	})
	if err != nil {
		return err
	}
	a.onClose(a.broker.Close)
	if err := a.restoreRetained(ctx); err != nil {
		return err
	}
	a.mqtt.broker.Store(a.broker)
	a.outlook = &outlook{db: a.db, feed: a.feed, mqtt: &a.mqtt, log: a.log}
	return nil
}

// restoreRetained gives the broker what devices last said of themselves, for
// programs that subscribe after a restart.
func (a *App) restoreRetained(ctx context.Context) error {
	for _, d := range a.devices.In(ctx, "", "") {
		messages := map[event.Channel]any{}
		if !d.LastSeen.IsZero() {
			messages[event.Presence] = map[string]any{"online": d.Online, "fw": d.Firmware, "boot": d.Boot}
		}
		if d.State != nil {
			messages[event.State] = map[string]any{"at": d.StateAt, "state": d.State}
		}
		if c := devices.ConfigPayload(&d); c != nil {
			messages[event.Config] = json.RawMessage(c)
		}
		for channel, m := range messages {
			b, err := json.Marshal(m)
			if err != nil {
				return fmt.Errorf("restore %s of %s: %w", channel, d.ID, err)
			}
			if err := a.broker.Restore(event.Topic(d.Kind, d.ID, channel), b); err != nil {
				return fmt.Errorf("restore %s of %s: %w", channel, d.ID, err)
			}
		}
	}
	return nil
}
