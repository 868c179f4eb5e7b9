package main

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"dongyue/bench/rig"
	"dongyue/e2e/clients/session"
	"dongyue/internal/doorlist"
	"dongyue/internal/event"
)

// bench is one run.
type bench struct {
	*settings
	hub           *rig.Hub
	api           *rig.API
	f             *figures
	ids, chargers []string
	controllers   []*door

	mu    sync.Mutex
	asked map[string]*asking // by event
	watch *watched
}

// asking is a badge that was shown, and when what came of it.
type asking struct {
	at, unlock, row time.Time
	denied          bool
}

// watched is a card that is being taken away: the doors that would still open for it.
type watched struct {
	card string
	open map[string]bool
	last time.Time // when the last of them let go
	done chan struct{}
}

// door is a controller: a session, and the list that it would go by alone.
type door struct {
	b      *bench
	id     string
	client *session.Client
	send   sync.Mutex
	packet uint16
	list   sync.Mutex
	keeper doorlist.Keeper
}

func (b *bench) connect(key ed25519.PublicKey) error {
	for _, id := range b.ids {
		c, err := session.Dial(session.Options{Addr: b.hub.MQTT, ID: id, Secret: secret, Clean: true, Timeout: 10 * time.Second})
		if err != nil {
			return fmt.Errorf("connect %s: %w", id, err)
		}
		d := &door{b: b, id: id, client: c, keeper: doorlist.Keeper{Door: id, Key: key}}
		b.controllers = append(b.controllers, d)
		for i, channel := range []string{"command", "config"} {
			if err := c.Send(session.Subscribe("dy/v1/door/"+id+"/"+channel, uint16(i+1))); err != nil { //nolint:gosec // 1 or 2
				return err
			}
		}
		d.packet = 2
		go d.read()
		go d.ping()
		if err := d.publish("presence", `{"online":true,"fw":"bench","boot":"b1"}`, true); err != nil {
			return err
		}
		if err := d.report(); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) close() {
	for _, d := range b.controllers {
		_ = d.client.Drop() // ends its reading
	}
}

func (d *door) publish(channel, payload string, retain bool) error {
	d.send.Lock()
	defer d.send.Unlock()
	d.packet = max(d.packet+1, 1)
	return d.client.Send(session.Publish("dy/v1/door/"+d.id+"/"+channel, d.packet, []byte(payload), false, retain))
}

// report says which list the door has: its acknowledgement.
func (d *door) report() error {
	d.list.Lock()
	v, hash := d.keeper.Version(), d.keeper.Hash()
	d.list.Unlock()
	return d.publish("state", fmt.Sprintf(`{"at":%q,"state":{"lock":"secured","position":"closed","mode":"controlled","rights":{"version":%d,"hash":%q}}}`, rig.Now(), v, hash), true)
}

// ping keeps the connection of a door that has nothing to say, until it ends.
func (d *door) ping() {
	for {
		time.Sleep(20 * time.Second)
		d.send.Lock()
		err := d.client.Send([]byte{0xc0, 0})
		d.send.Unlock()
		if err != nil {
			return
		}
	}
}

// read takes what comes until the connection ends.
func (d *door) read() {
	for {
		kind, body, err := d.client.Read()
		if err != nil {
			return
		}
		if kind != 3 || len(body) < 4 {
			continue
		}
		now := time.Now()
		n := 2 + int(binary.BigEndian.Uint16(body))
		if len(body) < n+2 {
			return
		}
		d.send.Lock()
		err = d.client.Send([]byte{0x40, 2, body[n], body[n+1]})
		d.send.Unlock()
		if err != nil {
			return
		}
		if body[n-1] == 'g' { // …/config
			d.take(body[n+2:])
		} else {
			d.obey(body[n+2:], now)
		}
	}
}

// obey notes the answer to a badge and carries it out.
func (d *door) obey(payload []byte, now time.Time) {
	var c struct {
		ID, Type string
		Args     struct{ Ref string }
	}
	if json.Unmarshal(payload, &c) != nil {
		return
	}
	d.b.mu.Lock()
	if a := d.b.asked[c.Args.Ref]; a != nil && a.unlock.IsZero() {
		a.unlock, a.denied = now, c.Type != "unlock"
	}
	d.b.mu.Unlock()
	_ = d.publish("reply", fmt.Sprintf(`{"id":%q,"status":"done","at":%q}`, c.ID, rig.Now()), false) // the reading ends when this fails
}

// take puts a part of a list in force as a controller does.
func (d *door) take(payload []byte) {
	var m doorlist.Message
	if json.Unmarshal(payload, &m) != nil || m.Rights == nil {
		return
	}
	d.list.Lock()
	done, err := d.keeper.Receive(*m.Rights, time.Now())
	d.list.Unlock()
	switch {
	case err != nil:
		_ = d.publish("event", fmt.Sprintf(`{"id":"refused-%d","boot":"b1","seq":1,"at":%q,"type":"rights_refused","data":{"version":%d,"reason":%q,"have":%d}}`,
			time.Now().UnixNano(), rig.Now(), m.Rights.Version, reason(err), d.keeper.Version()), false)
	case done:
		_ = d.report()
		d.b.look(d)
	}
}

// reason is the word of the protocol for a list that was not taken.
func reason(err error) doorlist.Fault {
	if r, ok := errors.AsType[*doorlist.RefusedError](err); ok {
		return r.Fault
	}
	return doorlist.BadFormat
}

// opens reports whether the door, alone, would let a card in.
func (d *door) opens(value string) bool {
	d.list.Lock()
	defer d.list.Unlock()
	open, _ := d.keeper.Decide("card", value, event.Controlled, time.Now())
	return open
}

// look sees whether a door has let go of the card that is being taken away.
func (b *bench) look(d *door) {
	now := time.Now()
	b.mu.Lock()
	w := b.watch
	concerned := w != nil && w.open[d.id]
	b.mu.Unlock()
	if !concerned || d.opens(w.card) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if delete(w.open, d.id); len(w.open) == 0 && w.last.IsZero() {
		w.last = now
		close(w.done)
	}
}

// settled waits until every door has confirmed the newest list, and the lists have so
// many entries together.
func (b *bench) settled(ctx context.Context, entries int, within time.Duration) error {
	var last string
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		var lists struct {
			Items []struct {
				State   string
				Entries int
				Refused string
			}
		}
		if err := b.api.Get(ctx, "/door-lists", &lists); err != nil {
			return err
		}
		current, n, refused := 0, 0, ""
		for _, l := range lists.Items {
			if n += l.Entries; l.State == "current" {
				current++
			}
			refused = max(refused, l.Refused)
		}
		if current == b.doors && n == entries {
			return nil
		}
		last = fmt.Sprintf("%d of %d doors have theirs, %d of %d entries %s", current, b.doors, n, entries, refused)
	}
	return fmt.Errorf("the lists did not reach the doors: %s", last)
}
