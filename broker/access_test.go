package broker

import (
	"bytes"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

func TestLogin(t *testing.T) {
	h := start(t)
	connect := func(version byte, client, user, password string) byte {
		r := dial(t, h, version)
		pk := packets.Packet{ProtocolVersion: version, FixedHeader: packets.FixedHeader{Type: packets.Connect}}
		pk.Connect = packets.ConnectParams{
			ProtocolName: []byte("MQTT"), Clean: true, Keepalive: 60, ClientIdentifier: client,
			UsernameFlag: true, Username: []byte(user), PasswordFlag: true, Password: []byte(password),
		}
		var buf bytes.Buffer
		if err := pk.ConnectEncode(&buf); err != nil {
			t.Fatal(err)
		}
		r.send(buf.Bytes())
		_, body := r.packet()
		if body[1] != 0 {
			r.ended()
		}
		return body[1]
	}
	for _, c := range []struct {
		name                   string
		client, user, password string
		v4, v5                 byte
	}{
		{"right", "door-1", "door-1", "secret-door-1", 0, 0},
		{"wrong secret", "door-1", "door-1", "secret-door-2", 5, 0x86},
		{"no such device", "nobody", "nobody", "x", 5, 0x86},
		{"client id of another", "door-2", "door-1", "secret-door-1", 2, 0x85},
		{"integrator, any client id", "my program", "int-1", "secret-int-1", 0, 0},
		{"integrator, client id of a device", "door-1", "int-1", "secret-int-1", 0, 0},
		{"integrator, no client id", "", "int-1", "secret-int-1", 0, 0},
		{"hub can't decide", "down", "down", "x", 3, 0x88},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := connect(4, c.client, c.user, c.password); got != c.v4 {
				t.Errorf("3.1.1: CONNACK %d, want %d", got, c.v4)
			}
			if got := connect(5, c.client, c.user, c.password); got != c.v5 {
				t.Errorf("5: CONNACK %#x, want %#x", got, c.v5)
			}
		})
	}
	if !h.seen.has("refused door-1 bad_credentials ") {
		t.Errorf("the observer heard %v", h.seen.lines)
	}
}

func TestSubscriptions(t *testing.T) {
	h := start(t, func(o *Options) { o.Limits.Strikes = 1000 })
	for _, c := range []struct {
		client, filter string
		allowed        bool
	}{
		{"door-1", "dy/v1/door/door-1/command", true},
		{"door-1", "dy/v1/door/door-1/config", true},
		{"door-1", "dy/v1/door/door-1/event", false},
		{"door-1", "dy/v1/door/door-1/#", false},
		{"door-1", "dy/v1/door/door-1/+", false},
		{"door-1", "dy/v1/door/door-2/command", false},
		{"door-1", "dy/v1/lamp/door-1/command", false},
		{"door-1", "dy/v1/door/door-1/command/x", false},
		{"door-1", "#", false},
		{"door-1", "+/+/+/+/+", false},
		{"door-1", "$SYS/#", false},
		{"door-1", "$share/g/dy/v1/door/door-1/command", false},
		{"int-1", "dy/v1/#", true},
		{"int-1", "dy/v1/+/+/event", true},
		{"int-1", "dy/v1/hub/alarm", true},
		{"int-1", "#", false},
		{"int-1", "dy/#", false},
		{"int-1", "+/v1/#", false},
		{"int-1", "$SYS/#", false},
		{"int-1", "$share/g/dy/v1/#", true},
		{"int-1", "$share/g/dy/#", false},
	} {
		t.Run(c.client+" "+c.filter, func(t *testing.T) {
			bothVersions(t, func(t *testing.T, version byte) {
				r := loggedIn(t, h, version, c.client, connectOptions{})
				want := byte(1)
				if !c.allowed {
					want = 0x87
					if version == 4 {
						want = 0x80
					}
				}
				if got := r.subscribe(77, c.filter); got != want {
					t.Errorf("SUBACK %#x, want %#x", got, want)
				}
				if !c.allowed && !h.seen.has("refused "+c.client+" subscription "+c.filter) {
					t.Error("the observer did not hear of it")
				}
			})
		})
	}
}

func TestForbiddenTopics(t *testing.T) {
	h := start(t)
	spy := loggedIn(t, h, 5, "int-spy", connectOptions{})
	spy.subscribe(1, "dy/v1/#")
	for _, topic := range []string{
		"dy/v1/door/door-2/event", "dy/v1/lamp/door-1/event", "dy/v1/door/door-1/command", "dy/v1/door/door-1/config",
		"dy/v1/door/door-1/quarantine", "dy/v1/door/door-1/event/x", "dy/v1/hub/alarm", "$SYS/broker/x", "x", "dy/v1/door/door-1/",
	} {
		t.Run(topic, func(t *testing.T) {
			r := loggedIn(t, h, 5, "door-1", connectOptions{})
			r.publish(topic, "x", 0, 0, 1)
			r.publish(topic, "x", 1, 1, 1)
			r.expect(packets.Puback, 1, 0x87)
			r.publish(topic, "x", 2, 2, 0)
			r.expect(packets.Pubrec, 2, 0x87)
			r.quiet()
			if !h.seen.has("refused door-1 topic " + topic) {
				t.Error("the observer did not hear of it")
			}
			old := loggedIn(t, h, 4, "door-1", connectOptions{})
			old.publish(topic, "x", 0, 0, 0)
			old.quiet()
			old.publish(topic, "x", 1, 1, 0)
			old.ended()
		})
	}
	t.Run("integrator", func(t *testing.T) {
		r := loggedIn(t, h, 5, "int-1", connectOptions{})
		r.publish("dy/v1/door/door-1/event", "x", 1, 1, 0)
		r.expect(packets.Puback, 1, 0x87)
	})
	if n := len(h.sink.all()); n != 0 {
		t.Errorf("%d were stored", n)
	}
	spy.quiet()
}

