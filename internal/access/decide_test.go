package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dongyue/internal/event"
)

// monday is 2026-03-02, a Monday, at a wall-clock time, days later.
func monday(days, hour, minute int) time.Time {
	return time.Date(2026, 3, 2+days, hour, minute, 30, 0, time.FixedZone("UTC+8", 8*3600))
}

// world is the tables in memory, small enough that everything meets everything.
type world struct {
	people      []personRow
	credentials []credentialRow
	rights      []rightRow
}

func key(n int) (m mac) { m[0] = byte(n); return m }

func groups() []string  { return []string{"crew", "couriers"} }
func doorIDs() []string { return []string{"d1", "d2", "d3", "d4"} }
func zoneIDs() []string { return []string{"east", "east/b01", "east/b01/u1", "east/b0", "west"} }
func schedules() []string {
	return []string{Always, Always, "mon-fri 07:00-19:00", "fri 22:00-06:00; sun 00:00-24:00"}
}

// span draws a validity around the week of the questions; 0 is without.
func span(t *rapid.T, name string) int64 {
	if rapid.Bool().Draw(t, name+"?") {
		return 0
	}
	return monday(rapid.IntRange(-2, 9).Draw(t, name), 12, 0).UnixMilli()
}

func drawWorld(t *rapid.T) (w world) {
	for n := range rapid.IntRange(1, 4).Draw(t, "people") {
		p := personRow{id: fmt.Sprint("p", n), name: fmt.Sprint("N", n), left: span(t, "left")}
		for _, g := range groups() {
			if rapid.Bool().Draw(t, g) {
				p.groups = append(p.groups, g)
			}
		}
		w.people = append(w.people, p)
	}
	person := rapid.IntRange(0, len(w.people)-1)
	for n := range rapid.IntRange(0, 6).Draw(t, "credentials") {
		c := credentialRow{
			id: fmt.Sprint("c", n), person: w.people[person.Draw(t, "of")].id, typ: "card", mac: key(n),
			from: span(t, "from"), to: span(t, "to"), revoked: span(t, "revoked"), lost: rapid.Bool().Draw(t, "lost"),
		}
		if c.lost && c.revoked == 0 {
			c.lost = false
		}
		w.credentials = append(w.credentials, c)
	}
	for n := range rapid.IntRange(0, 8).Draw(t, "rights") {
		r := rightRow{
			id: fmt.Sprint("r", n), schedule: rapid.SampledFrom(schedules()).Draw(t, "schedule"),
			from: span(t, "from"), to: span(t, "to"), ended: span(t, "ended"),
		}
		if rapid.Bool().Draw(t, "to a group") {
			r.group = rapid.SampledFrom(groups()).Draw(t, "group")
		} else {
			r.person = w.people[person.Draw(t, "person")].id
		}
		if rapid.Bool().Draw(t, "for a zone") {
			r.zone = rapid.SampledFrom(zoneIDs()).Draw(t, "zone")
		} else {
			r.door = rapid.SampledFrom(doorIDs()).Draw(t, "door")
		}
		w.rights = append(w.rights, r)
	}
	return w
}

// oracle is the decision in the plainest words, with none of the index's or the
// schedule's tricks.
func (w world) oracle(cred mac, known bool, d *Door, at time.Time) Verdict {
	if d == nil {
		return Verdict{Reason: DeviceUntrusted}
	}
	ms := at.UnixMilli()
	i := slices.IndexFunc(w.credentials, func(c credentialRow) bool { return c.mac == cred })
	if !known || i < 0 {
		return Verdict{Reason: UnknownCredential}
	}
	c := w.credentials[i]
	p := w.people[slices.IndexFunc(w.people, func(p personRow) bool { return p.id == c.person })]
	switch {
	case c.revoked != 0 && ms >= c.revoked && c.lost:
		return Verdict{Reason: LostStolen}
	case c.revoked != 0 && ms >= c.revoked:
		return Verdict{Reason: Inactive}
	case c.from != 0 && ms < c.from:
		return Verdict{Reason: NotYetValid}
	case c.to != 0 && ms >= c.to:
		return Verdict{Reason: Expired}
	case p.left != 0 && ms >= p.left:
		return Verdict{Reason: Inactive}
	}
	seen := map[Reason]bool{}
	for _, r := range w.rights {
		mine := r.person == p.id || r.group != "" && slices.Contains(p.groups, r.group)
		here := r.door == d.ID || r.zone != "" && event.Within(d.Zone, r.zone)
		if !mine || !here || r.ended != 0 && ms >= r.ended {
			continue
		}
		switch {
		case r.to != 0 && ms >= r.to:
			seen[Expired] = true
		case r.from != 0 && ms < r.from:
			seen[NotYetValid] = true
		case !plainSchedule(r.schedule, at):
			seen[OutsideSchedule] = true
		default:
			return Verdict{Granted: true}
		}
	}
	for _, r := range []Reason{OutsideSchedule, NotYetValid, Expired} {
		if seen[r] {
			return Verdict{Reason: r}
		}
	}
	return Verdict{Reason: WrongDoor}
}

