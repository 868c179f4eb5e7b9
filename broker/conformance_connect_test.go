package broker

import (
	"net"
	"strings"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

func framing() []clause {
	return []clause{
		{"MQTT-1.5.3-1", "MQTT-1.5.4-1", "text that is not UTF-8 ends the connection", func(k *kit) {
			k.closes(frame(0x30, join([]byte{0, 2, 0xc3, 0x28}, k.props())), 0x81)
		}},
		{"MQTT-1.5.3-2", "MQTT-1.5.4-2", "text has no U+0000", func(k *kit) {
			k.closes(frame(0x30, join(text("a\x00b"), k.props())), 0x81)
		}},
		{"", "MQTT-1.5.5-1", "a length is written in as few bytes as it can be", func(k *kit) { k.closes([]byte{0xc0, 0x80, 0}, 0x81) }},
		{"MQTT-2.2.2-2", "MQTT-2.1.3-1", "reserved bits of the fixed header are as the standard has them", func(k *kit) {
			for _, b := range [][]byte{{0xc1, 0}, {0x80, 0}, {0x43, 2, 0, 1}, {0x60, 2, 0, 1}, {0xe1, 0}} {
				k.closes(b, 0x81)
			}
		}},
		{"MQTT-2.3.1-1", "MQTT-2.2.1-3", "SUBSCRIBE, UNSUBSCRIBE and PUBLISH with a QoS have an identifier that is not 0", func(k *kit) {
			k.closes(k.subscribeBytes(0, "a", 0), 0x81, 0x82)
			k.closes(frame(0xa2, join(num(0), k.props(), text("a"))), 0x81, 0x82)
			k.closes(frame(0x32, join(text("a"), num(0), k.props())), 0x81, 0x82)
		}},
		{"", "MQTT-2.2.2-1", "a property section has its length even when it is empty", func(k *kit) {
			k.closes(frame(0x82, join(num(1), text("a"), []byte{0})), 0x81, 0x82)
		}},
		{"MQTT-4.8.0-1", "MQTT-4.13.1-1", "a malformed packet ends the connection", func(k *kit) {
			k.closes([]byte{0x82, 1, 0}, 0x81)
			k.closes([]byte{0x00, 0}, 0x81)
			k.closes([]byte{0x90, 3, 0, 1, 0}, 0x81, 0x82)
		}},
	}
}

func connecting() []clause {
	return []clause{
		{"MQTT-3.1.0-1", "MQTT-3.1.0-1", "the first packet is CONNECT", func(k *kit) { k.refuses([]byte{0xc0, 0}) }},
		{"MQTT-3.1.0-2", "MQTT-3.1.0-2", "a second CONNECT ends the connection", func(k *kit) {
			k.closes(k.connect("MQTT", k.v, 2, text("lamp-x")), 0x82)
		}},
		{"MQTT-3.1.2-1", "MQTT-3.1.2-1", "another protocol name is not let in", func(k *kit) { k.refuses(k.connect("MQTX", k.v, 2, text("c"))) }},
		{"MQTT-3.1.2-2", "MQTT-3.1.2-2", "a version that is not known is not let in", func(k *kit) {
			k.refuses(k.connect("MQTT", 9, 2, text("c")))
			k.refuses(frame(0x10, join(text("MQIsdp"), []byte{3, 2, 0, 60}, text("c"))), 1)
		}},
		{"MQTT-3.1.2-3", "MQTT-3.1.2-3", "the reserved flag of CONNECT is 0", func(k *kit) { k.refuses(k.connect("MQTT", k.v, 3, text("c"))) }},
		{"MQTT-3.1.2-13", "MQTT-3.1.2-11", "without a will its QoS is 0", func(k *kit) { k.refuses(k.connect("MQTT", k.v, 0x0a, text("c"))) }},
		{"MQTT-3.1.2-14", "MQTT-3.1.2-12", "no will has QoS 3", func(k *kit) {
			k.refuses(k.connect("MQTT", k.v, 0x1e, text("c"), k.props(), text("w"), text("w")))
		}},
		{"MQTT-3.1.2-15", "MQTT-3.1.2-13", "without a will its retain flag is 0", func(k *kit) { k.refuses(k.connect("MQTT", k.v, 0x22, text("c"))) }},
		{"MQTT-3.1.2-22", "", "no password without a user name", func(k *kit) { k.refuses(k.connect("MQTT", k.v, 0x42, text("c"), text("p"))) }},
		{"MQTT-3.1.2-24", "MQTT-3.1.2-22", "one and a half times the keep alive without a packet ends the connection", func(k *kit) {
			r := dial(k.T, k.h, k.v)
			r.send(frame(0x10, join(text("MQTT"), []byte{k.v, 2, 0, 1}, k.props(), text("c"))))
			r.packet()
			begin := time.Now()
			r.ended()
			if d := time.Since(begin); d < time.Second {
				k.Errorf("after %v", d)
			}
		}},
		{"MQTT-3.1.3-5", "MQTT-3.1.3-5", "client ids of 1 to 23 letters and digits are let in", func(k *kit) {
			for _, id := range []string{"a", "0123456789abcdefghijABC"} {
				r := dial(k.T, k.h, k.v)
				r.send(k.connect("MQTT", k.v, 2, text(id)))
				if _, body := r.packet(); body[1] != 0 {
					k.Errorf("%s: CONNACK %#x", id, body[1])
				}
			}
		}},
		{"MQTT-3.1.3-6", "MQTT-3.1.3-7", "a client without an id is given one of its own", func(k *kit) {
			for range 2 {
				r := dial(k.T, k.h, k.v)
				r.send(k.connect("MQTT", k.v, 2, text("")))
				head, body := r.packet()
				pk := packets.Packet{ProtocolVersion: k.v}
				_ = pk.FixedHeader.Decode(head)
				if err := pk.ConnackDecode(body); err != nil || pk.ReasonCode != 0 || k.v == 5 && pk.Properties.AssignedClientID == "" {
					k.Errorf("CONNACK %+v %v", pk, err)
				}
				r.quiet()
			}
		}},
		{"MQTT-3.1.3-8", "", "no id and no clean session: CONNACK 2, and closed", func(k *kit) { k.refuses(k.connect("MQTT", k.v, 0, text("")), 2) }},
		{"MQTT-3.1.4-1", "MQTT-3.1.4-1", "a malformed CONNECT is not let in", func(k *kit) {
			k.refuses(frame(0x10, join(text("MQTT"), []byte{k.v, 2, 0})))
			k.refuses(k.connect("MQTT", k.v, 2, text("c"), []byte{1}))
		}},
		{"", "MQTT-3.1.4-2", "who is not known is refused with a reason", func(k *kit) {
			k.refuses(k.connect("MQTT", k.v, 0xc2, text("c"), text("nobody"), text("x")), 0x86)
		}},
		{"MQTT-3.1.4-2", "MQTT-3.1.4-3", "a second connection with a client id ends the first (MQTT 5: 0x8E)", func(k *kit) {
			r := k.client("lamp-1")
			k.client("lamp-1").quiet()
			if code := r.ended(); k.v == 5 && code != 0x8e {
				k.Errorf("DISCONNECT %#x", code)
			}
		}},
		{"MQTT-3.1.4-4", "MQTT-3.1.4-5", "CONNECT is answered with CONNACK, success", func(k *kit) { k.client("lamp-1").quiet() }},
		{"MQTT-3.1.4-5", "MQTT-3.1.4-6", "what follows a refused CONNECT is not looked at", func(k *kit) {
			spy := k.client("lamp-2")
			k.sub(spy, "a", 1)
			r := dial(k.T, k.h, k.v)
			r.send(join(k.connect("MQTT", k.v, 0xc2, text("c"), text("nobody"), text("x")), frame(0x30, join(text("a"), k.props(), []byte("x")))))
			r.ended()
			k.nothing(spy)
		}},
		{"MQTT-3.2.0-1", "MQTT-3.2.0-1", "CONNACK is the first packet of the server", func(k *kit) {
			r := dial(k.T, k.h, k.v)
			r.send(join(k.connect("MQTT", k.v, 2, text("c")), []byte{0xc0, 0}))
			if head, _ := r.packet(); head != 0x20 {
				k.Errorf("%#x", head)
			}
		}},
		{"", "MQTT-3.2.0-2", "there is one CONNACK", func(k *kit) { k.client("lamp-1").quiet() }},
		{"MQTT-3.2.2-5", "MQTT-3.2.2-7", "a CONNACK that refuses is the end", func(k *kit) {
			k.refuses(k.connect("MQTT", k.v, 0xc2, text("c"), text("nobody"), text("x")))
		}},
		{"", "MQTT-3.2.2.3.14", "the server's keep alive is the one that counts: who asks for none is told", func(k *kit) {
			r := dial(k.T, k.h, k.v)
			r.send(frame(0x10, join(text("MQTT"), []byte{5, 2, 0, 0, 0}, text("c"))))
			head, body := r.packet()
			pk := packets.Packet{ProtocolVersion: 5}
			_ = pk.FixedHeader.Decode(head)
			if err := pk.ConnackDecode(body); err != nil || !pk.Properties.ServerKeepAliveFlag {
				k.Errorf("%+v %v", pk.Properties, err)
			}
		}},
		{"MQTT-3.12.4-1", "MQTT-3.12.4-1", "PINGREQ is answered with PINGRESP", func(k *kit) { k.client("lamp-1").quiet() }},
		{"", "MQTT-3.14.0-1", "no DISCONNECT before CONNACK", func(k *kit) {
			r := dial(k.T, k.h, k.v)
			r.send([]byte{0xc0, 0})
			if b, err := r.r.ReadByte(); err == nil {
				k.Errorf("%#x", b)
			}
		}},
		{"MQTT-3.14.1-1", "MQTT-3.14.1-1", "reserved bits of DISCONNECT are 0", func(k *kit) { k.closes([]byte{0xe2, 0}, 0x81) }},
		{"", "MQTT-4.12.0-1", "an authentication method that is not there: CONNACK 0x8C", func(k *kit) {
			p := join([]byte{packets.PropAuthenticationMethod}, text("X"))
			k.refuses(frame(0x10, join(text("MQTT"), []byte{5, 2, 0, 60, byte(len(p))}, p, text("c"))), 0x8c)
		}},
	}
}

func wills(k *kit, will connectOptions, end func(r *raw)) (spy *raw) {
	spy = k.client("lamp-2")
	k.sub(spy, "w/#", 1)
	will.will = "w/1"
	end(loggedIn(k.T, k.h, k.v, "lamp-1", will))
	return spy
}

const willText = `{"online":false}`

func sessions() []clause {
	cut := func(r *raw) { _ = r.c.(*net.TCPConn).SetLinger(0); _ = r.c.Close() }
	return []clause{
		{"MQTT-3.1.2-6", "MQTT-3.1.2-4", "a clean start forgets the session", func(k *kit) {
			k.sub(k.lasting("lamp-1"), "a", 1)
			if r := k.client("lamp-1"); r.present {
				k.Error("session present")
			}
			k.pub(k.client("lamp-2"), "a", "x", 1, false)
			r := k.lasting("lamp-1")
			k.nothing(r)
		}},
		{"MQTT-3.1.2-4", "MQTT-3.1.2-5", "else the session goes on", func(k *kit) {
			r := k.lasting("lamp-1")
			k.sub(r, "a", 1)
			cut(r)
			k.away("lamp-1")
			r = k.lasting("lamp-1")
			k.pub(k.client("lamp-2"), "a", "x", 1, false)
			k.got(r, "x")
		}},
		{"MQTT-3.2.2-3", "MQTT-3.1.2-6", "where there is none, a new one begins", func(k *kit) {
			if r := k.lasting("lamp-1"); r.present {
				k.Error("session present")
			}
		}},
		{"MQTT-3.1.2-5", "MQTT-3.1.2-23", "a session that stays keeps messages with a QoS", func(k *kit) {
			r := k.lasting("lamp-1")
			k.sub(r, "a", 2)
			cut(r)
			k.away("lamp-1")
			p := k.client("lamp-2")
			k.pub(p, "a", "1", 1, false)
			k.pub(p, "a", "2", 2, false)
			r = k.lasting("lamp-1")
			k.got(r, "1")
			k.got(r, "2")
		}},
		{"MQTT-3.2.2-1", "MQTT-3.2.2-2", "after a clean start CONNACK says: no session", func(k *kit) {
			k.lasting("lamp-1")
			if k.client("lamp-1").present {
				k.Error("session present")
			}
		}},
		{"MQTT-3.2.2-2", "MQTT-3.2.2-3", "where there is one, CONNACK says so", func(k *kit) {
			k.lasting("lamp-1")
			if !k.lasting("lamp-1").present {
				k.Error("no session")
			}
		}},
		{"", "MQTT-4.1.0-2", "a session ends when its time is over", func(k *kit) {
			cut(loggedIn(k.T, k.h, 5, "lamp-1", connectOptions{keep: true, expiry: 1}))
			k.away("lamp-1")
			time.Sleep(1100 * time.Millisecond)
			if k.lasting("lamp-1").present {
				k.Error("it has not")
			}
		}},
		{"", "MQTT-4.1.0-1", "no session ends while its client is there", func(k *kit) {
			r := loggedIn(k.T, k.h, 5, "lamp-1", connectOptions{keep: true, expiry: 1})
			k.sub(r, "a", 1)
			time.Sleep(1100 * time.Millisecond)
			k.h.sweep(time.Now())
			k.pub(k.client("lamp-2"), "a", "x", 1, false)
			k.got(r, "x")
		}},
		{"MQTT-3.1.2-8", "MQTT-3.1.2-8", "a will is published when the connection is lost", func(k *kit) {
			k.got(wills(k, connectOptions{}, cut), willText)
		}},
		{"MQTT-3.1.2-10", "MQTT-3.1.2-10", "a will is given up with DISCONNECT", func(k *kit) {
			spy := wills(k, connectOptions{}, func(r *raw) { r.send([]byte{0xe0, 0}); r.ended() })
			k.away("lamp-1")
			k.nothing(spy)
		}},
		{"MQTT-3.14.4-3", "MQTT-3.14.4-3", "the same by DISCONNECT with reason 0", func(k *kit) {
			bye := []byte{0xe0, 0}
			if k.v == 5 {
				bye = []byte{0xe0, 1, 0}
			}
			spy := wills(k, connectOptions{}, func(r *raw) { r.send(bye); r.ended() })
			k.away("lamp-1")
			k.nothing(spy)
		}},
		{"", "MQTT-3.14.2.1", "but not with a reason that keeps it (0x04)", func(k *kit) {
			k.got(wills(k, connectOptions{}, func(r *raw) { r.send([]byte{0xe0, 1, 4}) }), willText)
		}},
		{"MQTT-3.1.2-9", "MQTT-3.1.2-9", "a CONNECT that announces a will has one", func(k *kit) {
			k.refuses(k.connect("MQTT", k.v, 6, text("c")))
		}},
		{"MQTT-3.1.2-16", "MQTT-3.1.2-14", "a will without retain is not kept", func(k *kit) {
			k.got(wills(k, connectOptions{}, cut), willText)
			r := k.client("lamp-3")
			k.sub(r, "w/1", 1)
			k.nothing(r)
		}},
		{"MQTT-3.1.2-17", "MQTT-3.1.2-15", "a will with retain is", func(k *kit) {
			spy := k.client("lamp-2")
			k.sub(spy, "w", 1)
			r := dial(k.T, k.h, k.v)
			r.send(k.connect("MQTT", k.v, 0x26, text("c"), k.props(), text("w"), text("dead")))
			r.packet()
			cut(r)
			k.got(spy, "dead")
			late := k.client("lamp-3")
			k.sub(late, "w", 1)
			if pk := k.got(late, "dead"); !pk.FixedHeader.Retain {
				k.Error("without the flag")
			}
		}},
		{"", "MQTT-3.1.3-9", "a client that is back in time has no will published", func(k *kit) {
			spy := wills(k, connectOptions{keep: true, expiry: 600, willDelay: 1}, cut)
			k.away("lamp-1")
			k.lasting("lamp-1")
			time.Sleep(1100 * time.Millisecond)
			k.nothing(spy)
		}},
		{"", "MQTT-3.14.2.2.2", "DISCONNECT may not give time to a session that had none", func(k *kit) {
			r := loggedIn(k.T, k.h, 5, "lamp-1", connectOptions{})
			r.send([]byte{0xe0, 7, 0, 5, packets.PropSessionExpiryInterval, 0, 0, 0, 9})
			if code := r.ended(); code != 0x82 {
				k.Errorf("DISCONNECT %#x", code)
			}
		}},
		{"", "MQTT-3.1.2-24", "no packet larger than the client takes is sent", func(k *kit) {
			r := dial(k.T, k.h, 5)
			r.send(frame(0x10, join(text("MQTT"), []byte{5, 2, 0, 60, 5, packets.PropMaximumPacketSize, 0, 0, 0, 40}, text("c"))))
			r.packet()
			k.sub(r, "a", 1)
			p := k.client("lamp-2")
			k.pub(p, "a", strings.Repeat("x", 100), 1, false)
			k.pub(p, "a", "small", 1, false)
			k.got(r, "small")
		}},
	}
}
