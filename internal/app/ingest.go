package app

import (
	"encoding/json"
	"log/slog"

	"dongyue/broker"
	"dongyue/devices"
	"dongyue/internal/event"
	"dongyue/internal/journal"
)

// ingest takes in what devices publish: decoded by devices, committed by the
// journal, and only then acknowledged. It implements broker.Sink.
type ingest struct {
	devices *devices.Registry
	journal *journal.Journal
	live    func(event.Event) // what comes with QoS 0 and is not journaled
	again   func(event.Event) // a badge of long ago that was here before
	log     *slog.Logger
}

// Durable commits a message. What can't be read is committed too, as quarantine
// with its reason: a device that were refused would send it for ever.
func (i *ingest) Durable(m broker.Message, done func(seq uint64, err error)) {
	ev, err := i.devices.Decode(m.Topic, m.Payload, m.ReceivedAt)
	if err != nil {
		ev = i.devices.Quarantined(m.Topic, m.Payload, err, m.ReceivedAt)
	}
	old := i.replay(&ev)
	i.journal.Append(ev, func(seq uint64, dup bool, err error) {
		if err == nil && ev.Late && (old || dup && asks(&ev)) {
			i.again(ev)
		}
		done(seq, err)
	})
}

// replay reports whether a badge of long ago has a number that was there before: then
// another badge under that number is in the journal already. One that was on its way
// when the network was cut has a number of its own.
func (i *ingest) replay(ev *event.Event) bool {
	return ev.Late && asks(ev) && i.devices.Counted(ev.Device, ev.Boot, ev.BootSeq)
}

// asks reports whether an event asks to be let in. What a door did alone it may have to
// say twice.
func asks(ev *event.Event) bool {
	if ev.Kind != event.Door || ev.Channel != event.Happening || ev.Type != "badge" {
		return false
	}
	var b struct {
		Decision string `json:"decision"`
	}
	return json.Unmarshal(ev.Data, &b) == nil && b.Decision == "ask"
}

// Lossy takes QoS 0. Telemetry goes straight to twins, rules and series; anything
// else is too dear to lose on our side and is committed, though nobody waits.
func (i *ingest) Lossy(m broker.Message) {
	ev, err := i.devices.Decode(m.Topic, m.Payload, m.ReceivedAt)
	if err == nil && ev.Channel == event.Telemetry {
		i.live(ev)
		return
	}
	i.Durable(m, func(_ uint64, err error) {
		if err != nil {
			i.log.Debug("message of qos 0 not kept", "device_id", m.From.ID, "err", err)
		}
	})
}
