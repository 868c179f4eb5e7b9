package app

import (
	"context"
	"encoding/json"
	"fmt"

	"dongyue/broker"
	"dongyue/internal/event"
	"dongyue/internal/journal"
)

// history is the journal as the broker sees it: messages again, for programs that
// were away. It implements broker.History.
type history struct{ journal *journal.Journal }

// Last is the number of the newest event.
func (h history) Last() uint64 { return h.journal.Last() }

// Read returns events behind after as the messages they came from. What was set
// aside as unreadable is no message any more, the hub's own
// events and those of cameras never were.
func (h history) Read(ctx context.Context, after uint64, limit int) (ms []broker.Message, last uint64, err error) {
	evs, err := h.journal.Query(ctx, journal.Filter{After: after, Limit: limit})
	if err != nil {
		return nil, 0, err
	}
	last = after
	for i := range evs {
		e := &evs[i]
		last = e.Seq
		if !e.Channel.Up() || e.Kind == event.Hub || e.Kind == event.Camera {
			continue
		}
		payload, err := payloadOf(e)
		if err != nil {
			return nil, 0, fmt.Errorf("message of event %d: %w", e.Seq, err)
		}
		ms = append(ms, broker.Message{
			From: broker.Identity{ID: e.Device, Kind: e.Kind}, Topic: event.Topic(e.Kind, e.Device, e.Channel),
			Payload: payload, QoS: 1, Seq: e.Seq, ReceivedAt: e.ReceivedAt,
		})
	}
	return ms, last, nil
}

// payloadOf is the payload of protocol.md that an event was made of; members that
// the hub does not know are gone.
func payloadOf(e *event.Event) ([]byte, error) {
	type object map[string]any
	o := object{"at": e.At.UTC().Format("2006-01-02T15:04:05.000Z07:00")}
	switch e.Channel {
	case event.Presence, event.Reply:
		return e.Data, nil // the whole payload
	case event.State:
		o["state"] = e.Data
	case event.Telemetry:
		o["values"] = e.Data
	default:
		o["id"], o["type"], o["data"] = e.ID, e.Type, e.Data
	}
	if e.Part != "" {
		o["part"] = e.Part
	}
	if e.Boot != "" {
		o["boot"] = e.Boot
	}
	if e.BootSeq > 0 {
		o["seq"] = e.BootSeq
	}
	return json.Marshal(o)
}