// plainSchedule knows the schedules of this test by name.
func plainSchedule(text string, at time.Time) bool {
	h, d := at.Hour(), at.Weekday()
	switch text {
	case Always:
		return true
	case "mon-fri 07:00-19:00":
		return d != time.Saturday && d != time.Sunday && h >= 7 && h < 19
	case "fri 22:00-06:00; sun 00:00-24:00":
		return d == time.Friday && h >= 22 || d == time.Saturday && h < 6 || d == time.Sunday
	}
	panic("schedule " + text)
}

// TestDecideAgainstOracle asks each of some hundred worlds everything that can be
// asked: each credential, at each door, at each hour of a week. That is some
// 400,000 questions.
func TestDecideAgainstOracle(t *testing.T) {
	asked, granted, reasons := 0, 0, map[Reason]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		ix, err := build(w.people, w.credentials, w.rights)
		if err != nil {
			t.Fatal(err)
		}
		var doors []*Door
		for _, id := range doorIDs() {
			doors = append(doors, &Door{ID: id, Zone: rapid.SampledFrom(zoneIDs()).Draw(t, id)})
		}
		doors = append(doors, &Door{ID: "d9"}, nil)
		for _, d := range doors {
			for h := range 7 * 24 {
				at := monday(0, h, 59)
				for n := range len(w.credentials) + 1 {
					got, _ := Decide(Ask{Door: d, Credential: ix.credentials[key(n)], Type: "card", At: at}, State{})
					if want := w.oracle(key(n), n < len(w.credentials), d, at); got != want {
						t.Fatalf("credential %d at %+v, %s: got %+v, want %+v", n, d, at, got, want)
					}
					asked++
					reasons[got.Reason]++
					if got.Granted {
						granted++
					}
				}
			}
		}
	})
	if !testing.Short() && (asked < 100_000 || granted < 1000) {
		t.Errorf("only %d questions, %d granted", asked, granted)
	}
	for _, r := range []Reason{UnknownCredential, Inactive, Expired, NotYetValid, LostStolen, WrongDoor, OutsideSchedule, DeviceUntrusted} {
		if reasons[r] == 0 {
			t.Errorf("%s never came up", r)
		}
	}
}

func TestDecideOrder(t *testing.T) {
	d := &Door{ID: "d1", Zone: "east/b01/u1"}
	always, err := ParseSchedule(Always)
	if err != nil {
		t.Fatal(err)
	}
	p := &Person{ID: "p", Own: &Holder{Doors: map[string][]Right{"d1": {{Schedule: always}}}}}
	c := &Credential{ID: "c", Type: "card", Person: p}
	now := monday(0, 12, 0)
	for name, x := range map[string]struct {
		ask  Ask
		want Verdict
	}{
		"good":                       {Ask{Door: d, Credential: c, At: now}, Verdict{Granted: true}},
		"no such door":               {Ask{Credential: c, At: now, ClockOff: true, Locked: true}, Verdict{Reason: DeviceUntrusted}},
		"clock":                      {Ask{Door: d, Credential: c, At: now, ClockOff: true, Locked: true}, Verdict{Reason: ClockUntrusted}},
		"locked, also for the right": {Ask{Door: d, Credential: c, At: now, Type: "pin", Locked: true}, Verdict{Reason: TooManyTries}},
		"wrong PIN":                  {Ask{Door: d, At: now, Type: "pin"}, Verdict{Reason: PINWrong}},
		"unknown card":               {Ask{Door: d, At: now, Type: "card"}, Verdict{Reason: UnknownCredential}},
	} {
		if got, _ := Decide(x.ask, State{}); got != x.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// Whatever changes come, the index is the one that a restart would build.
func TestIndexFollowsChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		ix, err := build(w.people, w.credentials, w.rights)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			next := drawWorld(t)
			next.people = slices.Grow(next.people, 4)
			for len(next.people) < len(w.people) { // people never go away
				next.people = append(next.people, w.people[len(next.people)])
			}
			w = next
			for _, p := range w.people {
				ix.dropPerson(p.id)
			}
			for _, g := range groups() {
				ix.dropGroup(g)
			}
			for _, p := range w.people {
				ix.putPerson(p)
			}
			for _, c := range w.credentials {
				ix.putCredential(c)
			}
			if err := putAll(ix, w.rights); err != nil {
				t.Fatal(err)
			}
			for _, d := range doorIDs() {
				for n := range 7 {
					at := monday(n, 12, 0)
					door := &Door{ID: d, Zone: "east/b01/u1"}
					got, _ := Decide(Ask{Door: door, Credential: ix.credentials[key(n)], At: at}, State{})
					if want := w.oracle(key(n), n < len(w.credentials), door, at); got != want {
						t.Fatalf("got %+v, want %+v", got, want)
					}
				}
			}
		}
	})
}

