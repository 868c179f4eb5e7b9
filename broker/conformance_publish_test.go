package broker

import (
	"fmt"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// pair is a publisher and a subscriber of a filter.
func (k *kit) pair(filter string, options byte) (p, s *raw) {
	k.Helper()
	s = k.client("lamp-2")
	if code := k.sub(s, filter, options); code >= 0x80 {
		k.Fatalf("SUBACK %#x", code)
	}
	return k.client("lamp-1"), s
}

func publishing() []clause {
	return []clause{
		{"MQTT-3.3.1-1", "MQTT-3.3.1-1", "what is sent again has DUP", func(k *kit) {
			r := k.lasting("lamp-2")
			k.sub(r, "a", 1)
			k.pub(k.client("lamp-1"), "a", "x", 1, false)
			if _, _, head, _ := r.message(false); head&8 != 0 {
				k.Error("DUP at first")
			}
			_ = r.c.Close()
			if _, _, head, _ := k.lasting("lamp-2").message(true); head&8 == 0 {
				k.Error("no DUP")
			}
		}},
		{"MQTT-3.3.1-2", "MQTT-3.3.1-2", "no DUP with QoS 0", func(k *kit) {
			k.closes(frame(0x38, join(text("a"), k.props())), 0x81)
		}},
		{"MQTT-3.3.1-3", "MQTT-3.3.1-3", "the DUP of a publisher is not passed on", func(k *kit) {
			p, s := k.pair("a", 1)
			p.publish("a", "x", 1, 3, 8)
			p.expect(packets.Puback, 3, 0)
			if _, _, head, _ := s.message(true); head&8 != 0 {
				k.Error("DUP")
			}
		}},
		{"MQTT-3.3.1-4", "MQTT-3.3.1-4", "QoS 3 ends the connection", func(k *kit) {
			k.closes(frame(0x36, join(text("a"), num(1), k.props())), 0x81)
		}},
		{"MQTT-3.3.1-5", "MQTT-3.3.1-5", "a retained message takes the place of the one before", func(k *kit) {
			p := k.client("lamp-1")
			k.pub(p, "a", "1", 1, true)
			k.pub(p, "a", "2", 0, true)
			s := k.client("lamp-2")
			eventually(k.T, "retained", func() bool { m := k.h.topics.Messages("a"); return len(m) == 1 && string(m[0].Payload) == "2" })
			k.sub(s, "a", 1)
			k.got(s, "2")
			k.nothing(s)
		}},
		{"MQTT-3.3.1-10", "MQTT-3.3.1-6", "one without payload removes it", func(k *kit) {
			p, s := k.pair("a", 1)
			k.pub(p, "a", "1", 1, true)
			k.got(s, "1")
			k.pub(p, "a", "", 1, true)
			k.got(s, "") // and is passed on
			late := k.client("lamp-3")
			k.sub(late, "a", 1)
			k.nothing(late)
		}},
		{"MQTT-3.3.1-11", "MQTT-3.3.1-7", "and is not itself retained", func(k *kit) {
			p, s := k.pair("a", 1)
			k.pub(p, "a", "", 1, true)
			k.got(s, "")
			if n := len(k.h.topics.Messages("a")); n != 0 {
				k.Errorf("%d", n)
			}
		}},
		{"MQTT-3.3.1-12", "MQTT-3.3.1-8", "a message without retain leaves what is retained", func(k *kit) {
			p, s := k.pair("a", 1)
			k.pub(p, "a", "1", 1, true)
			k.pub(p, "a", "2", 1, false)
			k.got(s, "1")
			k.got(s, "2")
			late := k.client("lamp-3")
			k.sub(late, "a", 1)
			k.got(late, "1")
		}},
		{"MQTT-3.3.1-6", "MQTT-3.3.1-9", "a new subscription gets what is retained on every topic it matches", func(k *kit) {
			p, s := k.pair("#", 1)
			k.pub(p, "a/1", "x", 1, true)
			k.pub(p, "a/2", "x", 1, true)
			k.got(s, "x")
			k.got(s, "x")
			late := k.client("lamp-3")
			k.sub(late, "a/+", 1)
			k.got(late, "x")
			k.got(late, "x")
			k.nothing(late)
		}},
		{"", "MQTT-3.3.1-10", "Retain Handling 1: only when the subscription is new", func(k *kit) {
			p, s := k.pair("a", 0x11)
			k.pub(p, "a", "x", 1, true)
			k.got(s, "x")
			k.sub(s, "a", 0x11)
			k.nothing(s)
			late := k.client("lamp-3")
			k.sub(late, "a", 0x11)
			k.got(late, "x")
		}},
		{"", "MQTT-3.3.1-11", "Retain Handling 2: not at all", func(k *kit) {
			p, s := k.pair("b", 1)
			k.pub(p, "a", "x", 1, true)
			k.sub(s, "a", 0x21)
			k.nothing(s)
		}},
		{"MQTT-3.3.1-9", "MQTT-3.3.1-12", "a subscription that stood gets the message without retain", func(k *kit) {
			p, s := k.pair("a", 1)
			k.pub(p, "a", "x", 1, true)
			if pk := k.got(s, "x"); pk.FixedHeader.Retain {
				k.Error("with")
			}
		}},
		{"", "MQTT-3.3.1-13", "but as it was published, if it asks for that", func(k *kit) {
			p, s := k.pair("a", 1|8)
			k.pub(p, "a", "x", 1, true)
			if pk := k.got(s, "x"); !pk.FixedHeader.Retain {
				k.Error("without")
			}
		}},
		{"MQTT-3.3.1-8", "", "a new subscription gets it with retain", func(k *kit) {
			p, s := k.pair("b", 1)
			k.pub(p, "a", "x", 1, true)
			eventually(k.T, "retained", func() bool { return len(k.h.topics.Messages("a")) == 1 })
			k.sub(s, "a", 1)
			if pk := k.got(s, "x"); !pk.FixedHeader.Retain {
				k.Error("without")
			}
		}},
		{"MQTT-3.3.2-1", "MQTT-3.3.2-1", "PUBLISH has a topic", func(k *kit) { k.closes(frame(0x30, join(text(""), k.props())), 0x81, 0x82, 0x90) }},
		{"MQTT-3.3.2-2", "MQTT-3.3.2-2", "its topic has no wildcards", func(k *kit) {
			k.closes(frame(0x30, join(text("a/+"), k.props())), 0x90, 0x81, 0x82)
			k.closes(frame(0x30, join(text("#"), k.props())), 0x90, 0x81, 0x82)
		}},
		{"MQTT-3.3.2-3", "MQTT-3.3.2-3", "what comes has a topic that the filter matches", func(k *kit) {
			p, s := k.pair("a/+/c", 1)
			k.pub(p, "a/b", "no", 1, false)
			k.pub(p, "a/b/c", "yes", 1, false)
			if pk := k.got(s, "yes"); pk.TopicName != "a/b/c" {
				k.Error(pk.TopicName)
			}
		}},
		{"", "MQTT-3.3.2-5", "a message that has expired is not delivered", func(k *kit) {
			r := k.lasting("lamp-2")
			k.sub(r, "a", 1)
			_ = r.c.Close()
			k.away("lamp-2")
			p := k.client("lamp-1")
			k.pub(p, "a", "late", 1, false, packets.PropMessageExpiryInterval, 0, 0, 0, 1)
			k.pub(p, "a", "good", 1, false)
			time.Sleep(2100 * time.Millisecond) // it counts whole seconds
			k.got(k.lasting("lamp-2"), "good")
		}},
		{"", "MQTT-3.3.2-6", "the expiry that is passed on is what is left", func(k *kit) {
			r := k.lasting("lamp-2")
			k.sub(r, "a", 1)
			_ = r.c.Close()
			k.away("lamp-2")
			k.pub(k.client("lamp-1"), "a", "x", 1, false, packets.PropMessageExpiryInterval, 0, 0, 0, 100)
			time.Sleep(1100 * time.Millisecond)
			if n := k.got(k.lasting("lamp-2"), "x").Properties.MessageExpiryInterval; n < 90 || n > 99 {
				k.Errorf("%d s", n)
			}
		}},
		{"", "MQTT-3.3.2-8", "no topic alias is 0", func(k *kit) {
			k.closes(frame(0x30, join(text("a"), k.props(packets.PropTopicAlias, 0, 0))), 0x94, 0x82)
		}},
		{"", "MQTT-3.3.2-9", "none is above what the server takes", func(k *kit) {
			k.closes(frame(0x30, join(text("a"), k.props(packets.PropTopicAlias, 0, aliases+1))), 0x94, 0x82)
		}},
		{"", "MQTT-3.3.2-12", "all up to there are taken", func(k *kit) {
			p, s := k.pair("a", 1)
			for i := byte(1); i <= aliases; i++ {
				k.pub(p, "a", "1", 1, false, packets.PropTopicAlias, 0, i)
				k.pub(p, "", "2", 1, false, packets.PropTopicAlias, 0, i)
				k.got(s, "1")
				k.got(s, "2")
			}
		}},
		{"", "MQTT-3.3.2-14", "a response topic has no wildcards", func(k *kit) {
			k.closes(frame(0x30, join(text("a"), k.props(join([]byte{packets.PropResponseTopic}, text("#"))...))), 0x82, 0x81, 0x90)
		}},
		{"", "MQTT-3.3.2-17", "user properties, content type, response topic, correlation data and payload format go through as they are (also 3.3.2-4, -15, -16, -18, -20)", func(k *kit) {
			p, s := k.pair("a", 1)
			props := join([]byte{packets.PropPayloadFormat, 1, packets.PropContentType}, text("t"), []byte{packets.PropResponseTopic}, text("r"),
				[]byte{packets.PropCorrelationData}, text("\x00c"), []byte{packets.PropUser}, text("k"), text("1"), []byte{packets.PropUser}, text("k"), text("2"))
			k.pub(p, "a", "x", 1, false, props...)
			x := k.got(s, "x").Properties
			if x.PayloadFormat != 1 || x.ContentType != "t" || x.ResponseTopic != "r" || string(x.CorrelationData) != "\x00c" ||
				len(x.User) != 2 || x.User[0].Val != "1" || x.User[1].Val != "2" {
				k.Errorf("%+v", x)
			}
		}},
		{"MQTT-3.3.5-1", "MQTT-3.3.4-2", "overlapping subscriptions: one copy, with the highest QoS", func(k *kit) {
			p, s := k.pair("a/#", 0)
			k.sub(s, "a/b", 1)
			k.pub(p, "a/b", "x", 2, false)
			if pk := k.got(s, "x"); pk.FixedHeader.Qos != 1 {
				k.Errorf("QoS %d", pk.FixedHeader.Qos)
			}
			k.nothing(s)
		}},
		{"", "MQTT-3.3.4-3", "a message has the identifier of its subscription", func(k *kit) {
			s, p := k.client("lamp-2"), k.client("lamp-1")
			k.sub(s, "a", 1, packets.PropSubscriptionIdentifier, 7)
			k.pub(p, "a", "x", 1, false)
			if ids := k.got(s, "x").Properties.SubscriptionIdentifier; len(ids) != 1 || ids[0] != 7 {
				k.Error(ids)
			}
		}},
		{"", "MQTT-3.3.4-4", "or of all of them, in one copy", func(k *kit) {
			s, p := k.client("lamp-2"), k.client("lamp-1")
			k.sub(s, "a/b", 1, packets.PropSubscriptionIdentifier, 7)
			k.sub(s, "a/+", 1, packets.PropSubscriptionIdentifier, 8)
			k.pub(p, "a/b", "x", 1, false)
			if ids := k.got(s, "x").Properties.SubscriptionIdentifier; len(ids) != 2 || ids[0]+ids[1] != 15 {
				k.Error(ids)
			}
		}},
		{"", "MQTT-3.3.4-6", "a client's PUBLISH has no subscription identifier", func(k *kit) {
			k.closes(frame(0x30, join(text("a"), k.props(packets.PropSubscriptionIdentifier, 1))), 0x82, 0x81)
		}},
	}
}

func qualities() []clause {
	return []clause{
		{"MQTT-4.3.1-1", "MQTT-4.3.1-1", "QoS 0 has no identifier and no answer", func(k *kit) {
			p, s := k.pair("a", 0)
			k.pub(p, "a", "x", 0, false)
			if pk := k.got(s, "x"); pk.PacketID != 0 {
				k.Error(pk.PacketID)
			}
		}},
		{"MQTT-2.3.1-6", "MQTT-2.2.1-5", "PUBACK, PUBREC and PUBCOMP have the identifier of their PUBLISH", func(k *kit) {
			p := k.client("lamp-1")
			k.pub(p, "a", "x", 1, false)
			k.pub(p, "a", "x", 2, false)
		}},
		{"MQTT-2.3.1-4", "MQTT-2.2.1-4", "the server's messages have identifiers that are free", func(k *kit) {
			p, s := k.pair("a", 1)
			seen := map[uint16]bool{0: true}
			for range 50 {
				k.pub(p, "a", "x", 1, false)
				_, _, _, id := s.message(false)
				if seen[id] {
					k.Errorf("%d twice", id)
				}
				seen[id] = true
			}
		}},
		{"MQTT-4.3.2-2", "MQTT-4.3.2-4", "QoS 1 is answered with PUBACK", func(k *kit) { k.pub(k.client("lamp-1"), "a", "x", 1, false) }},
		{"", "MQTT-4.3.2-5", "after which its identifier means a new message", func(k *kit) {
			p, s := k.pair("a", 1)
			k.pub(p, "a", "1", 1, false)
			k.pub(p, "a", "2", 1, false)
			k.got(s, "1")
			k.got(s, "2")
		}},
		{"MQTT-4.3.3-2", "MQTT-4.3.3-8", "QoS 2 is answered with PUBREC, PUBREL with PUBCOMP", func(k *kit) { k.pub(k.client("lamp-1"), "a", "x", 2, false) }},
		{"", "MQTT-4.3.3-10", "until PUBREL the same identifier is the same message", func(k *kit) {
			p, s := k.pair("a", 1)
			p.publish("a", "x", 2, 5, 0)
			p.expect(packets.Pubrec, 5, 0)
			p.publish("a", "x", 2, 5, 8)
			p.expect(packets.Pubrec, 5, 0)
			p.send([]byte{0x62, 2, 0, 5})
			p.expect(packets.Pubcomp, 5, 0)
			k.got(s, "x")
			k.nothing(s)
		}},
		{"", "MQTT-4.3.3-12", "after PUBCOMP it is a new one", func(k *kit) {
			p, s := k.pair("a", 1)
			k.pub(p, "a", "1", 2, false)
			k.pub(p, "a", "2", 2, false)
			k.got(s, "1")
			k.got(s, "2")
		}},
		{"MQTT-4.3.3-1", "MQTT-4.3.3-4", "the server's QoS 2: PUBREC is answered with PUBREL, and PUBCOMP ends it", func(k *kit) {
			p, s := k.pair("a", 2)
			k.pub(p, "a", "x", 2, false)
			pk := k.got(s, "x")
			s.send(frame(0x50, num(pk.PacketID)))
			if head, body := s.packet(); head != 0x62 || string(body) != string(num(pk.PacketID)) {
				k.Fatalf("%#x % x", head, body)
			}
			s.send(frame(0x70, num(pk.PacketID)))
			s.quiet()
			m := k.h.known("lamp-2")
			m.mu.Lock()
			defer m.mu.Unlock()
			if len(m.letters) != 0 {
				k.Error("not ended")
			}
		}},
		{"MQTT-4.4.0-1", "MQTT-4.4.0-1", "what was not acknowledged comes again, with its identifier: PUBLISH, or PUBREL", func(k *kit) {
			s := k.lasting("lamp-2")
			k.sub(s, "a", 2)
			p := k.client("lamp-1")
			k.pub(p, "a", "1", 2, false)
			k.pub(p, "a", "2", 1, false)
			_, _, _, one := s.message(false)
			s.send(frame(0x50, num(one)))
			var two uint16
			for range 2 {
				head, body := s.packet()
				if head>>4 == packets.Publish {
					pk := packets.Packet{ProtocolVersion: k.v}
					_ = pk.FixedHeader.Decode(head)
					_ = pk.PublishDecode(body)
					two = pk.PacketID
				}
			}
			_ = s.c.Close()
			s = k.lasting("lamp-2")
			if head, body := s.packet(); head != 0x62 || string(body) != string(num(one)) {
				k.Fatalf("%#x % x", head, body)
			}
			if _, got, head, id := s.message(true); got != "2" || id != two || head&8 == 0 {
				k.Fatalf("%s %d %#x", got, id, head)
			}
		}},
		{"MQTT-4.6.0-6", "MQTT-4.6.0-6", "messages of one client on one topic keep their order", func(k *kit) {
			p, s := k.pair("a", 1)
			for i := range 200 {
				p.publish("a", fmt.Sprint(i), 1, uint16(i+1), 0)
			}
			for i := range 200 {
				p.expect(packets.Puback, uint16(i+1), 0)
			}
			for i := range 200 {
				k.got(s, fmt.Sprint(i))
			}
		}},
		{"MQTT-4.6", "MQTT-4.6", "PUBACKs come in the order of the messages", func(k *kit) {
			p := k.client("lamp-1")
			for i := range uint16(100) {
				p.publish("a", "x", 1, 100-i, 0)
			}
			for i := range uint16(100) {
				p.expect(packets.Puback, 100-i, 0)
			}
		}},
		{"", "MQTT-4.9.0-2", "no more than the client's Receive Maximum are on the way", func(k *kit) {
			s := loggedIn(k.T, k.h, 5, "lamp-2", connectOptions{receiveMax: 3})
			k.sub(s, "a", 1)
			p := k.client("lamp-1")
			for range 10 {
				k.pub(p, "a", "x", 1, false)
			}
			for range 3 {
				s.message(false)
			}
			k.nothing(s)
		}},
		{"", "MQTT-4.9.0-3", "other packets go on meanwhile", func(k *kit) {
			s := loggedIn(k.T, k.h, 5, "lamp-2", connectOptions{receiveMax: 1})
			k.sub(s, "a", 1)
			p := k.client("lamp-1")
			k.pub(p, "a", "1", 1, false)
			k.pub(p, "a", "2", 1, false)
			s.message(false)
			k.sub(s, "b", 0)
			k.pub(s, "c", "x", 1, false)
			k.pub(p, "b", "3", 0, false)
			k.got(s, "3")
		}},
	}
}
