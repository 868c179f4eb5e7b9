package broker

import (
	"strings"

	"dongyue/internal/event"
)

// Reasons of Observer.Refused and of the metric of refusals.
const (
	ReasonCredentials  = "bad_credentials" // unknown, wrong secret, or the client id of another
	ReasonUnavailable  = "unavailable"     // the hub could not decide
	ReasonWill         = "will"            // a will outside the client's own topics
	ReasonTopic        = "topic"           // published where it may not
	ReasonSubscription = "subscription"    // subscribed where it may not
	ReasonMalformed    = "malformed"       // a packet that breaks the protocol
	ReasonTooLarge     = "too_large"       // a packet beyond the size that is allowed
	ReasonRate         = "rate"            // more messages than are allowed
	ReasonQuarantine   = "quarantine"      // not let in for a while, for its refusals
	ReasonWaiting      = "waiting"         // a socket that sent nothing made room for another
)

const root = "dy/v1/"

// rights are what a client may do. They are looked up for every delivery, so
// they are made once.
type rights struct {
	integrator bool
	prefix     string   // dy/v1/{kind}/{device}/; empty: no device
	open       []string // filters outside the hub's own topics that all may use
}

func rightsOf(id Identity, open []string) rights {
	r := rights{integrator: id.Integrator, open: open}
	if id.Kind != "" && !id.Integrator {
		r.prefix = event.Topic(id.Kind, id.ID, "")
	}
	return r
}

// open is the channel of a topic that is none of the hub's own: its messages are
// passed on and not stored.
const open event.Channel = "open"

// publish returns the channel of a topic on which the client may publish.
func (r rights) publish(topic string) (event.Channel, bool) {
	if r.prefix != "" {
		if name, ok := strings.CutPrefix(topic, r.prefix); ok {
			c := event.Channel(name)
			return c, c.Up()
		}
	}
	return open, r.opened(topic)
}

// read reports whether the client may subscribe to a filter, or be sent a topic.
// A filter of an integrator keeps the fixed beginning, so that no wildcard
// reaches $SYS or anything beside the hub's own topics; a device has no
// wildcards at all.
func (r rights) read(filter string) bool {
	if r.integrator && strings.HasPrefix(filter, root) {
		return true
	}
	if r.prefix != "" {
		if name, ok := strings.CutPrefix(filter, r.prefix); ok {
			return name == string(event.Command) || name == string(event.Config)
		}
	}
	return r.opened(filter)
}

// opened reports whether a topic, or a whole filter, is open to all. A filter
// such as # may be; what it must not reach is held back topic by topic.
func (r rights) opened(filter string) bool {
	if len(r.open) == 0 || filter == "dy" || strings.HasPrefix(filter, "dy/") || strings.HasPrefix(filter, "$") {
		return false
	}
	for _, o := range r.open {
		if covers(o, filter) {
			return true
		}
	}
	return false
}

// mayShare reports whether a subscription may be shared (MQTT 5, 4.8.2): a
// command has one receiver and one only.
func (r rights) mayShare(filter string) bool { return r.prefix == "" || r.opened(filter) }

// wide reports whether the client may read what devices publish.
func (r rights) wide() bool { return r.integrator }

// wideKey is the same by the name of a client in the broker.
func wideKey(key string) bool { return strings.HasPrefix(key, "~") }