// A revoked card that was given out again belongs to its new holder, in
// whichever order the rows come.
func TestCardGivenOutAgain(t *testing.T) {
	old := credentialRow{id: "old", person: "a", mac: key(1), revoked: 1000}
	older := credentialRow{id: "older", person: "c", mac: key(1), revoked: 500}
	fresh := credentialRow{id: "new", person: "b", mac: key(1)}
	for _, rows := range [][]credentialRow{{old, fresh, older}, {fresh, old, older}, {older, old, fresh}} {
		ix, err := build(nil, rows, nil)
		if err != nil || ix.credentials[key(1)].ID != "new" {
			t.Fatalf("%v: got %s", err, ix.credentials[key(1)].ID)
		}
		ix.dropPerson("a")
		if ix.credentials[key(1)] == nil {
			t.Fatal("the new holder lost the card with the old one")
		}
	}
	for _, rows := range [][]credentialRow{{old, older}, {older, old}} {
		ix, err := build(nil, rows, nil)
		if err != nil || ix.credentials[key(1)].ID != "old" {
			t.Fatalf("%v: the one revoked last should be known", err)
		}
	}
}

// big has 20,000 credentials, 275 doors and a group, as the design asks.
func big(tb testing.TB) (*index, []Door) {
	tb.Helper()
	var w world
	var doors []Door
	for n := range 275 {
		doors = append(doors, Door{ID: fmt.Sprint("door-", n), Zone: fmt.Sprintf("east/b%02d/u%d", n/8, n%8)})
	}
	for n := range 20_000 {
		id := fmt.Sprint("p-", n)
		var m mac
		m[0], m[1], m[2] = byte(n), byte(n>>8), 1
		w.people = append(w.people, personRow{id: id, groups: []string{"residents"}})
		w.credentials = append(w.credentials, credentialRow{id: fmt.Sprint("c-", n), person: id, mac: m})
		w.rights = append(w.rights, rightRow{person: id, zone: doors[n%275].Zone, schedule: Always})
	}
	w.rights = append(w.rights, rightRow{group: "residents", door: "gate", schedule: "mon-fri 07:00-19:00"})
	ix, err := build(w.people, w.credentials, w.rights)
	if err != nil {
		tb.Fatal(err)
	}
	return ix, doors
}

func TestDecideAllocatesNothing(t *testing.T) {
	ix, doors := big(t)
	at := monday(0, 12, 0)
	n := 0
	if got := testing.AllocsPerRun(1000, func() {
		var m mac
		m[0], m[1], m[2] = byte(n), byte(n>>8), 1
		Decide(Ask{Door: &doors[n%275], Credential: ix.credentials[m], Type: "card", At: at}, State{})
		n += 7
	}); got != 0 {
		t.Fatalf("%v allocations", got)
	}
}

// BenchmarkDecide takes 20,000 credentials to 275 doors in turn; p50 and p99 are
// of single decisions, the clock's own 50 ns and more included.
func BenchmarkDecide(b *testing.B) {
	ix, doors := big(b)
	at, pol := monday(0, 12, 0), &Policy{Groups: []string{"stairs"}, TwoPerson: 1}
	var m mac
	var took []time.Duration
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		m[0], m[1], m[2] = byte(n), byte(n>>8)&63, 1
		a := Ask{Door: &doors[n%275], Policy: pol, Credential: ix.credentials[m], Type: "card", At: at}
		if n%64 != 0 {
			Decide(a, State{})
			continue
		}
		start := time.Now()
		Decide(a, State{})
		if took = append(took, time.Since(start)); len(took) == cap(took) && len(took) > 1<<16 {
			took = took[:0]
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
}

func FuzzParseBadge(f *testing.F) {
	f.Add([]byte(`{"credential":{"type":"card","value":"04A1B2C3D4"},"side":"in","decision":"ask","reason":""}`))
	f.Add([]byte(`{"credential":{"type":"pin","value":"1"},"side":"out","decision":"denied","reason":"no right <b>"}`))
	f.Add([]byte(`{"credential":null,"decision":"granted"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := parseBadge(data)
		if err != nil {
			return
		}
		if b.Side != "in" && b.Side != "out" || len(b.Reason) > maxReasonFromDoor || strings.ContainsAny(b.Reason, "<>\"' ") || len(b.Credential.Value) > 512 {
			t.Fatalf("%+v", b)
		}
		n := normal(b.Credential.Type, b.Credential.Value)
		if n != normal(b.Credential.Type, n) {
			t.Fatalf("%q has no one form", b.Credential.Value)
		}
	})
}
