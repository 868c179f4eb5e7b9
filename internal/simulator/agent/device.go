package agent

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	mrand "math/rand/v2"
	"strconv"
	"time"

	"dongyue/internal/simulator/community"
)

// Device is what all simulated devices have in common. Its exported methods may
// be called from any goroutine.
type Device struct {
	spec community.Device
	link *link
	log  *slog.Logger
	rand *mrand.Rand
	b    behaviour

	inbox chan func()
	over  chan struct{} // closed when the actor has ended

	// Owned by the actor.
	fw, boot string
	seq      uint64
	life     int // counts power-ons; what was planned in another life does not happen
	on       bool
	replies  map[string]replyMsg
	replied  []string // ids in replies, oldest first
}

// behaviour is what makes a door a door. All of it runs on the actor.
type behaviour interface {
	// start is called at every power-on, after boot and seq are new.
	start()
	// state is the full reported state.
	state() any
	// command checks a command and returns what carries it out: it ends with
	// finish or fail, at once or later. An error refuses the command.
	command(c command) (func(), error)
	// config takes a retained configuration.
	config(payload []byte)
}

// inboxSize lets a burst of commands wait; the actor never waits for the
// network, so it never stays full for long.
const inboxSize = 64

func (d *Device) init(spec community.Device, s *settings, fw string, seed uint64, b behaviour) {
	d.spec, d.fw, d.b = spec, fw, b
	d.log = s.log.With("device_id", spec.ID)
	d.rand = mrand.New(mrand.NewPCG(seed, 0)) //nolint:gosec // temperatures and dice, not secrets
	d.inbox, d.over = make(chan func(), inboxSize), make(chan struct{})
	d.link = newLink(s, spec.ID, spec.Secret, topicsOf(spec.Kind, spec.ID), d.received)
}

// ID is the device's id.
func (d *Device) ID() string { return d.spec.ID }

// Spec is what the model says about the device.
func (d *Device) Spec() community.Device { return d.spec }

// Online reports whether the device has its subscriptions and may send.
func (d *Device) Online() bool { return d.link.online.Load() }

// PowerOff takes the supply away: the connection breaks without a word, and what
// the device had not sent is gone.
func (d *Device) PowerOff() {
	d.link.set(false)
	d.post(func() {
		d.on = false
		d.life++
		d.link.box.clear()
	})
}

// PowerOn brings the supply back; the device boots.
func (d *Device) PowerOn() {
	d.post(func() {
		if !d.on {
			d.powerUp()
		}
	})
}

// NetworkOff pulls the network cable: the device works on alone and keeps what
// it has to say.
func (d *Device) NetworkOff() { d.link.set(false) }

// NetworkOn puts the cable back. It does not switch on a device without power.
func (d *Device) NetworkOn() {
	d.post(func() {
		if d.on {
			d.link.set(true)
		}
	})
}

// post runs f on the actor; without effect after the actor has ended.
func (d *Device) post(f func()) {
	select {
	case d.inbox <- f:
	case <-d.over:
	}
}

// do is post for things that need a device with power.
func (d *Device) do(f func()) {
	d.post(func() {
		if d.on {
			f()
		}
	})
}

// after runs f on the actor after a while, unless the power was lost meanwhile.
func (d *Device) after(wait time.Duration, f func()) *time.Timer {
	life := d.life
	return time.AfterFunc(wait, func() {
		d.post(func() {
			if d.life == life {
				f()
			}
		})
	})
}

// every runs f on the actor again and again, first after a random part of the
// period so that a fleet does not speak in chorus, later with a little jitter
// below the period.
func (d *Device) every(period time.Duration, f func()) {
	var again func()
	again = func() {
		f()
		d.after(period-time.Duration(d.rand.Int64N(int64(period/16)+1)), again)
	}
	d.after(time.Duration(d.rand.Int64N(int64(period)+1)), again)
}

// run is the actor. The connection is a goroutine of the fleet's.
func (d *Device) run(ctx context.Context) {
	defer close(d.over)
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-d.inbox:
			f()
		}
	}
}

func (d *Device) powerUp() {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	d.boot = "b" + hex.EncodeToString(b[:])
	d.seq, d.on = 0, true
	d.life++
	d.replies, d.replied = map[string]replyMsg{}, nil
	d.link.setWill(d.encode(presenceMsg{Online: false, FW: d.fw, Boot: d.boot}))
	d.link.box.setPresence(message{topic: d.link.topics.presence, payload: d.encode(presenceMsg{true, d.fw, d.boot}), retain: true})
	d.b.start()
	d.report()
	d.link.set(true)
}

func (d *Device) encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // our own types always encode
		d.log.Error("encode message", "err", err)
	}
	return b
}

// report sends the full state, retained.
func (d *Device) report() {
	d.link.box.setState(message{
		topic: d.link.topics.state, retain: true,
		payload: d.encode(stateMsg{stamp(time.Now()), d.b.state()}),
	})
}

// none is the data of events that have nothing more to say.
type none struct{}

// happen sends an event and returns its id.
func (d *Device) happen(typ, part string, data any) string {
	d.seq++
	id := d.boot + "-" + strconv.FormatUint(d.seq, 10)
	if data == nil {
		data = none{}
	}
	d.link.box.add(message{
		topic:   d.link.topics.happening,
		payload: d.encode(eventMsg{id, d.boot, d.seq, stamp(time.Now()), typ, part, data}),
	})
	return id
}

// measure sends telemetry with QoS 0; without a connection it is gone.
func (d *Device) measure(part string, values map[string]any) {
	if d.Online() {
		d.link.box.addLossy(message{
			topic: d.link.topics.telemetry, payload: d.encode(telemetryMsg{stamp(time.Now()), part, values}),
		})
	}
}

// received runs on the client's goroutine.
func (d *Device) received(topic string, payload []byte, retained bool) {
	d.do(func() {
		switch topic {
		case d.link.topics.command:
			d.take(payload, retained, time.Now())
		case d.link.topics.config:
			d.b.config(payload)
		}
	})
}
