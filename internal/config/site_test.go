package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestSiteExample(t *testing.T) {
	b, err := os.ReadFile("../../configs/site/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := LoadSite("example.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Zones) != 4 || len(s.Devices) != 3 || len(s.Cameras) != 1 || s.Devices[2].Labels["upstream"] != "feeder-e3" || s.Devices[1].X != 12.5 || s.Zones[0].Shape[2] != 400 {
		t.Errorf("got %+v", s)
	}
	if text := fmt.Sprintf("%v %+v", s.Cameras, s.Devices); strings.Contains(text, "change-me") {
		t.Error("shows a password")
	}
}

func TestSiteMistakes(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"unknown key":   {"devices:\n  - {id: a, kind: door, zoen: x}\n", `f:2:25: devices[0].zoen: no such setting; did you mean zone?`},
		"unknown kind":  {"devices:\n  - {id: a, kind: gate}\n", `f:2:19: devices[0].kind:`},
		"bad id":        {"devices:\n  - {id: A, kind: door}\n", `f:2:10: devices[0].id: is no id`},
		"twice":         {"devices:\n  - {id: a, kind: door}\n  - {id: a, kind: door}\n", `f:3:10: devices[1].id: is already that of devices[0]`},
		"fire scope":    {"devices:\n  - {id: a, kind: door, labels: {fire_scope: floor}}\n", `devices[0].labels.fire_scope: is not what a fire input can release`},
		"bad zone":      {"devices:\n  - {id: a, kind: door, zone: East}\n", `f:2:31: devices[0].zone: is no zone`},
		"no kind":       {"devices:\n  - id: a\n", `devices[0]: has no kind`},
		"number":        {"devices:\n  - {id: a, kind: door, x: far}\n", `f:2:28: devices[0].x: `},
		"label":         {"devices:\n  - {id: a, kind: door, labels: {feeder: 3}}\n", `f:2:42: devices[0].labels.feeder: wants text`},
		"shape":         {"zones:\n  - {id: a, kind: court, shape: [1, 2]}\n", `zones[0].shape: has 2 numbers`},
		"camera":        {"cameras:\n  - {id: a, url: \"http://u:geheim@h\"}\n", `f:2:18: cameras[0].url: is not an RTSP address`},
		"no list":       {"devices: door\n", `f:1:10: devices: wants a list`},
		"camera, empty": {"cameras:\n  - id: a\n", `cameras[0].url: is empty`},
	} {
		_, err := LoadSite("f", []byte(c.yaml))
		if _, ok := errors.AsType[Problems](err); !ok || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
}

func FuzzSite(f *testing.F) {
	f.Add([]byte("devices:\n  - {id: a, kind: door, labels: {a: b}, x: 1.5}\n"))
	f.Add([]byte("zones:\n  - {id: a, kind: court, shape: [1, 2, 3, 4]}\n"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = LoadSite("f", b) })
}
