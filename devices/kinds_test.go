package devices_test

import (
	"context"
	"testing"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"
)

// say is one message of a kind and the code with which it is refused, "" for none.
type say struct {
	device string
	ch     event.Channel
	body   string // of the event: `"type":…`; of telemetry the values; of state the state
	code   string
}

func TestKinds(t *testing.T) {
	h := fresh(t)
	const ev, tm, st = event.Happening, event.Telemetry, event.State
	for _, c := range []say{
		{"door-1", ev, `"type":"badge","data":{"credential":{"type":"card","value":"04A2"},"side":"in","decision":"ask"}`, ""},
		{"door-1", ev, `"type":"badge","data":{"credential":{"type":"pin","value":"1234"},"decision":"denied","reason":"unknown"}`, ""},
		{"door-1", ev, `"type":"badge"`, devices.CodeMissing},
		{"door-1", ev, `"type":"badge","data":{"credential":"04A2","decision":"ask"}`, devices.CodeType},
		{"door-1", ev, `"type":"badge","data":{"credential":{"type":"face","value":"x"},"decision":"ask"}`, devices.CodeValue},
		{"door-1", ev, `"type":"badge","data":{"credential":{"type":"card","value":4711},"decision":"ask"}`, devices.CodeType},
		{"door-1", ev, `"type":"badge","data":{"credential":{"type":"card","value":""},"decision":"ask"}`, devices.CodeMissing},
		{"door-1", ev, `"type":"badge","data":{"credential":{"type":"card","value":"x"},"decision":"open"}`, devices.CodeValue},
		{"door-1", ev, `"type":"badge","data":{"credential":{"type":"card","value":"x"},"decision":"ask","side":"up"}`, devices.CodeValue},
		{"door-1", ev, `"type":"badge","data":{"credential":{"type":"card","value":"x"}}`, devices.CodeMissing},
		{"door-1", ev, `"type":"fire_input","data":{"active":true}`, ""},
		{"door-1", ev, `"type":"fire_input","data":{"active":1}`, devices.CodeType},
		{"door-1", ev, `"type":"fire_input"`, devices.CodeMissing},
		{"door-1", ev, `"type":"opened"`, ""},
		{"door-1", ev, `"type":"closed"`, ""},
		{"door-1", ev, `"type":"forced_open"`, ""},
		{"door-1", ev, `"type":"held_open"`, ""},
		{"door-1", ev, `"type":"rex"`, ""},
		{"door-1", ev, `"type":"tamper"`, ""},
		{"door-1", ev, `"type":"duress"`, ""},
		{"door-1", ev, `"type":"lock_fault"`, ""},
		{"door-1", ev, `"type":"sos"`, devices.CodeEvent},
		{"door-1", tm, `"temp_c":21`, ""},
		{"door-1", st, `"mode":7`, devices.CodeType},
		{"lamp-1", ev, `"type":"sos","data":{"pressed":true}`, ""},
		{"lamp-1", ev, `"type":"sos"`, ""},
		{"lamp-1", ev, `"type":"sos","data":{"pressed":"yes"}`, devices.CodeType},
		{"lamp-1", ev, `"type":"lamp_failure","part":"2"`, ""},
		{"lamp-1", ev, `"type":"leakage","data":{"leakage_ma":-1}`, devices.CodeRange},
		{"lamp-1", ev, `"type":"tilt","data":{"angle_deg":12}`, ""},
		{"lamp-1", ev, `"type":"cabinet_open"`, ""},
		{"lamp-1", ev, `"type":"badge"`, devices.CodeEvent},
		{"lamp-1", tm, `"power_w":60,"voltage_v":228,"current_a":0.3,"dim_pct":80,"lux":12,"temp_c":-20,"noise_db":48,"pm25_ug_m3":35`, ""},
		{"lamp-1", tm, `"dim_pct":101`, devices.CodeRange},
		{"lamp-1", tm, `"lux":-1`, devices.CodeRange},
		{"lamp-1", tm, `"temp_c":true`, devices.CodeType},
		{"lamp-1", tm, `"wind":{"x":1}`, devices.CodeType},
		{"lamp-1", st, `"dim_pct":"80"`, devices.CodeType},
		{"charger-1", ev, `"type":"session_started","part":"7","data":{"user":"p-1"}`, ""},
		{"charger-1", ev, `"type":"session_ended","data":{"part":"7","user":"p-1","energy_wh":512.5,"reason":"full"}`, ""},
		{"charger-1", ev, `"type":"session_ended","part":"7","data":{"energy_wh":-1}`, devices.CodeRange},
		{"charger-1", ev, `"type":"session_ended","part":"7","data":{"energy_wh":"512"}`, devices.CodeType},
		{"charger-1", ev, `"type":"session_started"`, devices.CodeMissing},
		{"charger-1", ev, `"type":"session_started","part":"7","data":{"part":"8"}`, devices.CodeValue},
		{"charger-1", ev, `"type":"session_started","data":{"part":7}`, devices.CodeType},
		{"charger-1", ev, `"type":"unplugged","part":"7"`, ""},
		{"charger-1", ev, `"type":"smoke"`, ""},
		{"charger-1", ev, `"type":"fault","data":{"code":"E7"}`, ""},
		{"charger-1", ev, `"type":"fault"`, devices.CodeMissing},
		{"charger-1", tm, `"state":"charging","power_w":310,"leakage_ma":0.4,"energy_wh":120`, ""},
		{"charger-1", tm, `"state":3`, devices.CodeType},
		{"charger-1", tm, `"leakage_ma":-3`, devices.CodeRange},
		{"charger-1", st, `"ports":{"7":{"state":"cut"}},"fault":false`, ""},
		{"charger-1", st, `"fault":"no"`, devices.CodeType},
		{"speaker-1", ev, `"type":"playing","data":{"message":"m-1"}`, ""},
		{"speaker-1", ev, `"type":"finished","data":{"message":"m-1"}`, ""},
		{"speaker-1", ev, `"type":"overridden","data":{"message":"m-1"}`, ""},
		{"speaker-1", ev, `"type":"playing"`, devices.CodeMissing},
		{"speaker-1", ev, `"type":"playing","data":{"message":1}`, devices.CodeType},
		{"speaker-1", ev, `"type":"fault"`, ""},
		{"speaker-1", tm, `"level_db":72,"volume_pct":80`, ""},
		{"speaker-1", tm, `"volume_pct":180`, devices.CodeRange},
		{"speaker-1", st, `"volume_pct":180`, devices.CodeRange},
		{"sensor-1", ev, `"type":"smoke","data":{"active":false}`, ""},
		{"sensor-1", ev, `"type":"water"`, ""},
		{"sensor-1", ev, `"type":"gas"`, ""},
		{"sensor-1", ev, `"type":"motion"`, ""},
		{"sensor-1", ev, `"type":"button"`, ""},
		{"sensor-1", ev, `"type":"smoke","data":{"active":0}`, devices.CodeType},
		{"sensor-1", ev, `"type":"fire"`, devices.CodeEvent},
		{"sensor-1", tm, `"battery_pct":80,"methane_ppm":12,"dust":0.1,"tilted":true,"unit":"x"`, ""},
		{"sensor-1", tm, `"battery_pct":120`, devices.CodeRange},
		{"sensor-1", st, `"health":"great"`, devices.CodeValue},
	} {
		k, _ := h.Kind(c.device)
		body := map[event.Channel]string{
			ev: `{"id":"1",` + at + `,` + c.body + `}`, tm: `{` + at + `,"values":{` + c.body + `}}`, st: `{` + at + `,"state":{` + c.body + `}}`,
		}[c.ch]
		if _, err := h.Decode(event.Topic(k, c.device, c.ch), []byte(body), now); refused(err) != c.code {
			t.Errorf("%s %s: got %v, want %q", c.device, body, err, c.code)
		}
	}
}

