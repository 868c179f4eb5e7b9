package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dongyue/broker"
	"dongyue/configs"
	"dongyue/devices"
	"dongyue/devices/charger"
	"dongyue/devices/door"
	"dongyue/devices/lamp"
	"dongyue/devices/sensor"
	"dongyue/devices/speaker"
	"dongyue/internal/access"
	"dongyue/internal/alarm"
	"dongyue/internal/broadcast"
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
	a.identity, err = identity.New(identity.Options{
		DB: a.db, Log: a.log, Absolute: c.SessionLifetime, Idle: c.SessionIdle, AuditKey: a.derive("audit"),
		OnRevoked: func(principal string) {
			if a.whep != nil {
				a.whep.Revoke(principal)
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
		Journal: a.journal, Handled: func() uint64 { return a.hub.seq.Load() }, Issuer: a.issuer(), ReadSite: readSite,
		Kinds: []devices.Kind{door.New(), lamp.New(), charger.New(), speaker.New(), sensor.New()},
	})
	if err != nil {
		return err
	}
	a.access, err = access.New(access.Options{
		DB: a.db, Feed: a.feed, Log: a.log, Commander: commander{a.devices}, Commands: commander{a.devices}, Doors: doors{a.devices, &a.mqtt}, Audit: a.identity, Key: a.derive("cards"),
	})
	if err != nil {
		return err
	}
	a.broadcast, err = broadcast.New(ctx, broadcast.Options{
		DB: a.db, Feed: a.feed, Speakers: speakers{a.devices}, Command: announcer{a.devices}, Log: a.log,
	})
	if err != nil {
		return err
	}
	a.orders, err = workorder.New(workorder.Options{DB: a.db, Feed: a.feed, Log: a.log, Staff: a.identity})
	return err
}

func (a *App) buildStreams(context.Context) (err error) {
	pull, err := rtsp.New(rtsp.Options{})
	if err != nil {
		return err
	}
	if a.streams, err = streams.New(streams.Options{DB: a.db, Feed: a.feed, Puller: pull, Log: a.log, Metrics: a.reg}); err != nil {
		return err
	}
	addr := a.o.Config.WebRTC.Addr
	if !addr.On() {
		return nil
	}
	a.whep, err = whep.New(whep.Options{Addr: string(addr), Hosts: a.o.Config.WebRTC.Hosts, Streams: a.streams, Log: a.log, Metrics: a.reg})
	return err
}

func (a *App) buildJudgement(ctx context.Context) (err error) {
	a.alarms, err = alarm.New(ctx, alarm.Options{DB: a.db, Feed: a.feed, Log: a.log, Cameras: a.nearest, Device: a.nameOf})
	if err != nil {
		return err
	}
	dir, name := a.ruleFiles()
	set, problems := rules.Load(dir)
	if len(problems) > 0 {
		errs := make([]error, len(problems))
		for i, p := range problems {
			errs[i] = errors.New(filepath.Join(name, p.String()))
		}
		return ConfigError{errors.Join(errs...)}
	}
	if a.engine, err = rules.New(rules.Options{Set: set, Log: a.log}); err != nil {
		return err
	}
	states, err := rules.NewStore(ctx, a.db)
	if err != nil {
		return err
	}
	a.judge = &judge{
		db: a.db, engine: a.engine, states: states, alarms: a.alarms, log: a.log, queue: make(chan event.Event, liveQueue),
		settled: func() bool { return a.hub.seq.Load() >= a.journal.Last() },
		after:   a.wake,
	}
	if err := a.judge.restore(ctx); err != nil {
		return err
	}
	return a.buildFollowers(ctx)
}

// ruleFiles are those that the configuration names, or the ones in the binary.
func (a *App) ruleFiles() (dir fs.FS, name string) {
	if d := a.o.Config.Rules.Dir; d != "" {
		return os.DirFS(d), d
	}
	return configs.Rules(), "rules"
}

func (a *App) buildFollowers(ctx context.Context) (err error) {
	if a.hub, err = newFollower(ctx, a.db, "hub", a.log); err != nil {
		return err
	}
	a.hub.steps = []step{
		{"devices", a.devices.Handle},
		{"access", a.access.Handle},
		{"broadcast", a.broadcast.Handle},
		{"judge", a.judge.handle},
	}
	a.hub.committed = func(ctx context.Context) {
		a.judge.committed()
		a.access.Committed(ctx) // first, somebody stands at the door
		a.wake(ctx)
	}
	a.hub.undone = func(context.Context) error {
		a.judge.undone()
		a.access.Undone()
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
	in := &ingest{devices: a.devices, journal: a.journal, log: a.log, live: func(ev event.Event) {
		a.devices.Live(ev)
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
