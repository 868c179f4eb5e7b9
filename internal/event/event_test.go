package event

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		zone, outer string
		want        bool
	}{
		{"east/b01/u1", "east", true},
		{"east/b01/u1", "east/b01", true},
		{"east/b01/u1", "east/b01/u1", true},
		{"east/b01/u1", "east/b0", false},
		{"east", "east/b01", false},
		{"east", "", true},
		{"", "east", false},
	} {
		if got := Within(c.zone, c.outer); got != c.want {
			t.Errorf("Within(%q, %q) = %v", c.zone, c.outer, got)
		}
	}
}

func TestTopicRoundTrip(t *testing.T) {
	k, d, c, ok := ParseTopic(Topic(Charger, "charger-e01", Happening))
	if !ok || k != Charger || d != "charger-e01" || c != Happening {
		t.Fatalf("got %q %q %q %v", k, d, c, ok)
	}
}

func TestParseTopicRefuses(t *testing.T) {
	for _, topic := range []string{
		"", "dy/v1/", "dy/v1/door", "dy/v1/door/a", "dy/v1/door/A/event", "dy/v1/door/a/event/x",
		"dy/v2/door/a/event", "dy/v1//a/event", "dy/v1/door/-a/event", "dy/v1/door/../event",
		"dy/v1/door/" + strings.Repeat("a", 64) + "/event",
	} {
		if _, _, _, ok := ParseTopic(topic); ok {
			t.Errorf("ParseTopic(%q) was accepted", topic)
		}
	}
}

func TestNumbers(t *testing.T) {
	e := Event{Data: json.RawMessage(`{"temp_c":41.5,"charging":true,"state":"on","x":null}`)}
	n := e.Numbers()
	if len(n) != 2 || n["temp_c"] != 41.5 || n["charging"] != 1 {
		t.Fatalf("got %v", n)
	}
}
