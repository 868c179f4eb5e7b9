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
	prefix     string // dy/v1/{kind}/{device}/
}

func rightsOf(id Identity) rights {
	if id.Integrator {
		return rights{integrator: true}
	}
	return rights{prefix: event.Topic(id.Kind, id.ID, "")}
}

// publish returns the channel of a topic on which the client may publish.
func (r rights) publish(topic string) (event.Channel, bool) {
	if r.integrator {
		return "", false
	}
	name, ok := strings.CutPrefix(topic, r.prefix)
	c := event.Channel(name)
	return c, ok && c.Up()
}

// read reports whether the client may subscribe to a filter, or be sent a topic.
// A filter of an integrator keeps the fixed beginning, so that no wildcard
// reaches $SYS or anything beside the hub's own topics; a device has no
// wildcards at all.
func (r rights) read(filter string) bool {
	if r.integrator {
		return strings.HasPrefix(filter, root)
	}
	name, ok := strings.CutPrefix(filter, r.prefix)
	return ok && (name == string(event.Command) || name == string(event.Config))
}
