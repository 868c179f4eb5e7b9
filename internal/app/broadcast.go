package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"

	"dongyue/devices"
	"dongyue/internal/alarm"
	"dongyue/internal/broadcast"
	"dongyue/internal/broadcast/voice"
	"dongyue/internal/config"
	"dongyue/internal/event"
)

// What broadcasting needs of the rest of the house.

func (a *App) buildBroadcast(ctx context.Context) (err error) {
	if a.voice, err = voice.New(); err != nil {
		return err
	}
	a.broadcast, err = broadcast.New(ctx, broadcast.Options{
		DB: a.db, Feed: a.feed, Speakers: speakers{a.devices}, Command: announcer{a.devices}, Log: a.log,
		Dir: filepath.Join(a.o.Config.Data.Dir, "sound"), Key: a.derive("sound"), Voice: a.voice, Base: a.soundBase,
		Location: a.zone, Night: a.night(), Trouble: a.unheard, Settled: a.settled,
	})
	return err
}

// night is when the loudspeakers are silent. A demonstration is looked at at any hour.
func (a *App) night() broadcast.Night {
	c := a.o.Config.Broadcast
	from, to, ok := c.Hours()
	if !ok || a.o.Demo != nil && c.Night == config.Default().Broadcast.Night {
		return broadcast.Night{}
	}
	return broadcast.Night{From: from, To: to}
}

// soundBase is the address by which loudspeakers fetch sound; "" while there is none.
func (a *App) soundBase() string {
	if u := a.o.Config.Broadcast.URL; u != "" {
		return u
	}
	if a.http == nil {
		return ""
	}
	scheme := "http://"
	if a.o.Config.HTTP.TLS.Cert != "" {
		scheme = "https://"
	}
	addr, ok := a.http.ln.Addr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	host := addr.IP
	if host.IsUnspecified() {
		host = ownAddress()
	}
	return scheme + net.JoinHostPort(host.String(), fmt.Sprint(addr.Port))
}

// ownAddress is the first address of this machine that others reach it by.
func ownAddress() net.IP {
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP
		}
	}
	return net.IPv4(127, 0, 0, 1)
}

// unheard raises an alarm when too few loudspeakers began a message in time. Music may
// be missed.
func (a *App) unheard(ctx context.Context, b broadcast.Broadcast) {
	p := event.High
	switch {
	case b.Priority == broadcast.Music:
		return
	case b.Priority >= broadcast.Operator:
		p = event.Low
	}
	s := hubAlarm("broadcast.unheard", b.ID, p)
	missing := b.Targets - b.Playing - b.Done
	s.Title = event.Text{
		ZH: fmt.Sprintf("广播未达：%d 只音柱中有 %d 只未按时播出", b.Targets, missing),
		EN: fmt.Sprintf("broadcast not heard: %d of %d loudspeakers did not begin in time", missing, b.Targets),
	}
	a.raise(ctx, s)
}

// raise raises an alarm of the hub's own.
func (a *App) raise(ctx context.Context, s alarm.Signal) {
	err := a.db.Tx(ctx, func(tx *sql.Tx) error {
		_, err := a.alarms.Apply(ctx, tx, []alarm.Signal{s})
		return err
	})
	if err == nil {
		err = a.alarms.Committed(ctx)
	}
	if err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "alarm of the hub not raised", "rule", s.Rule, "err", err)
	}
}

// speakers are the registry's loudspeakers as broadcast sees them.
type speakers struct{ devices *devices.Registry }

func (s speakers) In(ctx context.Context, zone string) []broadcast.Node {
	all := s.devices.In(ctx, event.Speaker, zone)
	out := make([]broadcast.Node, len(all))
	for i := range all {
		out[i] = loudspeaker(&all[i])
	}
	return out
}

func (s speakers) Within(ctx context.Context, polygon []broadcast.Point) (out []broadcast.Node) {
	all := s.devices.In(ctx, event.Speaker, "")
	for i := range all {
		if d := &all[i]; (d.X != 0 || d.Y != 0) && broadcast.Inside(broadcast.Point{X: d.X, Y: d.Y}, polygon) {
			out = append(out, loudspeaker(d))
		}
	}
	return out
}

func (s speakers) Get(ctx context.Context, id string) (broadcast.Node, bool) {
	d, err := s.devices.Get(ctx, id)
	if err != nil || d.Kind != event.Speaker {
		return broadcast.Node{}, false
	}
	return loudspeaker(&d), true
}

// loudspeaker is a device as broadcast sees it: where it takes sound that is sent to it,
// it says in its state.
func loudspeaker(d *devices.Device) broadcast.Node {
	var state struct {
		RTP string `json:"rtp"`
		Mic bool   `json:"microphone"`
	}
	_ = json.Unmarshal(d.State, &state) // a state without it is one that fetches only
	return broadcast.Node{ID: d.ID, Zone: d.Zone, Online: d.Online, RTP: state.RTP, Mic: state.Mic}
}

// announcer gives loudspeakers their orders.
type announcer struct{ devices *devices.Registry }

func (n announcer) Give(ctx context.Context, orders []broadcast.Order) []broadcast.Given {
	qs := make([]devices.CommandRequest, len(orders))
	for i, o := range orders {
		qs[i] = devices.CommandRequest{Device: o.Device, Type: o.Type, Args: o.Args, TTL: o.TTL, Key: o.Key, Actor: o.Actor, Ref: o.Ref}
	}
	out := make([]broadcast.Given, len(orders))
	for i, c := range n.devices.Commands(ctx, qs) {
		out[i] = broadcast.Given{Command: c.Command.ID, Err: c.Err}
	}
	return out
}
