package broker

import (
	"bytes"
	"errors"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

func TestNextFrame(t *testing.T) {
	long := bytes.Repeat([]byte{'x'}, maxPayload)
	connect := frame(0x10, append(text("MQTT"), 4, 2, 0, 60, 0, 1, 'a'))
	for _, c := range []struct {
		name    string
		b       []byte
		version byte
		end     int  // 0: incomplete
		code    byte // of the fault, 0: none
	}{
		{"nothing", nil, 4, 0, 0},
		{"first byte", []byte{0xc0}, 4, 0, 0},
		{"PINGREQ", []byte{0xc0, 0}, 4, 2, 0},
		{"PINGREQ with flags", []byte{0xc1, 0}, 4, 0, 0x81},
		{"PINGREQ with a body", []byte{0xc0, 1, 0}, 4, 0, 0x81},
		{"padded length", []byte{0xc0, 0x80, 0}, 4, 0, 0x81},
		{"length of five bytes", []byte{0x30, 0xff, 0xff, 0xff, 0xff, 1}, 4, 0, 0x81},
		{"length of 268 MB", []byte{0x30, 0xff, 0xff, 0xff, 0x7f}, 4, 0, 0x95},
		{"CONNECT of 268 MB", []byte{0x10, 0xff, 0xff, 0xff, 0x7f}, 0, 0, 0x95},
		{"CONNECT", connect, 0, len(connect), 0},
		{"CONNECT, half", connect[:9], 0, 0, 0},
		{"second CONNECT", connect, 4, 0, 0x82},
		{"PUBLISH first", []byte{0x30, 3, 0, 1, 'a'}, 0, 0, 0x82},
		{"CONNECT, odd protocol", frame(0x10, append(text("HTTP"), 4, 2, 0, 60, 0, 1, 'a')), 0, 0, 0x81},
		{"CONNECT, reserved flag", frame(0x10, append(text("MQTT"), 4, 3, 0, 60, 0, 1, 'a')), 0, 0, 0x81},
		{"CONNECT, will QoS 3", frame(0x10, append(text("MQTT"), 4, 0x1e, 0, 60, 0, 1, 'a', 0, 1, 'b', 0, 0)), 0, 0, 0x81},
		{"CONNECT, password without name", frame(0x10, append(text("MQTT"), 4, 0x42, 0, 60, 0, 1, 'a', 0, 1, 'b')), 0, 0, 0x81},
		{"PUBLISH QoS 3", []byte{0x36, 5, 0, 1, 'a', 0, 1}, 4, 0, 0x81},
		{"PUBLISH QoS 0 DUP", []byte{0x38, 3, 0, 1, 'a'}, 4, 0, 0x81},
		{"PUBLISH id 0", []byte{0x32, 5, 0, 1, 'a', 0, 0}, 4, 0, 0x81},
		{"PUBLISH, topic beyond the end", []byte{0x30, 3, 0, 9, 'a'}, 4, 0, 0x81},
		{"PUBLISH, NUL in the topic", []byte{0x30, 3, 0, 1, 0}, 4, 0, 0x81},
		{"PUBLISH, topic not UTF-8", []byte{0x30, 3, 0, 1, 0xff}, 4, 0, 0x81},
		{"PUBLISH, 64 KiB", frame(0x30, append(text("a"), long...)), 4, len(long) + 3 + 4, 0},
		{"PUBLISH, 64 KiB and one", frame(0x30, append(append(text("a"), long...), 'y')), 4, 0, 0x95},
		{"PUBLISH 5, no property section", []byte{0x30, 3, 0, 1, 'a'}, 5, 0, 0x81},
		{"PUBLISH 5, property beyond the end", []byte{0x30, 5, 0, 1, 'a', 9, 1}, 5, 0, 0x81},
		{"PUBLISH 5, unknown property", []byte{0x30, 6, 0, 1, 'a', 2, 0x7f, 1}, 5, 0, 0x81},
		{"PUBLISH 5, a property twice", []byte{0x30, 8, 0, 1, 'a', 4, 1, 1, 1, 1}, 5, 0, 0x81},
		{"PUBLISH 5, user properties twice", []byte{0x30, 18, 0, 1, 'a', 14, 38, 0, 1, 'k', 0, 1, 'v', 38, 0, 1, 'k', 0, 1, 'v'}, 5, 20, 0},
		{"SUBSCRIBE", []byte{0x82, 6, 0, 1, 0, 1, 'a', 1}, 4, 8, 0},
		{"SUBSCRIBE, flags", []byte{0x80, 6, 0, 1, 0, 1, 'a', 1}, 4, 0, 0x81},
		{"SUBSCRIBE, no filter", []byte{0x82, 2, 0, 1}, 4, 0, 0x81},
		{"SUBSCRIBE, empty filter", []byte{0x82, 5, 0, 1, 0, 0, 1}, 4, 0, 0x81},
		{"SUBSCRIBE, no options", []byte{0x82, 5, 0, 1, 0, 1, 'a'}, 4, 0, 0x81},
		{"SUBSCRIBE 5, truncated", []byte{0x82, 5, 0, 1, 0, 0, 0}, 5, 0, 0x81},
		{"SUBSCRIBE, QoS 3", []byte{0x82, 6, 0, 1, 0, 1, 'a', 3}, 4, 0, 0x81},
		{"SUBSCRIBE 5, retain handling 3", []byte{0x82, 7, 0, 1, 0, 0, 1, 'a', 0x30}, 5, 0, 0x81},
		{"UNSUBSCRIBE, id 0", []byte{0xa2, 5, 0, 0, 0, 1, 'a'}, 4, 0, 0x81},
		{"PUBACK, short", []byte{0x40, 1, 0}, 4, 0, 0x81},
		{"PUBACK, tail in 3.1.1", []byte{0x40, 3, 0, 1, 0}, 4, 0, 0x81},
		{"PUBACK 5, reason", []byte{0x40, 3, 0, 1, 0x10}, 5, 5, 0},
		{"AUTH in 3.1.1", []byte{0xf0, 0}, 4, 0, 0x81},
		{"kind 0", []byte{0x00, 0}, 4, 0, 0x81},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, end, err := nextFrame(c.b, c.version)
			var f fault
			errors.As(err, &f)
			if (err != nil) != (c.code != 0) || f.code.Code != c.code {
				t.Fatalf("error %v (%#x), want %#x", err, f.code.Code, c.code)
			}
			if err == nil && end != c.end {
				t.Fatalf("end %d, want %d", end, c.end)
			}
		})
	}
}