// Topic aliases are resolved before the rights are looked at.
func TestAliases(t *testing.T) {
	h := start(t, func(o *Options) { o.Limits.Strikes = 1000 })
	r := loggedIn(t, h, 5, "door-1", connectOptions{})
	send := func(topic string, alias byte, id byte) {
		r.send(frame(0x32, append(append(text(topic), 0, id), 3, packets.PropTopicAlias, 0, alias, 'x')))
	}
	send(doorEvent, 1, 1)
	r.expect(packets.Puback, 1, 0)
	send("", 1, 2)
	r.expect(packets.Puback, 2, 0)
	send("dy/v1/door/door-2/event", 2, 3)
	r.expect(packets.Puback, 3, 0x87)
	send("", 2, 4)
	r.expect(packets.Puback, 4, 0x87)
	if got := h.sink.all(); len(got) != 2 || got[1].Topic != doorEvent {
		t.Fatalf("stored %+v", got)
	}
	send("", 5, 5)
	if code := r.ended(); code != packets.ErrTopicAliasInvalid.Code {
		t.Fatalf("DISCONNECT %#x", code)
	}
}

func TestWills(t *testing.T) {
	h := start(t)
	for _, topic := range []string{"dy/v1/door/door-2/presence", "dy/v1/door/door-1/command", "#"} {
		bothVersions(t, func(t *testing.T, version byte) {
			r := dial(t, h, version)
			if code := r.login("door-1", connectOptions{will: topic}); code == 0 {
				t.Errorf("will on %s was accepted", topic)
			}
			r.ended()
		})
	}
	const presence = "dy/v1/door/door-1/presence"
	bothVersions(t, func(t *testing.T, version byte) {
		before := len(h.sink.all())
		r := loggedIn(t, h, version, "door-1", connectOptions{will: presence})
		r.send([]byte{0xe0, 0}) // DISCONNECT: no will
		r.ended()
		eventually(t, "disconnected", func() bool { return !h.Connected("door-1") })
		r = loggedIn(t, h, version, "door-1", connectOptions{will: presence})
		_ = r.c.Close()
		eventually(t, "will stored", func() bool { return len(h.sink.all()) == before+1 })
		if m := h.sink.all()[before]; !m.Will || m.Topic != presence || !m.Retain || string(m.Payload) != `{"online":false}` {
			t.Fatalf("will %+v", m)
		}
	})
	t.Run("delayed", func(t *testing.T) {
		before := len(h.sink.all())
		o := connectOptions{will: presence, willDelay: 1, expiry: 600, keep: true}
		r := loggedIn(t, h, 5, "door-1", o)
		_ = r.c.Close()
		r = loggedIn(t, h, 5, "door-1", o) // back in time
		r.quiet()
		h.mu.Lock()
		waiting := len(h.wills)
		h.mu.Unlock()
		if waiting != 0 || len(h.sink.all()) != before {
			t.Fatal("the will was not recalled")
		}
		_ = r.c.Close()
		eventually(t, "will stored", func() bool { return len(h.sink.all()) == before+1 })
	})
}

func TestDrop(t *testing.T) {
	bothVersions(t, func(t *testing.T, version byte) {
		h := start(t)
		r := loggedIn(t, h, version, "door-1", connectOptions{})
		eventually(t, "connected", func() bool { return h.Connected("door-1") })
		h.Drop("nobody")
		h.Drop("door-1")
		if code := r.ended(); version == 5 && code != packets.ErrAdministrativeAction.Code {
			t.Errorf("DISCONNECT %#x", code)
		}
		eventually(t, "disconnected", func() bool { return !h.Connected("door-1") && h.seen.has("disconnected door-1") })
	})
}

// Whoever goes on with what is forbidden is kept out.
func TestQuarantine(t *testing.T) {
	t.Run("topics", func(t *testing.T) {
		h := start(t)
		r := loggedIn(t, h, 5, "charger-1", connectOptions{})
		for range 20 {
			r.publish("dy/v1/door/door-1/event", "x", 0, 0, 0)
		}
		if code := r.ended(); code != packets.ErrNotAuthorized.Code {
			t.Errorf("DISCONNECT %#x", code)
		}
		again := dial(t, h, 5)
		if code := again.login("charger-1", connectOptions{}); code != packets.ErrBanned.Code {
			t.Errorf("CONNACK %#x", code)
		}
		if h.seen.count("refused charger-1 quarantine ") != 2 { // the act, and the attempt
			t.Errorf("the observer heard %v", h.seen.lines)
		}
		loggedIn(t, h, 5, "door-1", connectOptions{}).quiet()
	})
	t.Run("flood", func(t *testing.T) {
		h := start(t, func(o *Options) { o.Limits.Packets, o.Limits.PacketBurst, o.Limits.Floods = 10, 10, 50 })
		r := loggedIn(t, h, 4, "charger-1", connectOptions{})
		b := frame(0x30, append(text("dy/v1/charger/charger-1/telemetry"), "{}"...))
		for range 80 {
			if _, err := r.c.Write(b); err != nil {
				break
			}
		}
		r.ended()
		if !h.seen.has("refused charger-1 rate ") {
			t.Errorf("the observer heard %v", h.seen.lines)
		}
		if n := len(h.sink.lossy); n < 10 || n > 40 {
			t.Errorf("%d messages went through", n)
		}
	})
}
