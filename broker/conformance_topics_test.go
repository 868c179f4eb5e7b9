package broker

import "strings"

func topics() []clause {
	refused := func(k *kit, filters ...string) {
		k.Helper()
		r := k.client("lamp-1")
		for _, f := range filters {
			if code := k.sub(r, f, 0); code < 0x80 {
				k.Errorf("%s: SUBACK %#x", f, code)
			}
		}
	}
	return []clause{
		{"MQTT-4.7.1-1", "MQTT-4.7.0-1", "no wildcards in topics", func(k *kit) { k.closes(frame(0x30, join(text("a/#"), k.props())), 0x90, 0x81, 0x82) }},
		{"MQTT-4.7.1-2", "MQTT-4.7.1-1", "# stands alone in the last level", func(k *kit) { refused(k, "a#", "a/#/b", "#/a", "a/b#") }},
		{"MQTT-4.7.1-3", "MQTT-4.7.1-2", "+ stands alone in its level", func(k *kit) { refused(k, "a+", "+a/b", "a/b+/c") }},
		{"MQTT-4.7.2-1", "MQTT-4.7.2-1", "a wildcard at the beginning matches no topic with $", func(k *kit) {
			for _, f := range []string{"#", "+/a"} {
				if matches(f, "$SYS/a") {
					k.Error(f)
				}
			}
			p, s := k.pair("#", 1)
			p.send(frame(0x30, join(text("$SYS/a"), k.props(), []byte("x"))))
			k.nothing(s)
		}},
		{"MQTT-4.7.3-1", "MQTT-4.7.3-1", "filters and topics have one character at least", func(k *kit) {
			k.closes(k.subscribeBytes(1, "", 0), 0x81, 0x82)
		}},
		{"MQTT-4.7.3-2", "MQTT-4.7.3-2", "and no U+0000", func(k *kit) { k.closes(k.subscribeBytes(1, "a\x00", 0), 0x81) }},
		{"MQTT-4.7.3-4", "MQTT-4.7.3-4", "they are compared as they are written", func(k *kit) {
			p, s := k.pair("a/B", 1)
			k.sub(s, "/c", 1)
			k.sub(s, "e\u0301", 1)
			for _, topic := range []string{"a/b", "A/B", "a/B/", "c", "/c/", "\u00e9", "a /B"} {
				k.pub(p, topic, "no", 1, false)
			}
			k.pub(p, "a/B", "1", 1, false)
			k.pub(p, "/c", "2", 1, false)
			k.pub(p, "e\u0301", "3", 1, false)
			for _, want := range []string{"1", "2", "3"} {
				k.got(s, want)
			}
		}},
		{"MQTT-4.7.3-3", "MQTT-4.7.3-3", "they are long: what fits is passed on", func(k *kit) {
			long := strings.Repeat("a/", 2000) + "a"
			p, s := k.pair(long, 1)
			k.pub(p, long, "x", 1, false)
			k.got(s, "x")
		}},
	}
}
