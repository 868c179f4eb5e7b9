package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"dongyue/broker"
	"dongyue/devices"
	"dongyue/internal/access"
	"dongyue/internal/config"
	"dongyue/internal/event"
	"dongyue/internal/identity"
	"dongyue/internal/web"
)

// What one room needs of another, put into its words.

// mqttPort is the broker as devices and alarms see it. The broker is made after
// those who publish through it, so it is put in later.
type mqttPort struct{ broker atomic.Pointer[broker.Broker] }

var errNotStarted = errors.New("the broker has not started")

func (p *mqttPort) Publish(topic string, payload []byte, qos byte, retain bool, expiry time.Duration) error {
	b := p.broker.Load()
	if b == nil {
		return errNotStarted
	}
	return b.Publish(topic, payload, qos, retain, expiry)
}

func (p *mqttPort) Connected(device string) bool {
	b := p.broker.Load()
	return b != nil && b.Connected(device)
}

// Backlog is how much waits for a device's connection (bytes).
func (p *mqttPort) Backlog(device string) int {
	if b := p.broker.Load(); b != nil {
		return b.Backlog(device)
	}
	return 0
}

func (p *mqttPort) drop(device string) {
	if b := p.broker.Load(); b != nil {
		b.Drop(device)
	}
}

// doorkeeper lets devices in by secret, and programs by token.
type doorkeeper struct {
	devices  *devices.Registry
	identity *identity.Identity
	drop     func(id string)
}

var errWho = errors.New("client id, user name and device id must be the same; a program's password is its token")

func (d *doorkeeper) Authenticate(ctx context.Context, c broker.Credentials) (broker.Identity, error) {
	if c.Certificate != nil {
		return d.certified(ctx, c)
	}
	if c.ClientID == c.Username && event.ValidDevice(c.ClientID) {
		if kind, err := d.devices.Authenticate(ctx, c.ClientID, c.Password); err == nil {
			return broker.Identity{ID: c.ClientID, Kind: kind}, nil
		}
	}
	p, ok := d.identity.VerifyToken(ctx, string(c.Password))
	if !ok || p.Role != web.Integrator {
		return broker.Identity{}, errWho
	}
	// The token is who it is: a client id of its own choice must not make it another.
	return broker.Identity{ID: p.ID, Integrator: true}, nil
}

// certified lets a device in by its certificate alone. Who shows the certificate
// of a device speaks for no other, whatever the password.
func (d *doorkeeper) certified(ctx context.Context, c broker.Credentials) (broker.Identity, error) {
	if c.Username != "" && c.Username != c.ClientID {
		return broker.Identity{}, errWho
	}
	kind, err := d.devices.AuthenticateCertificate(ctx, c.ClientID, c.Certificate)
	if err != nil {
		return broker.Identity{}, err
	}
	return broker.Identity{ID: c.ClientID, Kind: kind}, nil
}

// revoked closes what came in with a token that is no longer good.
func (d *doorkeeper) revoked(token string) { d.drop(token) }

// doors are the registry's doors as access sees them. Whether one is there is the
// broker's word: the twin follows a little later.
type doors struct {
	devices *devices.Registry
	mqtt    *mqttPort
}

func (d doors) DoorsIn(zone string) []access.Door {
	all := d.devices.In(context.Background(), event.Door, zone)
	out := make([]access.Door, len(all))
	for i := range all {
		out[i] = d.door(&all[i])
	}
	return out
}

func (d doors) Door(id string) (access.Door, bool) {
	x, err := d.devices.Get(context.Background(), id)
	if err != nil || x.Kind != event.Door {
		return access.Door{}, false
	}
	return d.door(&x), true
}

func (d doors) door(x *devices.Device) access.Door {
	return access.Door{ID: x.ID, Name: x.Name, Zone: x.Zone, Online: d.mqtt.Connected(x.ID), Vehicles: barrier(x)}
}

// barrier reports whether a door is one for cars.
func barrier(x *devices.Device) bool { return x.Labels[config.PassageLabel] == config.Vehicles }

// commander orders commands in the shape that access and broadcast ask for.
type commander struct{ devices *devices.Registry }

func (c commander) Command(ctx context.Context, device, typ string, args any, ttl time.Duration, key, actor, ref string) (string, error) {
	cmd, err := c.devices.Command(ctx, devices.CommandRequest{Device: device, Type: typ, Args: args, TTL: ttl, Key: key, Actor: actor, Ref: ref})
	return cmd.ID, err
}

// State tells access what became of a command.
func (c commander) State(ctx context.Context, command string) (actor, status, problem string, ok bool, err error) {
	cmd, err := c.devices.FindCommand(ctx, command)
	if errors.Is(err, devices.ErrNoCommand) {
		return "", "", "", false, nil
	}
	return cmd.Actor, string(cmd.Status), cmd.Error, err == nil, err
}
