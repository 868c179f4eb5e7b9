package config

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// FuzzLoad: no file panics or hangs the loader; it loads, or every problem has a
// place and a sentence; and what loads is inside its limits.
func FuzzLoad(f *testing.F) {
	if b, err := os.ReadFile("../../configs/dongyue.yaml"); err == nil {
		f.Add(b)
	}
	for _, s := range []string{
		"", "mqtt: {addr: off}", "a: &a [*a]", "log: &l {level: *l}", "journal: {retention: 99999999999999999999}",
		"mqtt: {max_connections: 0x7fffffffffffffff}", strings.Repeat("[", 200), strings.Repeat("- ", 200), strings.Repeat("a:\n ", 100),
		"? {a: b} : c", "<<: *x", "data: !!binary aGk=", "series:\n  influx: &i\n    url: |\n      http://x\n", "%YAML 1.2\n---\n", "\xff\xfe",
		"data: {dir: \"\\ud800\"}", "http:\n  addr: '[::1]:80'\n", "webrtc: {hosts: [null, ~, 1e999, .inf, .nan]}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return
		}
		c, err := Load(Sources{File: "f", Bytes: b})
		var all Problems
		switch {
		case err == nil:
			if c.MQTT.MaxConnections < 1 || c.Journal.Retention < day || c.Log.Level == "" {
				t.Fatalf("loaded %+v", c)
			}
		case errors.As(err, &all):
			for _, p := range all {
				if p.File == "" || p.What == "" || p.Line < 1 || p.Col < 1 {
					t.Fatalf("problem without a place: %+v", p)
				}
			}
		default:
			t.Fatalf("got %v", err)
		}
	})
}

// FuzzCards: no card and no policy file panics or hangs; it loads, or every
// problem has a place; and what loads can be walked from its first step to the end.
func FuzzCards(f *testing.F) {
	for _, name := range []string{"procedures/smoke.yaml", "procedures/device_offline.yaml", "escalation.yaml"} {
		if b, err := os.ReadFile("../../configs/" + name); err == nil {
			f.Add(b)
		}
	}
	f.Add([]byte("id: a\ntitle: {zh: a, en: a}\nsteps: [{zh: a, en: a}]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return
		}
		p, problems := loadProcedure("a.yaml", b)
		for _, x := range problems {
			if x.What == "" || x.Line < 1 {
				t.Fatalf("problem without a place: %+v", x)
			}
		}
		if len(problems) == 0 {
			ends := false
			for id := range closure(p.Steps[0].ID, func(id string) (to []string) {
				for _, s := range p.Steps {
					if s.ID != id {
						continue
					}
					if len(s.Answers) == 0 {
						to = append(to, s.Next)
					}
					for _, a := range s.Answers {
						to = append(to, a.Next)
					}
				}
				return to
			}) {
				ends = ends || id == ""
			}
			if !ends {
				t.Fatalf("no end: %+v", p)
			}
		}
		_, _ = LoadPolicies("e.yaml", b)
	})
}
