package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dongyue/internal/event"
)

// stampForm is RFC 3339 with milliseconds; always UTC.
const stampForm = "2006-01-02T15:04:05.000Z"

func stamp(t time.Time) string { return t.UTC().Format(stampForm) }

// The payloads that go up. Field order is that of docs/protocol.md.
type (
	presenceMsg struct {
		Online bool   `json:"online"`
		FW     string `json:"fw"`
		Boot   string `json:"boot"`
	}
	stateMsg struct {
		At    string `json:"at"`
		State any    `json:"state"`
	}
	telemetryMsg struct {
		At     string         `json:"at"`
		Part   string         `json:"part,omitempty"`
		Values map[string]any `json:"values"`
	}
	eventMsg struct {
		ID   string `json:"id"`
		Boot string `json:"boot"`
		Seq  uint64 `json:"seq"`
		At   string `json:"at"`
		Type string `json:"type"`
		Part string `json:"part,omitempty"`
		Data any    `json:"data"`
	}
	replyMsg struct {
		ID     string `json:"id"`
		Status string `json:"status"`
		At     string `json:"at"`
		Error  string `json:"error"`
		Data   any    `json:"data"`
	}
)

// The states of a command as a device tells them.
const (
	accepted = "accepted"
	done     = "done"
	failed   = "failed"
	expired  = "expired"
)

// Command is what came down on the command channel.
type command struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	At        time.Time       `json:"at"`
	ExpiresAt time.Time       `json:"expires_at"`
	Args      json.RawMessage `json:"args"`
}

// maxPayload is the protocol's limit on one message in bytes.
const maxPayload = 64 << 10

var (
	errNoID       = errors.New("command has no id")
	errNoType     = errors.New("command has no type")
	errNoDeadline = errors.New("command has no expires_at")
	errTooLarge   = errors.New("command is larger than 64 KiB")
)

// decodeCommand reads a command. The id is returned even when the rest is bad,
// so that the sender can be told.
func decodeCommand(payload []byte) (command, error) {
	var c command
	if len(payload) > maxPayload {
		return c, errTooLarge
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return command{ID: c.ID}, fmt.Errorf("read command: %w", err)
	}
	switch {
	case c.ID == "" || len(c.ID) > 128:
		return command{}, errNoID
	case c.Type == "":
		return c, errNoType
	case c.ExpiresAt.IsZero():
		return c, errNoDeadline
	}
	if len(c.Args) == 0 || string(c.Args) == "null" {
		c.Args = json.RawMessage("{}")
	}
	return c, nil
}

// args reads a command's arguments into a struct.
func args[T any](c command) (T, error) {
	var v T
	if err := json.Unmarshal(c.Args, &v); err != nil {
		return v, fmt.Errorf("read args of %s: %w", c.Type, err)
	}
	return v, nil
}

// topics of one device, made once.
type topics struct{ presence, state, telemetry, happening, reply, command, config string }

func topicsOf(k event.Kind, id string) topics {
	return topics{
		presence: event.Topic(k, id, event.Presence), state: event.Topic(k, id, event.State),
		telemetry: event.Topic(k, id, event.Telemetry), happening: event.Topic(k, id, event.Happening),
		reply: event.Topic(k, id, event.Reply), command: event.Topic(k, id, event.Command), config: event.Topic(k, id, event.Config),
	}
}
