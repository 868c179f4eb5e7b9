package broker

import "fmt"

func subscribing() []clause {
	return []clause{
		{"MQTT-3.8.1-1", "MQTT-3.8.1-1", "reserved bits of SUBSCRIBE are 2", func(k *kit) {
			b := k.subscribeBytes(1, "a", 0)
			b[0] = 0x80
			k.closes(b, 0x81)
		}},
		{"MQTT-3.8.3-1", "MQTT-3.8.3-1", "filters are UTF-8", func(k *kit) { k.closes(k.subscribeBytes(1, "\xff", 0), 0x81) }},
		{"MQTT-3.8.3-3", "MQTT-3.8.3-2", "SUBSCRIBE has one filter at least", func(k *kit) {
			k.closes(frame(0x82, join(num(1), k.props())), 0x82, 0x81)
		}},
		{"", "MQTT-3.8.3-3", "No Local: not what one has published oneself", func(k *kit) {
			r := k.client("lamp-1")
			k.sub(r, "a", 1|4)
			k.pub(r, "a", "mine", 1, false)
			k.pub(k.client("lamp-2"), "a", "another's", 1, false)
			k.got(r, "another's")
		}},
		{"", "MQTT-3.8.3-4", "not with a shared subscription", func(k *kit) { k.closes(k.subscribeBytes(1, "$share/g/a", 4), 0x82) }},
		{"MQTT-3.8.3-4", "MQTT-3.8.3-5", "reserved bits of the options are 0", func(k *kit) {
			k.closes(k.subscribeBytes(1, "a", 0x40), 0x81)
			k.closes(k.subscribeBytes(1, "a", 3), 0x81, 0x82)
		}},
		{"MQTT-3.8.4-1", "MQTT-3.8.4-1", "SUBSCRIBE is answered with SUBACK", func(k *kit) { k.sub(k.client("lamp-1"), "a", 0) }},
		{"MQTT-3.8.4-2", "MQTT-3.8.4-2", "with its identifier, also one that is in use the other way", func(k *kit) {
			r := k.client("lamp-2")
			k.sub(r, "a", 1)
			k.pub(k.client("lamp-1"), "a", "x", 1, false)
			_, _, _, id := r.message(false)
			r.send(k.subscribeBytes(id, "b", 1))
			if head, body := r.packet(); head != 0x90 || body[len(body)-1] != 1 || string(body[:2]) != string(num(id)) {
				k.Errorf("%#x % x", head, body)
			}
		}},
		{"MQTT-3.8.4-3", "MQTT-3.8.4-3", "the same filter again takes the place of the old", func(k *kit) {
			p, s := k.pair("a", 0)
			k.sub(s, "a", 1)
			k.pub(p, "a", "x", 1, false)
			if pk := k.got(s, "x"); pk.FixedHeader.Qos != 1 {
				k.Errorf("QoS %d", pk.FixedHeader.Qos)
			}
			k.nothing(s)
		}},
		{"", "MQTT-3.8.4-4", "and what is retained comes again", func(k *kit) {
			p, s := k.pair("a", 1)
			k.pub(p, "a", "x", 1, true)
			k.got(s, "x")
			k.sub(s, "a", 1)
			k.got(s, "x")
		}},
		{"MQTT-3.8.4-5", "MQTT-3.8.4-6", "SUBACK has a code for each filter", func(k *kit) {
			r := k.client("lamp-1")
			r.send(frame(0x82, join(num(1), k.props(), text("a"), []byte{1}, text("dy/x"), []byte{1}, text("b"), []byte{2})))
			_, body := r.packet()
			codes := body[len(body)-3:]
			if codes[0] != 1 || codes[1] < 0x80 || codes[2] != 2 {
				k.Errorf("% x", codes)
			}
		}},
		{"MQTT-3.9.3-1", "MQTT-3.9.3-1", "in their order", func(k *kit) {
			r := k.client("lamp-1")
			r.send(frame(0x82, join(num(1), k.props(), text("a"), []byte{2}, text("b"), []byte{0}, text("c"), []byte{1})))
			if _, body := r.packet(); string(body[len(body)-3:]) != "\x02\x00\x01" {
				k.Errorf("% x", body)
			}
		}},
		{"MQTT-3.8.4-6", "MQTT-3.8.4-7", "with the QoS that is granted", func(k *kit) {
			r := k.client("lamp-1")
			for qos := range byte(3) {
				if got := k.sub(r, fmt.Sprint("a/", qos), qos); got != qos {
					k.Errorf("%d for %d", got, qos)
				}
			}
		}},
		{"", "MQTT-3.8.4-8", "a message has the lower of its own QoS and that", func(k *kit) {
			for granted := range byte(2) {
				p, s := k.pair("a", granted)
				for qos := range byte(3) {
					k.pub(p, "a", "x", qos, false)
					if pk := k.got(s, "x"); pk.FixedHeader.Qos != min(qos, granted) {
						k.Errorf("%d of %d and %d", pk.FixedHeader.Qos, qos, granted)
					}
				}
			}
		}},
		{"MQTT-3.10.1-1", "MQTT-3.10.1-1", "reserved bits of UNSUBSCRIBE are 2", func(k *kit) {
			k.closes(frame(0xa0, join(num(1), k.props(), text("a"))), 0x81)
		}},
		{"MQTT-3.10.3-2", "MQTT-3.10.3-2", "UNSUBSCRIBE has one filter at least", func(k *kit) {
			k.closes(frame(0xa2, join(num(1), k.props())), 0x82, 0x81)
		}},
		{"MQTT-3.10.4-1", "MQTT-3.10.4-1", "filters are compared letter by letter", func(k *kit) {
			p, s := k.pair("a/+", 1)
			k.unsub(s, "a/b", "a/#", "A/+")
			k.pub(p, "a/b", "x", 1, false)
			k.got(s, "x")
		}},
		{"MQTT-3.10.4-2", "MQTT-3.10.4-2", "nothing new comes after UNSUBSCRIBE", func(k *kit) {
			p, s := k.pair("a", 1)
			k.unsub(s, "a")
			k.pub(p, "a", "x", 1, false)
			k.nothing(s)
		}},
		{"MQTT-3.10.4-3", "MQTT-3.10.4-3", "what is on its way is brought to its end", func(k *kit) {
			s := k.lasting("lamp-2")
			k.sub(s, "a", 1)
			k.pub(k.client("lamp-1"), "a", "x", 1, false)
			s.message(false)
			k.unsub(s, "a")
			_ = s.c.Close()
			k.got(k.lasting("lamp-2"), "x")
		}},
		{"MQTT-3.10.4-4", "MQTT-3.10.4-4", "UNSUBSCRIBE is answered with UNSUBACK and its identifier", func(k *kit) {
			_, s := k.pair("a", 1)
			k.unsub(s, "a")
		}},
		{"MQTT-3.10.4-5", "MQTT-3.10.4-5", "also when there was no such subscription", func(k *kit) { k.unsub(k.client("lamp-1"), "nothing") }},
		{"MQTT-3.10.4-6", "MQTT-3.10.4-6", "many filters are as many UNSUBSCRIBE, with one answer", func(k *kit) {
			p, s := k.pair("a", 1)
			k.sub(s, "b", 1)
			k.unsub(s, "a", "b")
			k.pub(p, "a", "x", 1, false)
			k.pub(p, "b", "x", 1, false)
			k.nothing(s)
		}},
		{"", "MQTT-3.11.3-1", "UNSUBACK has a code for each filter, in their order", func(k *kit) {
			_, s := k.pair("a", 1)
			if b := k.unsub(s, "x", "a"); string(b) != "\x00\x11\x00" {
				k.Errorf("% x", b)
			}
		}},
		{"", "MQTT-4.8.2-1", "a shared subscription has a name and a filter", func(k *kit) {
			r := k.client("lamp-1")
			for _, f := range []string{"$share/g", "$share//a", "$share/g/"} {
				if code := k.sub(r, f, 0); code != 0x8f {
					k.Errorf("%s: %#x", f, code)
				}
			}
		}},
		{"", "MQTT-4.8.2-2", "no wildcards in the name", func(k *kit) {
			r := k.client("lamp-1")
			for _, f := range []string{"$share/+/a", "$share/g#/a"} {
				if code := k.sub(r, f, 0); code != 0x8f {
					k.Errorf("%s: %#x", f, code)
				}
			}
		}},
		{"", "MQTT-4.8.2-3", "one member gets it, with the QoS that was granted to it", func(k *kit) {
			a, b, p := k.client("lamp-2"), k.client("lamp-3"), k.client("lamp-1")
			k.sub(a, "$share/g/a", 0)
			k.sub(b, "$share/g/a", 0)
			for range 20 {
				k.pub(p, "a", "x", 1, false)
			}
			count := func(r *raw) (n int) {
				r.send([]byte{0xc0, 0})
				for {
					head, _ := r.packet()
					if head == 0xd0 {
						return n
					}
					if head != 0x30 {
						k.Errorf("%#x", head)
					}
					n++
				}
			}
			total := 0
			eventually(k.T, "20", func() bool { total += count(a) + count(b); return total >= 20 })
			if total != 20 {
				k.Errorf("%d", total)
			}
		}},
	}
}
