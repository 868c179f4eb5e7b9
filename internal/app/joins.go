package app

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"dongyue/broker"
	"dongyue/devices"
	"dongyue/internal/access"
	"dongyue/internal/broadcast"
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

func (p *mqttPort) drop(device string) {
	if b := p.broker.Load(); b != nil {
		b.Drop(device)
	}
}

// doorkeeper lets devices in by secret, and programs by token.
type doorkeeper struct {
	devices  *devices.Registry
	identity *identity.Identity
}

var errWho = errors.New("client id, user name and device id must be the same; a program's password is its token")

func (d doorkeeper) Authenticate(ctx context.Context, c broker.Credentials) (broker.Identity, error) {
	if c.ClientID == c.Username && event.ValidDevice(c.ClientID) {
		if kind, err := d.devices.Authenticate(ctx, c.ClientID, c.Password); err == nil {
			return broker.Identity{ID: c.ClientID, Kind: kind}, nil
		}
	}
	if p, ok := d.identity.VerifyToken(ctx, string(c.Password)); ok && p.Role == web.Integrator {
		return broker.Identity{ID: c.ClientID, Integrator: true}, nil
	}
	return broker.Identity{}, errWho
}

// doors are the registry's doors as access sees them.
type doors struct{ devices *devices.Registry }

func (d doors) DoorsIn(zone string) []access.Door {
	all := d.devices.In(context.Background(), event.Door, zone)
	out := make([]access.Door, len(all))
	for i := range all {
		out[i] = asDoor(&all[i])
	}
	return out
}

func (d doors) Door(id string) (access.Door, bool) {
	x, err := d.devices.Get(context.Background(), id)
	if err != nil || x.Kind != event.Door {
		return access.Door{}, false
	}
	return asDoor(&x), true
}

func asDoor(d *devices.Device) access.Door {
	return access.Door{ID: d.ID, Name: d.Name, Zone: d.Zone, Online: d.Online}
}

// commander orders commands in the shape that access and broadcast ask for.
type commander struct{ devices *devices.Registry }

func (c commander) Command(ctx context.Context, device, typ string, args any, ttl time.Duration, key, actor, ref string) (string, error) {
	cmd, err := c.devices.Command(ctx, devices.CommandRequest{Device: device, Type: typ, Args: args, TTL: ttl, Key: key, Actor: actor, Ref: ref})
	return cmd.ID, err
}

// speakers are the registry's loudspeakers as broadcast sees them.
type speakers struct{ devices *devices.Registry }

func (s speakers) In(ctx context.Context, zone string) []broadcast.Node {
	all := s.devices.In(ctx, event.Speaker, zone)
	out := make([]broadcast.Node, len(all))
	for i, d := range all {
		out[i] = broadcast.Node{ID: d.ID, Online: d.Online}
	}
	return out
}

// announcer orders loudspeakers to play.
type announcer struct{ devices *devices.Registry }

func (n announcer) Play(ctx context.Context, p broadcast.Play) (string, error) {
	return commander(n).Command(ctx, p.Device, "play", p.Args, p.TTL, p.Key, p.Actor, p.Ref)
}