func TestCommandArguments(t *testing.T) {
	h := fresh(t)
	type args = map[string]any
	for _, c := range []struct {
		device, typ string
		args        any
		code        string
	}{
		{"door-1", "unlock", args{"for_s": 5, "ref": "e-42"}, ""},
		{"door-1", "unlock", nil, ""},
		{"door-1", "unlock", args{"for_s": 0}, devices.CodeRange},
		{"door-1", "unlock", args{"for_s": 86400}, devices.CodeRange},
		{"door-1", "unlock", args{"for_s": "5"}, devices.CodeType},
		{"door-1", "deny", args{"reason": "expired", "ref": "e-42"}, ""},
		{"door-1", "lock", nil, ""},
		{"door-1", "set_mode", args{"mode": "lockdown"}, ""},
		{"door-1", "set_mode", nil, devices.CodeMissing},
		{"door-1", "sync", args{}, ""},
		{"door-1", "cut", args{"part": "7"}, devices.CodeCommand},
		{"door-1", "unlock", []int{1}, devices.CodeSyntax},
		{"door-1", "unlock", make(chan int), devices.CodeSyntax},
		{"lamp-1", "dim", args{"pct": 100}, ""},
		{"lamp-1", "dim", args{"pct": 101}, devices.CodeRange},
		{"lamp-1", "dim", args{"percent": 50}, devices.CodeMissing},
		{"lamp-1", "flash", args{"for_s": 30}, ""},
		{"lamp-1", "schedule", args{"on": "18:30"}, ""},
		{"lamp-1", "explode", nil, devices.CodeCommand},
		{"charger-1", "start", args{"part": "7", "user": "p-1", "limit_wh": 800}, ""},
		{"charger-1", "start", args{"user": "p-1"}, devices.CodeMissing},
		{"charger-1", "start", args{"part": "7", "limit_wh": 0}, devices.CodeRange},
		{"charger-1", "stop", args{"part": "7"}, ""},
		{"charger-1", "stop", args{"part": "a b"}, devices.CodeValue},
		{"charger-1", "cut", args{"part": "7"}, ""},
		{"charger-1", "cut", args{"feeder": true}, ""},
		{"charger-1", "cut", args{"feeder": true, "part": "7"}, devices.CodeValue},
		{"charger-1", "cut", nil, devices.CodeMissing},
		{"charger-1", "restore", args{"part": "7"}, ""},
		{"charger-1", "restore", nil, ""},
		{"charger-1", "play", nil, devices.CodeCommand},
		{"speaker-1", "play", args{"message": "m-1", "text": "請疏散", "priority": 1, "repeat": 2, "volume_pct": 90}, ""},
		{"speaker-1", "play", args{"message": "m-1"}, devices.CodeMissing},
		{"speaker-1", "play", args{"text": "x"}, devices.CodeMissing},
		{"speaker-1", "play", args{"message": "m-1", "url": "x", "priority": 9}, devices.CodeRange},
		{"speaker-1", "stop", args{"message": "m-1"}, ""},
		{"speaker-1", "dim", nil, devices.CodeCommand},
		{"sensor-1", "test", nil, ""},
		{"sensor-1", "silence", args{"for_s": 60}, ""},
		{"sensor-1", "unlock", nil, devices.CodeCommand},
	} {
		_, err := h.Command(context.Background(), devices.CommandRequest{Device: c.device, Type: c.typ, Args: c.args})
		if refused(err) != c.code {
			t.Errorf("%s %s %v: got %v, want %q", c.device, c.typ, c.args, err, c.code)
		}
	}
	for _, ttl := range []time.Duration{-1, devices.MaxTTL + 1} {
		if _, err := h.Command(context.Background(), devices.CommandRequest{Device: "door-1", Type: "lock", TTL: ttl}); refused(err) != devices.CodeTTL {
			t.Errorf("TTL %v: got %v", ttl, err)
		}
	}
}

