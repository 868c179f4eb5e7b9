package app

import (
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
	log     *slog.Logger
}

// Durable commits a message. What can't be read is committed too, as quarantine
// with its reason: a device that were refused would send it for ever.
func (i *ingest) Durable(m broker.Message, done func(seq uint64, err error)) {
	ev, err := i.devices.Decode(m.Topic, m.Payload, m.ReceivedAt)
	if err != nil {
		ev = i.devices.Quarantined(m.Topic, m.Payload, err, m.ReceivedAt)
	}
	i.journal.Append(ev, func(seq uint64, _ bool, err error) { done(seq, err) })
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
