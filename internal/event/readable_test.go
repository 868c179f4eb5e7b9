package event

import "testing"

func TestWhatOpensADoorIsNotReadable(t *testing.T) {
	for _, c := range []struct {
		e          Event
		data, want string
	}{
		{Event{Kind: Door, Channel: Happening, Type: "badge"}, `{"credential":{"type":"pin","value":"135790"},"side":"in"}`, `{"credential":{"type":"pin","value":"…"},"side":"in"}`},
		{Event{Kind: Door, Channel: Happening, Type: "badge"}, `{"credential":{"type":"card","value":"04A1B2C3D4"}}`, `{"credential":{"type":"card","value":"…C3D4"}}`},
		{Event{Kind: Door, Channel: Happening, Type: "badge"}, `{"credential":{"type":"card","value":"1234567"}}`, `{"credential":{"type":"card","value":"…"}}`},
		{Event{Kind: Door, Channel: Happening, Type: "badge"}, `{"credential":{"type":"card","value":12345678}}`, `{"credential":{"type":"card","value":"…"}}`},
		{Event{Kind: Door, Channel: Happening, Type: "badge"}, `{"credential":{"type":"qr","value":"DY1.abcdefgh"}}`, `{"credential":{"type":"qr","value":"…"}}`},
		{Event{Kind: Door, Channel: Happening, Type: "badge"}, `{"credential":{"type":"plate","value":"川A12345"}}`, `{"credential":{"type":"plate","value":"川A12345"}}`},
		{Event{Kind: Door, Channel: Happening, Type: "badge"}, `{"credential":"135790","side":"in"}`, `{"side":"in"}`},
		{Event{Kind: Door, Channel: Happening, Type: "badge"}, `{"side":"in"}`, `{"side":"in"}`},
		{Event{Kind: Door, Channel: Quarantine, Type: "event.value"}, `{"detail":"side","text":"{\"credential\":{\"type\":\"pin\",\"value\": \"135790\"},\"side\":5}"}`,
			`{"detail":"side","text":"{\"credential\":{\"type\":\"pin\",\"value\":\"…\"},\"side\":5}"}`},
		{Event{Kind: Door, Channel: Quarantine}, `{"text":"{\"value\":\"1357"}`, `{"text":"{\"value\":\"…\""}`},
		{Event{Kind: Door, Channel: Quarantine}, `{"base64":"AAEC"}`, `{"base64":"AAEC"}`},
		{Event{Kind: Door, Channel: Happening, Type: "badge"}, `["135790"]`, `{}`},
		{Event{Kind: Door, Channel: Happening, Type: "badge"}, `{"credential":{"value":"135790"}}`, `{"credential":{"value":"…"}}`},
		{Event{Kind: Door, Channel: Happening, Type: "opened"}, `{"value":"135790"}`, `{"value":"135790"}`},
		{Event{Kind: "lamp", Channel: Happening, Type: "badge"}, `{"credential":{"type":"pin","value":"135790"}}`, `{"credential":{"type":"pin","value":"135790"}}`},
	} {
		c.e.Data = []byte(c.data)
		if got := string(c.e.Readable()); got != c.want {
			t.Errorf("%s: %s, want %s", c.data, got, c.want)
		}
		if string(c.e.Data) != c.data {
			t.Errorf("%s: the event itself was changed", c.data)
		}
	}
}
