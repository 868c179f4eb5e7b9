package charging

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dongyue/internal/event"
)

func meter() *Charging { return &Charging{o: Options{Log: slog.New(slog.DiscardHandler)}} }

func reading(at int64, wh, watts float64) (*event.Event, *said) {
	ev := &event.Event{Device: "shed", Part: "7", Channel: event.Telemetry, At: time.UnixMilli(at), ReceivedAt: time.UnixMilli(at)}
	return ev, &said{Energy: &wh, Power: &watts, State: "charging"}
}

func TestMetersThatLie(t *testing.T) {
	for name, x := range map[string]struct {
		readings [][3]float64 // s, Wh, W
		want     Energy
		flag     string
	}{
		"honest":             {[][3]float64{{60, 5, 300}, {120, 10, 300}, {180, 15, 300}}, 15_000, ""},
		"rolled back":        {[][3]float64{{600, 50, 300}, {1200, 10, 300}, {1800, 60, 300}}, 100_000, "meter_rollback"},
		"leaps":              {[][3]float64{{60, 5, 300}, {120, 9_000, 300}, {180, 9_005, 300}}, 10_000, "meter_leap"},
		"says no power":      {[][3]float64{{60, 5, 0}, {120, 10, 0}, {180, 15, 0}}, 15_000, "meter_power"},
		"negative":           {[][3]float64{{60, 5, 300}, {120, -5, 300}, {180, 10, 300}}, 10_000, ""},
		"out of order":       {[][3]float64{{600, 50, 300}, {300, 25, 300}, {660, 55, 300}}, 55_000, ""},
		"said twice":         {[][3]float64{{600, 50, 300}, {600, 50, 300}}, 50_000, ""},
		"read wrongly once":  {[][3]float64{{600, 15, 300}, {601, 0, 300}, {602, 15.1, 300}, {660, 20, 300}}, 20_000, "meter_rollback"},
		"and again":          {[][3]float64{{600, 15, 300}, {601, 0, 300}, {602, 15, 300}, {603, 0, 300}, {604, 15, 300}, {605, 0, 300}, {606, 15, 300}}, 15_000, "meter_rollback"},
		"no power told":      {[][3]float64{{600, 15, -1}, {601, 0, -1}, {602, 15, -1}, {660, 20, -1}}, 20_000, "meter_rollback"},
		"counts anew":        {[][3]float64{{600, 50, 300}, {610, 0, 300}, {900, 24, 300}, {1500, 74, 300}}, 124_000, "meter_rollback"},
		"hurries in trifles": {[][3]float64{{600, 15, 300}, {601, 30, 300}, {602, 45, 300}, {603, 60, 300}, {604, 75, 300}}, 30_000, "meter_leap"},
		"beyond any socket":  {[][3]float64{{600, 2e6, 300}, {660, 50, 300}}, 50_000, ""},
	} {
		s := &Session{ID: "c-1", State: Running, countedAt: 1, credit: slack}
		c := meter()
		for _, r := range x.readings {
			ev, said := reading(int64(r[0]*1000), r[1], r[2])
			if r[2] < 0 {
				said.Power = nil
			}
			c.count(s, ev, said)
		}
		if s.EnergyMWh != x.want || s.Flags != x.flag || (x.flag != "") != (len(c.news) == 1) {
			t.Errorf("%s: %d mWh flagged %q, told %d times; want %d and %q", name, s.EnergyMWh, s.Flags, len(c.news), x.want, x.flag)
		}
	}
}

// TestNoReadingMakesOrTakesMoney feeds what nobody can foresee: the bill never falls,
// and never grows by more than a socket can give.
func TestNoReadingMakesOrTakesMoney(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, c, at := &Session{ID: "c-1", State: Running, countedAt: 1, credit: slack}, meter(), int64(1)
		for range rapid.IntRange(1, 60).Draw(t, "readings") {
			at += rapid.Int64Range(-60_000, 600_000).Draw(t, "ms")
			ev, x := reading(max(at, 0), rapid.Float64().Draw(t, "Wh"), rapid.Float64().Draw(t, "W"))
			if rapid.Bool().Draw(t, "plausible") {
				*x.Energy = float64(s.counter)/1000 + rapid.Float64Range(-5, 200).Draw(t, "by")
			}
			before, from := s.EnergyMWh, s.countedAt
			c.count(s, ev, x)
			by := s.EnergyMWh - before
			if by < 0 || by > gives(mostWatts, max(s.countedAt-from, 0))+slack {
				t.Fatalf("%d mWh within %d ms", by, s.countedAt-from)
			}
		}
		if s.EnergyMWh > gives(mostWatts, s.countedAt)+slack {
			t.Fatalf("%d mWh within %d ms in all", s.EnergyMWh, s.countedAt)
		}
		for flag := range strings.SplitSeq(s.Flags, ",") {
			if strings.Count(s.Flags, flag) > 1 && flag != "" {
				t.Fatalf("flagged twice: %s", s.Flags)
			}
		}
	})
}

// TestASessionOfACabinetThatIsGone ends in a day, and not because the hub was away that long.
func TestASessionOfACabinetThatIsGone(t *testing.T) {
	now := time.Now()
	for name, x := range map[string]struct {
		heard, up time.Duration
		want      bool
	}{
		"silent for an hour":      {time.Hour, 48 * time.Hour, false},
		"silent for two days":     {48 * time.Hour, 72 * time.Hour, true},
		"the hub has come back":   {48 * time.Hour, time.Minute, false},
		"and the cabinet has not": {48 * time.Hour, time.Hour, true},
	} {
		c := &Charging{up: now.Add(-x.up)}
		began := now.Add(-60 * time.Hour)
		s := &Session{AskedAt: began, StartedAt: &began, heardAt: now.Add(-x.heard).UnixMilli()}
		if got := c.lost(s, now); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
