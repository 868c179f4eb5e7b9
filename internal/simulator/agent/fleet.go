package agent

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"dongyue/internal/doorlist"
	"dongyue/internal/event"
	"dongyue/internal/simulator/community"
)

// Options of a fleet.
type Options struct {
	// Broker is the hub's MQTT door, host:port.
	Broker string
	// TLS makes the devices speak TLS; nil for plain TCP.
	TLS *tls.Config
	// Devices to simulate; of the kinds that this package knows.
	Devices []community.Device
	// People badge at their doors and charge their bikes.
	People []community.Person
	// Plugged are people whose bikes charge from the beginning.
	Plugged []Plugged
	// ListKey is the hub's, with which doors check their lists of rights; nil: doors
	// go by the cards of the people behind them.
	ListKey ed25519.PublicKey
	// PanelKey is the hub's, with which text panels check what they are to show; nil:
	// poles have no panel.
	PanelKey ed25519.PublicKey
	// Quiet keeps the residents at home.
	Quiet bool
	Log   *slog.Logger
	// ConnectRate is how many devices connect per second; 0: 100.
	ConnectRate float64
	// KeepAlive of the connections; 0: 60 s.
	KeepAlive time.Duration
	// AckWait is how long a device waits for a PUBACK before it connects anew and
	// says it again; 0: 30 s.
	AckWait time.Duration
	// MinPause and MaxPause bound the waiting before a new connection; 0: 0.5 s
	// and 30 s.
	MinPause, MaxPause time.Duration
	// Times of the simulated world; zero fields take their defaults.
	Times Times
	// Progress hears how many devices are connected, whenever that changes. It
	// must not block.
	Progress func(online, total int)
	// Acked hears every message that the broker has acknowledged, so that somebody
	// can look for it in the hub's journal. It must not block; it is called from
	// many goroutines. May be nil.
	Acked func(device, topic string, payload []byte)
	// Seed makes the dice of the simulation repeatable.
	Seed uint64
}

// Plugged is somebody's bike at a socket.
type Plugged struct{ Charger, Socket, User string }

// Fleet is all simulated devices.
type Fleet struct {
	opts     Options
	all      []*Device
	byID     map[string]*Device
	doors    map[string]*Door
	lamps    map[string]*Lamp
	chargers map[string]*Charger
	speakers map[string]*Speaker
	sensors  map[string]*Sensor

	mu     sync.Mutex
	online int
}

// firmware that the devices say they run.
const firmware = "1.4.2"

