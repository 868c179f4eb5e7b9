package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dongyue/broker"
	"dongyue/devices"
	"dongyue/devices/charger/guard"
	reaction "dongyue/devices/charger/ladder"
	"dongyue/internal/access"
	"dongyue/internal/alarm"
	"dongyue/internal/broadcast"
	"dongyue/internal/broadcast/voice"
	"dongyue/internal/charging"
	"dongyue/internal/config"
	"dongyue/internal/db"
	"dongyue/internal/doorbell"
	ladder "dongyue/internal/doors"
	"dongyue/internal/health"
	"dongyue/internal/identity"
	"dongyue/internal/journal"
	"dongyue/internal/lighting"
	"dongyue/internal/muster"
	"dongyue/internal/notify"
	"dongyue/internal/official"
	"dongyue/internal/panel"
	"dongyue/internal/pki"
	"dongyue/internal/rota"
	"dongyue/internal/series"
	"dongyue/internal/web"
	"dongyue/internal/workorder"
	"dongyue/rules"
	"dongyue/streams"
	"dongyue/streams/clip"
	"dongyue/streams/mse"
	"dongyue/streams/onvif"
	"dongyue/streams/whep"
)

// Options of New. All but Demo and Reload are needed.
type Options struct {
	Config   *config.Config
	Version  string
	Log      *slog.Logger
	Demo     *Demo            // nil: no simulated community
	Out      io.Writer        // takes the start block
	Progress io.Writer        // takes what happens until then
	Reload   <-chan os.Signal // asks to read the rules again; may be nil
}

// ConfigError is a mistake in a file that the hub was told to use.
type ConfigError struct{ error }

func (e ConfigError) Unwrap() error { return e.error }

// App is the hub.
type App struct {
	o    Options
	log  *slog.Logger
	key  []byte         // of this installation
	zone *time.Location // of the community
	reg  prometheus.Registerer

	db        *db.DB
	feed      *web.Feed
	journal   *journal.Journal
	series    *series.Store
	identity  *identity.Identity
	devices   *devices.Registry
	access    *access.Access
	doors     *ladder.Doors
	muster    *muster.Musters
	doorbell  *doorbell.Doorbell
	broadcast *broadcast.Broadcasts
	voice     *voice.Voice
	official  *official.Official
	panels    *panel.Room
	orders    *workorder.Orders
	lighting  *lighting.Lighting
	rota      *rota.Rota
	notify    *notify.Notify
	alarms    *alarm.Alarms
	guard     *guard.Guard
	charging  *charging.Charging
	ladder    *reaction.Ladder
	engine    *rules.Engine
	book      *rules.Book
	replays   *rules.Replays
	streams   *streams.Streams
	onvif     *onvif.Room
	eyes      *eyes
	whep      *whep.Server // nil: switched off
	mse       *mse.Server
	clips     *clip.Recorder // nil: switched off
	broker    *broker.Broker
	health    *health.Health
	api       *web.API
	http      *server // nil: switched off

	mqtt    mqttPort
	judge   *judge
	carries alarm.Carry // carries out an alarm's action
	hub     *follower   // twins, doors, broadcasts, alarms
	telling *follower   // telemetry to the series
	outlook *outlook    // alarm changes to programs over MQTT
	watch   *watch      // refusals at the broker
	sentry  *sentry     // refusals at the API
	keeper  *doorkeeper
	pki     *pki.Authority // nil: no TLS listener
	demo    *demo          // nil: none

	password string // the administrator's, when it was made just now
	closers  []func() error
}

// New opens the stores, brings them up to date, builds the rooms and takes the
// ports. Nothing runs before Run. When it fails, what was opened is closed.
func New(ctx context.Context, o Options) (_ *App, err error) {
	a := &App{o: o, log: o.Log}
	a.carries = a.carry
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	for _, build := range []struct {
		what string
		f    func(context.Context) error
	}{
		{"site", a.setZone}, // ahead of all rooms: several go by the local clock
		{"health", a.buildHealth},
		{"stores", a.openStores},
		{"people", a.buildIdentity},
		{"devices", a.buildDevices},
		{"video", a.buildStreams},
		{"duty", a.buildDuty},
		{"doors", a.buildDoors},
		{"muster", a.buildMuster},
		{"chargers", a.buildChargers},
		{"doorbell", a.buildDoorbell},
		{"lighting", a.buildLighting},
		{"judgement", a.buildJudgement},
		{"site", a.applySite},
		{"broker", a.buildBroker},
		{"demonstration", a.buildDemo},
		{"conditions", a.addConditions},
		{"screens", a.buildWeb},
	} {
		if err := build.f(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", build.what, err)
		}
	}
	return a, nil
}

// Close gives back what New took, last first. Call it after Run has returned.
func (a *App) Close() error {
	var errs []error
	for _, f := range slices.Backward(a.closers) {
		errs = append(errs, f())
	}
	a.closers = nil
	return errors.Join(errs...)
}

func (a *App) onClose(f func() error) { a.closers = append(a.closers, f) }