func TestHealth(t *testing.T) {
	h := fresh(t)
	seq := uint64(0)
	for _, c := range []struct {
		device string
		ch     event.Channel
		body   string
		want   devices.Health
	}{
		{"door-1", event.Presence, `{"online":true}`, devices.OK},
		{"door-1", event.Happening, `{"id":"1",` + at + `,"type":"lock_fault"}`, devices.Fault},
		{"door-1", event.Happening, `{"id":"2",` + at + `,"type":"opened"}`, devices.Fault},
		{"door-1", event.State, `{` + at + `,"state":{"fault":false}}`, devices.OK},
		{"lamp-1", event.Happening, `{"id":"1",` + at + `,"type":"lamp_failure"}`, devices.Fault},
		{"lamp-1", event.Telemetry, `{` + at + `,"values":{"power_w":0.5,"dim_pct":80}}`, devices.Fault},
		{"lamp-1", event.Telemetry, `{` + at + `,"values":{"power_w":58,"dim_pct":80}}`, devices.OK},
		{"charger-1", event.Happening, `{"id":"1",` + at + `,"type":"fault","data":{"code":"E7"}}`, devices.Fault},
		{"charger-1", event.Happening, `{"id":"2",` + at + `,"type":"session_started","part":"1"}`, devices.OK},
		{"speaker-1", event.Happening, `{"id":"1",` + at + `,"type":"fault"}`, devices.Fault},
		{"speaker-1", event.Happening, `{"id":"2",` + at + `,"type":"playing","data":{"message":"m"}}`, devices.OK},
		{"speaker-1", event.Happening, `{"id":"3","at":"2026-11-23T07:00:00Z","type":"fault"}`, devices.OK}, // late: it was then
		{"sensor-1", event.Telemetry, `{` + at + `,"values":{"battery_pct":3}}`, devices.Fault},
		{"sensor-1", event.Telemetry, `{` + at + `,"values":{"battery_pct":99}}`, devices.OK},
	} {
		seq++
		e := h.decode(c.device, c.ch, c.body, now)
		e.Seq = seq
		h.handle(e)
		if got := h.get(c.device).Health; got != c.want {
			t.Errorf("%s after %s: %s, want %s", c.device, c.body, got, c.want)
		}
	}
	if n := len(h.entries("device")); n < 10 {
		t.Errorf("%d device entries in the feed", n)
	}
}