// New checks the options and makes the devices. Nothing connects before Run.
func New(o Options) (*Fleet, error) {
	if o.Broker == "" {
		return nil, errors.New("simulated devices: no broker address")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Times = o.Times.complete()
	f := &Fleet{
		opts: o, byID: map[string]*Device{}, doors: map[string]*Door{}, lamps: map[string]*Lamp{},
		chargers: map[string]*Charger{}, speakers: map[string]*Speaker{}, sensors: map[string]*Sensor{},
	}
	s := f.settings()
	cards := (&community.Community{People: o.People}).Cards()
	for i, d := range o.Devices {
		if !event.ValidDevice(d.ID) || f.byID[d.ID] != nil {
			return nil, fmt.Errorf("simulated devices: id %q is not valid or not unique", d.ID)
		}
		if err := f.add(d, s, cards[d.ID], o.Seed+uint64(i)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *Fleet) settings() *settings {
	or := func(d, def time.Duration) time.Duration {
		if d <= 0 {
			return def
		}
		return d
	}
	perSecond := f.opts.ConnectRate
	if perSecond <= 0 {
		perSecond = 100
	}
	return &settings{
		addr: f.opts.Broker, tls: f.opts.TLS, log: f.opts.Log, limit: rate.NewLimiter(rate.Limit(perSecond), 4), changed: f.changed, heard: f.opts.Acked,
		keepAlive: or(f.opts.KeepAlive, time.Minute), ackWait: or(f.opts.AckWait, 30*time.Second),
		minPause: or(f.opts.MinPause, 500*time.Millisecond), maxPause: or(f.opts.MaxPause, 30*time.Second),
		connectTimeout: 10 * time.Second,
	}
}

func (f *Fleet) add(d community.Device, s *settings, cards []string, seed uint64) error {
	var dev *Device
	t := f.opts.Times
	switch d.Kind {
	case event.Door:
		x := &Door{times: t, cards: cards, lift: newLift(d.Labels["lift"])}
		if f.opts.ListKey != nil {
			x.list = &doorlist.Keeper{Door: d.ID, Key: f.opts.ListKey}
		}
		dev, f.doors[d.ID] = &x.Device, x
		x.init(d, s, firmware, seed, x)
	case event.Lamp:
		x := &Lamp{times: t}
		if f.opts.PanelKey != nil && d.Labels["panel"] != "" {
			x.panel = &textPanel{pole: d.ID, key: f.opts.PanelKey}
		}
		dev, f.lamps[d.ID] = &x.Device, x
		x.init(d, s, firmware, seed, x)
	case event.Charger:
		x := &Charger{times: t}
		dev, f.chargers[d.ID] = &x.Device, x
		x.init(d, s, firmware, seed, x)
		x.users, x.first = func() string { return f.somebody(x.rand) }, map[string]string{}
		for _, p := range f.opts.Plugged {
			if p.Charger == d.ID {
				x.first[p.Socket] = p.User
			}
		}
	case event.Speaker:
		x := &Speaker{times: t}
		dev, f.speakers[d.ID] = &x.Device, x
		x.init(d, s, firmware, seed, x)
	case event.Sensor:
		x := &Sensor{times: t}
		dev, f.sensors[d.ID] = &x.Device, x
		x.init(d, s, firmware, seed, x)
	default:
		return fmt.Errorf("simulated devices: %s is of the unknown kind %q", d.ID, d.Kind)
	}
	f.byID[d.ID] = dev
	f.all = append(f.all, dev)
	return nil
}

func (f *Fleet) somebody(r *rand.Rand) string {
	if len(f.opts.People) == 0 {
		return "guest"
	}
	return f.opts.People[r.IntN(len(f.opts.People))].ID
}

// Run connects all devices and lets them live until ctx ends. A fleet runs once.
func (f *Fleet) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, d := range f.all {
		wg.Go(func() { d.run(ctx) })
		d.post(d.powerUp)
	}
	for _, d := range f.all {
		wg.Go(func() { d.link.run(ctx) })
	}
	if !f.opts.Quiet && len(f.opts.People) > 0 {
		wg.Go(func() { f.residents(ctx) })
	}
	wg.Wait()
	return nil
}

func (f *Fleet) changed(online bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if online {
		f.online++
	} else {
		f.online--
	}
	if f.opts.Progress != nil {
		f.opts.Progress(f.online, len(f.all))
	}
}

// Online is how many devices are connected.
func (f *Fleet) Online() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.online
}

// Device finds any device.
func (f *Fleet) Device(id string) (*Device, bool) { d, ok := f.byID[id]; return d, ok }

// Door finds a door.
func (f *Fleet) Door(id string) (*Door, bool) { d, ok := f.doors[id]; return d, ok }

// Lamp finds a lamp pole.
func (f *Fleet) Lamp(id string) (*Lamp, bool) { d, ok := f.lamps[id]; return d, ok }

// Charger finds a charging shed.
func (f *Fleet) Charger(id string) (*Charger, bool) { d, ok := f.chargers[id]; return d, ok }

// Speaker finds a loudspeaker.
func (f *Fleet) Speaker(id string) (*Speaker, bool) { d, ok := f.speakers[id]; return d, ok }

// Sensor finds a sensor.
func (f *Fleet) Sensor(id string) (*Sensor, bool) { d, ok := f.sensors[id]; return d, ok }

// IDs lists the devices of a kind in order.
func (f *Fleet) IDs(k event.Kind) []string {
	var ids []string
	for _, d := range f.all {
		if d.spec.Kind == k {
			ids = append(ids, d.spec.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// In lists the devices of a zone and of what lies within, in order.
func (f *Fleet) In(zone string) []*Device {
	return f.those(func(d *Device) bool { return event.Within(d.spec.Zone, zone) })
}

// On lists the devices that hang on something, itself among them, in order.
func (f *Fleet) On(upstream string) []*Device {
	return f.those(func(d *Device) bool { return d.spec.ID == upstream || d.spec.Labels["upstream"] == upstream })
}

func (f *Fleet) those(which func(*Device) bool) []*Device {
	var ds []*Device
	for _, d := range f.all {
		if which(d) {
			ds = append(ds, d)
		}
	}
	slices.SortFunc(ds, func(a, b *Device) int { return strings.Compare(a.spec.ID, b.spec.ID) })
	return ds
}

// People are the residents that the fleet was made with.
func (f *Fleet) People() []community.Person { return f.opts.People }
