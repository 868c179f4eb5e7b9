package agent

import (
	"strings"
	"testing"
	"time"
)

func TestDecodeCommand(t *testing.T) {
	for name, c := range map[string]struct {
		in string
		id string
		ok bool
	}{
		"good":        {`{"id":"1","type":"unlock","at":"2026-01-01T00:00:00.000Z","expires_at":"2026-01-01T00:00:10.000Z","args":{"for_s":5}}`, "1", true},
		"no args":     {`{"id":"1","type":"lock","expires_at":"2026-01-01T00:00:10Z"}`, "1", true},
		"null args":   {`{"id":"1","type":"lock","expires_at":"2026-01-01T00:00:10Z","args":null}`, "1", true},
		"no id":       {`{"type":"lock","expires_at":"2026-01-01T00:00:10Z"}`, "", false},
		"no type":     {`{"id":"1","expires_at":"2026-01-01T00:00:10Z"}`, "1", false},
		"no deadline": {`{"id":"1","type":"lock"}`, "1", false},
		"bad time":    {`{"id":"1","type":"lock","expires_at":"soon"}`, "1", false},
		"no json":     {`unlock`, "", false},
		"array":       {`[]`, "", false},
		"long id":     {`{"id":"` + strings.Repeat("x", 129) + `","type":"lock","expires_at":"2026-01-01T00:00:10Z"}`, "", false},
		"large":       {`{"id":"1","x":"` + strings.Repeat("x", maxPayload) + `"}`, "", false},
	} {
		got, err := decodeCommand([]byte(c.in))
		if got.ID != c.id || (err == nil) != c.ok {
			t.Errorf("%s: id %q, err %v", name, got.ID, err)
		}
		if c.ok && len(got.Args) == 0 {
			t.Errorf("%s: no args", name)
		}
	}
}

func FuzzDecodeCommand(f *testing.F) {
	f.Add([]byte(`{"id":"1","type":"unlock","at":"2026-01-01T00:00:00.000Z","expires_at":"2026-01-01T00:00:10.000Z","args":{"for_s":5}}`))
	f.Add([]byte(`{"id":"1","type":"play","expires_at":"2026-01-01T00:00:10Z","args":{"message":"m","text":"x","priority":1e308}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCommand(b)
		if err != nil {
			return
		}
		if c.ID == "" || c.Type == "" || c.ExpiresAt.IsZero() {
			t.Fatalf("accepted %q", b)
		}
		_, _ = args[playArgs](c)
		_, _ = args[chargerArgs](c)
	})
}

func TestStamp(t *testing.T) {
	at := time.Date(2026, 11, 23, 22, 5, 1, 7_900_000, time.FixedZone("CST", 8*3600))
	if s := stamp(at); s != "2026-11-23T14:05:01.007Z" || !stampRE.MatchString(s) {
		t.Error(s)
	}
}

func TestDaylight(t *testing.T) {
	site := time.FixedZone("CST", 8*3600)
	for hour, want := range map[int]float64{0: 60, 3: 60, 5: 100, 8: 0, 12: 0, 17: 0, 19: 100, 22: 100, 23: 60} {
		if got := scheduled(time.Date(2026, 11, 23, hour, 30, 0, 0, site)); got != want {
			t.Errorf("at %d h 30: %v %%", hour, got)
		}
	}
}

func TestOutboxBounds(t *testing.T) {
	o := newOutbox()
	for range maxQueued + 10 {
		o.add(message{topic: "t"})
	}
	if o.waiting() != maxQueued || o.lost != 10 {
		t.Errorf("%d waiting, %d lost", o.waiting(), o.lost)
	}
	first, _ := o.next()
	if first.n != 1 {
		t.Errorf("message %d is at the head; the one in flight must stay", first.n)
	}
	o.acked(first)
	o.acked(first)
	if second, _ := o.next(); second.n != 12 {
		t.Errorf("then comes %d", second.n)
	}
	for range maxLossy + 10 {
		o.addLossy(message{})
	}
	if n := len(o.takeLossy()); n != maxLossy {
		t.Errorf("%d telemetry messages", n)
	}
}
