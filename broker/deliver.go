package broker

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"dongyue/internal/event"
)

// delivery is one message for the subscribers.
type delivery struct {
	pk   packets.Packet
	seq  uint64 // of the journal; 0: not journaled
	from string // the sender's name in the broker, for No Local
	at   time.Time
	turn chan<- struct{} // closed when its turn has come; of no message
}

// outgoing makes the packet that subscribers get of a client's message, with the
// properties of MQTT 5 that belong to the message and not to the hop.
func outgoing(m Message, p packets.Properties) packets.Packet {
	pk := publication(m.Topic, m.Payload, m.QoS, m.Retain)
	pk.Properties = packets.Properties{
		PayloadFormat: p.PayloadFormat, PayloadFormatFlag: p.PayloadFormatFlag, MessageExpiryInterval: p.MessageExpiryInterval,
		ContentType: p.ContentType, ResponseTopic: p.ResponseTopic, CorrelationData: p.CorrelationData, User: p.User,
	}
	return pk
}

func publication(topic string, payload []byte, qos byte, retain bool) packets.Packet {
	pk := packets.Packet{TopicName: topic, Payload: payload}
	pk.FixedHeader = packets.FixedHeader{Type: packets.Publish, Qos: qos, Retain: retain}
	return pk
}

// deliver queues a stored message; it waits while too many are queued, which
// holds the committer up and so the devices, rather than losing one.
func (b *Broker) deliver(d *delivery) {
	select {
	case b.fan <- *d:
	case <-b.stopped:
	}
}

// offer queues a message of the lossy class.
func (b *Broker) offer(d *delivery) {
	select {
	case b.fan <- *d:
	default:
		b.metrics.lost.WithLabelValues("fan").Inc()
	}
}

// caughtUp waits until the subscribers have been given what was acknowledged before.
func (b *Broker) caughtUp() {
	turn := make(chan struct{})
	b.deliver(&delivery{turn: turn})
	select {
	case <-turn:
	case <-b.stopped:
	}
}

// fanOut hands messages to the subscribers, in the order of deliver.
func (b *Broker) fanOut() {
	for n := 0; ; n++ {
		select {
		case <-b.stopped:
			return
		case d := <-b.fan:
			if d.turn != nil {
				close(d.turn)
				continue
			}
			b.inject(&d)
			b.transit.end(d.seq)
			if n%64 == 0 {
				runtime.Gosched() // let the writers of the clients empty their queues
			}
		}
	}
}

// inject gives one message to those whose subscriptions it matches.
func (b *Broker) inject(d *delivery) {
	defer func() {
		if v := recover(); v != nil {
			b.metrics.panics.Inc()
			b.log.Error("panic in a delivery", "topic", d.pk.TopicName, "panic", v, "stack", string(debug.Stack()))
		}
	}()
	pk := &d.pk
	if x := pk.Properties.MessageExpiryInterval; x > 0 && pk.Expiry == 0 {
		pk.Expiry = d.at.Unix() + int64(x)
	}
	subs := b.readers(pk)
	if subs == nil {
		return // nobody listens to devices
	}
	for _, group := range subs.Shared {
		if m, sub := b.pick(group); m != nil {
			b.put(m, d, sub)
		}
	}
	for key, sub := range subs.Subscriptions {
		if m := b.known(key); m != nil && (!sub.NoLocal || key != d.from) {
			b.put(m, d, sub)
		}
	}
}

// readers retains a message that is to be and returns whose subscriptions it
// matches; nil: nobody's. A client that subscribes meanwhile does so before or
// after both: it gets a retained message once, and never an old one after it.
func (b *Broker) readers(pk *packets.Packet) *mqtt.Subscribers {
	if pk.FixedHeader.Retain {
		b.greeting.Lock()
		defer b.greeting.Unlock()
		b.topics.RetainMessage(*pk)
	}
	if b.audience.Load() == 0 && upward(pk.TopicName) {
		return nil
	}
	return b.topics.Subscribers(pk.TopicName)
}

func (b *Broker) put(m *memory, d *delivery, sub packets.Subscription) {
	// The rights of a session that is away are those of its subscriptions, which
	// were granted; only wildcards over open topics reach further than they may.
	if strings.HasPrefix(d.pk.TopicName, "dy/") && !strings.HasPrefix(sub.Filter, "dy/") && !strings.HasPrefix(sub.Filter, share) {
		return
	}
	if !m.put(&d.pk, d.seq, sub, false) {
		b.metrics.lost.WithLabelValues("session").Inc()
	}
}

// upward reports whether only programs may read a topic.
func upward(topic string) bool {
	_, _, channel, ok := event.ParseTopic(topic)
	return ok && channel.Up()
}

// Publish sends what the hub itself has to say: a command, a configuration, an
// alarm. It returns when the message is queued for the clients that are there.
//
// A command goes to a connected device only (ErrNotConnected, ErrNotSubscribed),
// is never retained and must have an expiry, after which it is not sent again to
// a device that has come back. A configuration may be retained, so that a device
// gets it when it comes. expiry is rounded up to seconds; 0: none.
func (b *Broker) Publish(topic string, payload []byte, qos byte, retain bool, expiry time.Duration) error {
	if err := b.mayPublish(topic, payload, qos, retain, expiry); err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	pk := publication(topic, payload, qos, retain)
	if expiry > 0 {
		pk.Properties.MessageExpiryInterval = uint32(min((expiry+time.Second-1)/time.Second, math.MaxUint32))
	}
	b.inject(&delivery{pk: pk, at: time.Now()})
	b.metrics.published.Inc()
	return nil
}

func (b *Broker) mayPublish(topic string, payload []byte, qos byte, retain bool, expiry time.Duration) error {
	switch {
	case !strings.HasPrefix(topic, root) || strings.ContainsAny(topic, "+#\x00"):
		return errors.New("not a topic below " + root)
	case qos > 2:
		return errors.New("no such quality of service")
	case len(payload) > maxPayload:
		return errors.New("payload is larger than 64 KiB")
	case b.stopping.Load():
		return ErrNotConnected
	}
	_, device, channel, ok := event.ParseTopic(topic)
	if !ok || channel != event.Command {
		return nil
	}
	switch {
	case retain:
		return errors.New("a command is never retained")
	case expiry <= 0:
		return errors.New("a command needs an expiry")
	case !b.Connected(device):
		return ErrNotConnected
	}
	m := b.known(device)
	if m == nil {
		return ErrNotConnected
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.subs[topic]; !ok {
		return ErrNotSubscribed
	}
	return nil
}

// Restore puts a retained message back after a start, without delivering it to
// anyone who is there: the presence and the state of devices, for integrators.
func (b *Broker) Restore(topic string, payload []byte) error {
	_, _, channel, ok := event.ParseTopic(topic)
	if !ok || channel != event.Presence && channel != event.State && channel != event.Config {
		return fmt.Errorf("restore %s: not a topic that is retained", topic)
	}
	pk := publication(topic, payload, 1, true)
	pk.Created, pk.ProtocolVersion = time.Now().Unix(), 5
	b.topics.RetainMessage(pk)
	return nil
}

func expired(pk *packets.Packet) bool { return pk.Expiry > 0 && pk.Expiry <= time.Now().Unix() }
