package broker

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// client logs in with a clean start.
func (k *kit) client(id string) *raw { return loggedIn(k.T, k.h, k.v, id, connectOptions{}) }

// lasting logs in with a session that stays.
func (k *kit) lasting(id string) *raw {
	return loggedIn(k.T, k.h, k.v, id, connectOptions{keep: true, expiry: 600})
}

// closes sends bytes on a connection that is logged in; it must end. In MQTT 5
// one of the reasons must have been told, if there are any.
func (k *kit) closes(b []byte, reasons ...byte) {
	k.Helper()
	r := k.client("lamp-x")
	r.send(b)
	code := r.ended()
	if k.v < 5 || len(reasons) == 0 {
		return
	}
	if !slices.Contains(reasons, code) {
		k.Errorf("DISCONNECT %#x, want one of %#x", code, reasons)
	}
}

// refuses sends bytes in place of CONNECT; the connection must end, with no
// CONNACK that lets in.
func (k *kit) refuses(b []byte, codes ...byte) {
	k.Helper()
	r := dial(k.T, k.h, k.v)
	r.send(b)
	head, body, err := r.read()
	if err != nil {
		return
	}
	if head>>4 != packets.Connack || body[1] == 0 || body[0] != 0 {
		k.Fatalf("answer %#x % x", head, body)
	}
	if len(codes) > 0 && body[1] != codes[0] {
		k.Errorf("CONNACK %#x, want %#x", body[1], codes[0])
	}
	r.ended()
}

// props is a property section for MQTT 5, nothing for 3.1.1.
func (k *kit) props(b ...byte) []byte {
	if k.v < 5 {
		return nil
	}
	return append([]byte{byte(len(b))}, b...)
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func num(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

// connect makes a CONNECT of these parts; rest follows the properties.
func (k *kit) connect(name string, version, flags byte, rest ...[]byte) []byte {
	return frame(0x10, join(text(name), []byte{version, flags, 0, 60}, k.props(), join(rest...)))
}

func (k *kit) subscribeBytes(id uint16, filter string, options byte) []byte {
	return frame(0x82, join(num(id), k.props(), text(filter), []byte{options}))
}

// sub subscribes with options and returns the code.
func (k *kit) sub(r *raw, filter string, options byte, props ...byte) byte {
	k.Helper()
	r.send(frame(0x82, join(num(9), k.props(props...), text(filter), []byte{options})))
	head, body := r.packet()
	if head>>4 != packets.Suback || binary.BigEndian.Uint16(body) != 9 {
		k.Fatalf("packet %#x % x in place of SUBACK", head, body)
	}
	return body[len(body)-1]
}

func (k *kit) unsub(r *raw, filters ...string) []byte {
	k.Helper()
	b := join(num(8), k.props())
	for _, f := range filters {
		b = append(b, text(f)...)
	}
	r.send(frame(0xa2, b))
	head, body := r.packet()
	if head != 0xb0 || binary.BigEndian.Uint16(body) != 8 {
		k.Fatalf("packet %#x % x in place of UNSUBACK", head, body)
	}
	return body[2:]
}

// pub publishes and waits for the acknowledgement.
func (k *kit) pub(r *raw, topic, payload string, qos byte, retain bool, props ...byte) {
	k.Helper()
	b := text(topic)
	if qos > 0 {
		b = append(b, 0, 5)
	}
	head := 0x30 | qos<<1
	if retain {
		head |= 1
	}
	r.send(frame(head, join(b, k.props(props...), []byte(payload))))
	switch qos {
	case 0:
		r.quiet()
	case 1:
		r.expect(packets.Puback, 5, 0)
	case 2:
		r.expect(packets.Pubrec, 5, 0)
		r.send([]byte{0x62, 2, 0, 5})
		r.expect(packets.Pubcomp, 5, 0)
	}
}

// got reads a PUBLISH and acknowledges QoS 1.
func (k *kit) got(r *raw, payload string) packets.Packet {
	k.Helper()
	head, body := r.packet()
	if head>>4 != packets.Publish {
		k.Fatalf("packet %#x % x in place of PUBLISH", head, body)
	}
	pk := packets.Packet{ProtocolVersion: k.v}
	_ = pk.FixedHeader.Decode(head)
	if err := pk.PublishDecode(body); err != nil {
		k.Fatal(err)
	}
	if string(pk.Payload) != payload {
		k.Fatalf("got %q, want %q", pk.Payload, payload)
	}
	if pk.FixedHeader.Qos == 1 {
		r.send(frame(0x40, num(pk.PacketID)))
	}
	return pk
}

// nothing checks that no message is on its way to r, by one that follows it.
func (k *kit) nothing(r *raw) {
	k.Helper()
	time.Sleep(20 * time.Millisecond) // what is not to come can't be waited for; a fast machine would see it
	r.quiet()
}

func (k *kit) away(id string) {
	k.Helper()
	eventually(k.T, "away", func() bool { return !k.h.Connected(id) })
}
