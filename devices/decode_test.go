package devices_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"
)

var now = time.Date(2026, 11, 23, 8, 15, 30, 0, time.UTC)

const at = `"at":"2026-11-23T08:15:29.500Z"`

func refused(err error) string {
	if r, ok := errors.AsType[*devices.Refusal](err); ok {
		return r.Code
	}
	if err != nil {
		return "no refusal: " + err.Error()
	}
	return ""
}

func TestDecode(t *testing.T) {
	h := fresh(t)
	big := `{"id":"1",` + at + `,"type":"rex","data":{"x":"` + strings.Repeat("a", devices.MaxPayload) + `"}}`
	for _, c := range []struct{ topic, payload, code string }{
		// topics and devices
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"rex"}`, ""},
		{"dy/v1/door/door-1/command", `{}`, devices.CodeTopic},
		{"dy/v1/door/door-1/quarantine", `{}`, devices.CodeTopic},
		{"dy/v1/door/door-1", `{}`, devices.CodeTopic},
		{"dy/v1/door/door-9/event", `{}`, devices.CodeDevice},
		{"dy/v1/lamp/door-1/event", `{}`, devices.CodeKind},
		{"dy/v1/fridge/door-1/event", `{}`, devices.CodeKind},
		{"dy/v1/door/door-1/event", big, devices.CodeTooLarge},
		// the envelope of an event
		{"dy/v1/door/door-1/event", ``, devices.CodeSyntax},
		{"dy/v1/door/door-1/event", `{` + at + `,"type":"rex"}`, devices.CodeEventID},
		{"dy/v1/door/door-1/event", `{"id":"",` + at + `,"type":"rex"}`, devices.CodeEventID},
		{"dy/v1/door/door-1/event", `{"id":7,` + at + `,"type":"rex"}`, devices.CodeEventID},
		{"dy/v1/door/door-1/event", `{"id":"a b",` + at + `,"type":"rex"}`, devices.CodeEventID},
		{"dy/v1/door/door-1/event", `{"id":"1","type":"rex"}`, devices.CodeTime},
		{"dy/v1/door/door-1/event", `{"id":"1","at":1700000000,"type":"rex"}`, devices.CodeTime},
		{"dy/v1/door/door-1/event", `{"id":"1","at":"2026-11-23 08:15","type":"rex"}`, devices.CodeTime},
		{"dy/v1/door/door-1/event", `{"id":"1","at":"2026-11-24T08:15:31Z","type":"rex"}`, devices.CodeFuture},
		{"dy/v1/door/door-1/event", `{"id":"1","at":"9999-01-01T00:00:00Z","type":"rex"}`, devices.CodeFuture},
		{"dy/v1/door/door-1/event", `{"id":"1","at":"2026-11-23T08:20:30Z","type":"rex"}`, ""}, // a clock ahead by 5 min
		{"dy/v1/door/door-1/event", `{"id":"1","at":"1970-01-01T00:00:07Z","type":"rex"}`, ""}, // a clock that was never set
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `}`, devices.CodeMissing},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"explode"}`, devices.CodeEvent},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"smoke"}`, devices.CodeEvent},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"rex","seq":-1}`, devices.CodeRange},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"rex","seq":1.5}`, devices.CodeType},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"rex","seq":"7"}`, devices.CodeType},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"rex","part":7}`, devices.CodeType},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"rex","part":"a/b"}`, devices.CodeValue},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"rex","data":[]}`, devices.CodeType},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"rex","data":{"x":1e309}}`, devices.CodeNumber},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"rex","data":{"x":NaN}}`, devices.CodeNumber},
		{"dy/v1/door/door-1/event", `{"id":"1","id":"2",` + at + `,"type":"rex"}`, devices.CodeDuplicate},
		{"dy/v1/door/door-1/event", `{"id":"1",` + at + `,"type":"rex","data":null,"newer":{"member":[1]}}`, ""},
		// the other channels
		{"dy/v1/door/door-1/presence", `{"online":true,"fw":"1.4.2","boot":"b7"}`, ""},
		{"dy/v1/door/door-1/presence", `{"online":false}`, ""},
		{"dy/v1/door/door-1/presence", `{"online":"yes"}`, devices.CodeType},
		{"dy/v1/door/door-1/presence", `{}`, devices.CodeMissing},
		{"dy/v1/door/door-1/presence", ``, devices.CodeSyntax},
		{"dy/v1/door/door-1/state", `{` + at + `,"state":{"lock":"locked"}}`, ""},
		{"dy/v1/door/door-1/state", `{` + at + `}`, devices.CodeMissing},
		{"dy/v1/door/door-1/state", `{"state":{}}`, devices.CodeTime},
		{"dy/v1/door/door-1/state", `{` + at + `,"state":{"lock":1}}`, devices.CodeType},
		{"dy/v1/charger/charger-1/telemetry", `{` + at + `,"part":"7","values":{"temp_c":41.2,"power_w":310,"state":"charging"}}`, ""},
		{"dy/v1/charger/charger-1/telemetry", `{` + at + `,"values":{"temp_c":"41"}}`, devices.CodeType},
		{"dy/v1/charger/charger-1/telemetry", `{` + at + `,"values":{"temp_c":null}}`, devices.CodeType},
		{"dy/v1/charger/charger-1/telemetry", `{` + at + `,"values":{"temp_c":[41]}}`, devices.CodeType},
		{"dy/v1/charger/charger-1/telemetry", `{` + at + `,"values":{"temp_c":9000}}`, devices.CodeRange},
		{"dy/v1/charger/charger-1/telemetry", `{` + at + `,"values":{"energy_wh":-1}}`, devices.CodeRange},
		{"dy/v1/charger/charger-1/telemetry", `{` + at + `,"values":{"Temp":1}}`, devices.CodeValue},
		{"dy/v1/charger/charger-1/telemetry", `{` + at + `,"part":"7"}`, devices.CodeMissing},
		{"dy/v1/charger/charger-1/telemetry", `{` + at + `,"values":[1]}`, devices.CodeType},
		{"dy/v1/door/door-1/reply", `{"id":"c1","status":"done",` + at + `,"error":"","data":{}}`, ""},
		{"dy/v1/door/door-1/reply", `{"id":"c1","status":"maybe",` + at + `}`, devices.CodeValue},
		{"dy/v1/door/door-1/reply", `{"status":"done",` + at + `}`, devices.CodeEventID},
		{"dy/v1/door/door-1/reply", `{"id":"c1",` + at + `}`, devices.CodeMissing},
		{"dy/v1/door/door-1/reply", `{"id":"c1","status":"done"}`, devices.CodeTime},
	} {
		e, err := h.Decode(c.topic, []byte(c.payload), now)
		if got := refused(err); got != c.code {
			t.Errorf("%s %.120s: got %v, want %q", c.topic, c.payload, err, c.code)
		}
		if err == nil && (!json.Valid(e.Data) || e.Data[0] != '{') {
			t.Errorf("%s %.120s: data %q is no object", c.topic, c.payload, e.Data)
		}
	}
}

func TestDecodePlacesTheEvent(t *testing.T) {
	h := fresh(t)
	payload := []byte(`{"id":"e-42","boot":"b7","seq":42,"at":"2026-11-23T16:15:29.5009+08:00","type":"session_started","data":{"part":"7","user":"u"}}`)
	e, err := h.Decode("dy/v1/charger/charger-1/event", payload, now)
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != "e-42" || e.Device != "charger-1" || e.Kind != event.Charger || e.Zone != "east/b01" || e.Channel != event.Happening ||
		e.Type != "session_started" || e.Part != "7" || e.Boot != "b7" || e.BootSeq != 42 || e.Late ||
		!e.At.Equal(time.Date(2026, 11, 23, 8, 15, 29, 500e6, time.UTC)) || e.At.Location() != time.UTC || !e.ReceivedAt.Equal(now) {
		t.Fatalf("got %+v", e)
	}
	clear(payload)
	if string(e.Data) != `{"part":"7","user":"u"}` {
		t.Fatalf("data %s goes with the payload", e.Data)
	}
	for age, late := range map[time.Duration]bool{event.LateAfter: false, event.LateAfter + time.Millisecond: true} {
		if e := h.decode("door-1", event.Happening, `{"id":"1","type":"rex","at":"`+now.Add(-age).Format(time.RFC3339Nano)+`"}`, now); e.Late != late {
			t.Errorf("an event of %s: late = %v", age, e.Late)
		}
	}
}

func TestDecodeTakesUnixMilliseconds(t *testing.T) {
	h := fresh(t)
	e := h.decode("door-1", event.Happening, fmt.Sprintf(`{"id":"1","type":"rex","at":%d}`, now.UnixMilli()), now)
	if !e.At.Equal(now.Truncate(time.Millisecond)) || e.Late {
		t.Fatalf("at %v, late %v", e.At, e.Late)
	}
	for _, at := range []string{"-1", "1700000000", "1e300", "253402300800000"} {
		if _, err := h.Decode("dy/v1/door/door-1/event", []byte(`{"id":"1","type":"rex","at":`+at+`}`), now); err == nil {
			t.Errorf("at %s was taken", at)
		}
	}
}

func TestQuarantined(t *testing.T) {
	h := fresh(t)
	_, err := h.Decode("dy/v1/charger/charger-1/telemetry", []byte(`{"values":{"temp_c":NaN}}`), now)
	e := h.Quarantined("dy/v1/charger/charger-1/telemetry", []byte(`{"values":{"temp_c":NaN}}`), err, now)
	if e.Channel != event.Quarantine || e.Type != devices.CodeNumber || e.Device != "charger-1" || e.Kind != event.Charger || e.Zone != "east/b01" {
		t.Fatalf("got %+v", e)
	}
	var d struct {
		Topic, Detail, Text, Base64 string
		Size                        int
	}
	if err := json.Unmarshal(e.Data, &d); err != nil || d.Text != `{"values":{"temp_c":NaN}}` || d.Size != 25 || !strings.Contains(d.Detail, "finite") {
		t.Fatalf("got %s, %v", e.Data, err)
	}
	for _, payload := range []string{"\xff\xfe", strings.Repeat("東", 500), strings.Repeat("x", 1023) + "東", ""} {
		e := h.Quarantined("x\xff"+strings.Repeat("y", 70000), []byte(payload), err, now)
		if err := json.Unmarshal(e.Data, &d); err != nil || e.Device != "" || d.Size != len(payload) || len(e.Data) > 4096 {
			t.Fatalf("got %d bytes %.100s, %v", len(e.Data), e.Data, err)
		}
	}
	h.handle(e)
	if h.get("charger-1").Quarantined != 1 {
		t.Error("not counted")
	}
}

// fuzz holds Decode to its promises for one kind: a refusal with a code, or an
// event with an object in it and a time that is not far ahead.
func fuzz(f *testing.F, device string, seeds ...string) {
	h := fresh(f)
	for _, ch := range []string{"event", "telemetry", "state", "presence", "reply"} {
		for _, s := range seeds {
			f.Add(ch, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, ch string, payload []byte) {
		k, _ := h.Kind(device)
		topic := "dy/v1/" + string(k) + "/" + device + "/" + ch
		e, err := h.Decode(topic, payload, now)
		if err != nil {
			if c := refused(err); c == "" || strings.HasPrefix(c, "no refusal") {
				t.Fatalf("%v", err)
			}
			e = h.Quarantined(topic, payload, err, now)
		}
		if !json.Valid(e.Data) || e.Data[0] != '{' || e.At.After(now.Add(devices.MaxAhead)) {
			t.Fatalf("got %+v", e)
		}
		h.Live(e)
	})
}

func FuzzDecodeDoor(f *testing.F) {
	fuzz(f, "door-1", `{"id":"1",`+at+`,"type":"badge","data":{"credential":{"type":"card","value":"04A2"},"side":"in","decision":"ask"}}`, `{"online":true}`)
}

func FuzzDecodeLamp(f *testing.F) {
	fuzz(f, "lamp-1", `{"id":"1",`+at+`,"type":"sos","data":{"pressed":true}}`, `{`+at+`,"values":{"power_w":60,"dim_pct":80}}`)
}

func FuzzDecodeCharger(f *testing.F) {
	fuzz(f, "charger-1", `{"id":"1",`+at+`,"type":"session_ended","part":"7","data":{"energy_wh":310,"reason":"full"}}`, `{`+at+`,"part":"7","values":{"state":"charging","temp_c":41}}`)
}

func FuzzDecodeSpeaker(f *testing.F) {
	fuzz(f, "speaker-1", `{"id":"1",`+at+`,"type":"playing","data":{"message":"m"}}`, `{"id":"c","status":"done",`+at+`}`)
}

func FuzzDecodeSensor(f *testing.F) {
	fuzz(f, "sensor-1", `{"id":"1",`+at+`,"type":"smoke","data":{"active":true}}`, `{`+at+`,"state":{"battery_pct":80}}`)
}

func BenchmarkDecode(b *testing.B) {
	h := fresh(b)
	payload := []byte(`{"at":"2026-11-23T08:15:29.500Z","part":"7","values":{"temp_c":41.2,"power_w":310,"current_a":1.4,"voltage_v":228.1,"state":"charging"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Decode("dy/v1/charger/charger-1/telemetry", payload, now); err != nil {
			b.Fatal(err)
		}
	}
}