// Whatever the checker lets through, the decoder of the embedded server survives.
func FuzzFrame(f *testing.F) {
	for _, p := range packets.TPacketData {
		for _, c := range p {
			f.Add(c.RawBytes, byte(4))
			f.Add(c.RawBytes, byte(5))
			f.Add(c.RawBytes, byte(0))
		}
	}
	f.Add([]byte{0x82, 5, 0, 1, 0, 0, 0}, byte(5))
	f.Fuzz(func(t *testing.T, b []byte, version byte) {
		if version != 0 && version != 4 && version != 5 {
			return
		}
		body, end, err := nextFrame(b, version)
		if err != nil {
			if f := (fault{}); !errors.As(err, &f) {
				t.Fatalf("error without a reason code: %v", err)
			}
			return
		}
		if end == 0 {
			return
		}
		if body < 2 || body > end || end > len(b) {
			t.Fatalf("body %d, end %d of %d", body, end, len(b))
		}
		// A piece of the packet is never taken for a whole one.
		if _, n, err := nextFrame(b[:end-1], version); err == nil && n != 0 {
			t.Fatalf("whole with %d of %d bytes", end-1, end)
		}
		decode(b[0], b[body:end], version)
	})
}

func decode(head byte, body []byte, version byte) {
	if version == 0 {
		version = connectVersion(body)
	}
	pk := packets.Packet{ProtocolVersion: version}
	if pk.FixedHeader.Decode(head) != nil {
		return
	}
	pk.FixedHeader.Remaining = len(body)
	body = bytes.Clone(body)
	switch head >> 4 {
	case packets.Connect:
		if pk.ConnectDecode(body) == nil {
			pk.ConnectValidate()
		}
	case packets.Publish:
		if pk.PublishDecode(body) == nil {
			pk.PublishValidate(aliases)
		}
	case packets.Puback:
		_ = pk.PubackDecode(body)
	case packets.Pubrec:
		_ = pk.PubrecDecode(body)
	case packets.Pubrel:
		_ = pk.PubrelDecode(body)
	case packets.Pubcomp:
		_ = pk.PubcompDecode(body)
	case packets.Subscribe:
		if pk.SubscribeDecode(body) == nil {
			pk.SubscribeValidate()
		}
	case packets.Unsubscribe:
		if pk.UnsubscribeDecode(body) == nil {
			pk.UnsubscribeValidate()
		}
	case packets.Disconnect:
		_ = pk.DisconnectDecode(body)
	case packets.Auth:
		_ = pk.AuthDecode(body)
	}
}
