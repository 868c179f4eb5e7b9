package muster

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

type town struct {
	people   []Person
	passages []Passage
}

func (t town) Known(zone string) bool                           { return zone == "west/b08" }
func (t town) People(context.Context, string) ([]Person, error) { return t.people, nil }
func (t town) Passages(context.Context, string, time.Time) ([]Passage, error) {
	return t.passages, nil
}

type noAudit struct{}

func (noAudit) Audit(context.Context, *sql.Tx, string, string, string, any) error { return nil }

func open(t *testing.T, c Census) *Musters {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(t.Context(), Options{DB: d, Feed: feed, Census: c, Audit: noAudit{}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func block8() town {
	ago := func(d time.Duration) time.Time { return time.Now().Add(-d).UTC().Truncate(time.Millisecond) }
	return town{
		people: []Person{
			{"p1", "王芳", "west/b08/u1", "0301", false, false}, {"p2", "王强", "west/b08/u1", "0301", false, false},
			{"p3", "李敏", "west/b08/u1", "0402", false, false}, {"p4", "赵师傅", "west/b08/u1", "", true, false},
		},
		passages: []Passage{
			{"p1", "王芳", "west/b08/u1", "d1", ago(3 * time.Hour), false, false}, {"p1", "王芳", "west/b08/u1", "d1", ago(2 * time.Hour), true, false},
			{"p2", "王强", "west/b08/u1", "d1", ago(5 * time.Hour), true, false}, {"p2", "王强", "west/b08/u1", "d1", ago(time.Hour), false, false},
			{"c9", "快递", "", "d1", ago(time.Minute), false, false}, {"c8", "访客", "", "d1", ago(time.Minute), true, false},
		},
	}
}

func TestWhoIsOnTheList(t *testing.T) {
	x, err := open(t, block8()).Begin(t.Context(), Request{Area: "west/b08", Reason: "火警", Actor: "u"})
	if err != nil {
		t.Fatal(err)
	}
	basis := map[string]string{}
	for _, e := range x.People {
		basis[e.Person] = e.Basis
	}
	want := map[string]string{"p1": Out, "p2": Inside, "p3": Home, "p4": Home, "c9": Inside}
	if len(basis) != len(want) {
		t.Fatalf("listed %v", basis)
	}
	for id, b := range want {
		if basis[id] != b {
			t.Errorf("%s is %q, want %q", id, basis[id], b)
		}
	}
	if x.Expected != 3 || x.Unaccounted != 3 || len(x.Flats) != 3 {
		t.Errorf("counts %+v, flats %+v", x.Counts, x.Flats)
	}
}

func TestTheLaterMarkCounts(t *testing.T) {
	m := open(t, block8())
	x, err := m.Begin(t.Context(), Request{Area: "west/b08", Reason: "火警", Actor: "u"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	for _, s := range []struct {
		by   string
		mark Mark
		want string
	}{
		{"甲", Mark{Person: "p2", State: Missing, At: now.Add(-time.Minute)}, Missing},
		{"乙", Mark{Person: "p2", State: Safe, At: now.Add(-30 * time.Second)}, Safe},
		{"甲", Mark{Person: "p2", State: Away, At: now.Add(-50 * time.Second)}, Safe}, // was without a network
		{"丙", Mark{Person: "p2", State: "", At: now.Add(time.Hour)}, ""},             // a clock that runs ahead
	} {
		got, err := m.Tick(t.Context(), x.ID, "u-"+s.by, s.by, []Mark{s.mark})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got.People {
			if e.Person == "p2" && e.State != s.want {
				t.Errorf("after %s %q the state is %q, want %q", s.by, s.mark.State, e.State, s.want)
			}
			if e.MarkedAt != nil && e.MarkedAt.After(time.Now()) {
				t.Error("a mark from the future would stay for ever")
			}
		}
	}
	if _, err := m.Tick(t.Context(), x.ID, "u", "u", []Mark{{Person: "nobody", State: Safe}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("somebody who is not on the list: %v", err)
	}
	if _, err := m.Tick(t.Context(), x.ID, "u", "u", []Mark{{Person: "p2", State: "asleep"}}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a state that is none: %v", err)
	}
	r, err := m.End(t.Context(), x.ID, "u")
	if err != nil || r.EndedAt == nil {
		t.Fatalf("end: %+v, %v", r, err)
	}
	if _, err := m.Tick(t.Context(), x.ID, "u", "u", []Mark{{Person: "p2", State: Safe}}); !errors.Is(err, ErrEnded) {
		t.Errorf("a mark after the end: %v", err)
	}
}

func TestBadMusters(t *testing.T) {
	m := open(t, block8())
	for _, q := range []Request{{Area: "west/b08"}, {Area: "nowhere", Reason: "x"}, {Area: "west/b08", Reason: "  "}} {
		if _, err := m.Begin(t.Context(), q); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if _, err := m.Get(t.Context(), "m-none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("none: %v", err)
	}
}

// Guests have passes for a flat long before they come, and long after they have gone.
func TestGuestsCountWhenADoorLetThemIn(t *testing.T) {
	guest := func(id, name string) Person {
		return Person{ID: id, Name: name, Unit: "west/b08/u1", Flat: "0301", Guest: true}
	}
	at := time.Now()
	es := compile(
		[]Person{guest("v1", "没来的"), guest("v2", "在里面的"), guest("v3", "走了的"), {ID: "p1", Name: "王芳", Unit: "west/b08/u1", Flat: "0301"}},
		[]Passage{{"v2", "在里面的", "west/b08/u1", "d1", at, false, false}, {"v3", "走了的", "west/b08/u1", "d1", at, false, false}, {"v3", "走了的", "west/b08/u1", "d1", at.Add(time.Minute), true, false}},
	)
	if len(es) != 2 || es[0].Person != "v2" || es[0].Flat != "0301" || es[0].Basis != Inside || es[1].Person != "p1" {
		t.Fatalf("%+v", es)
	}
}

// Who came in somewhere else since is not in the building any more; of those who live in
// it that is not said.
func TestNobodyIsInTwoPlaces(t *testing.T) {
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	in := func(person string, after time.Duration, elsewhere bool) Passage {
		return Passage{Person: person, Name: person, Door: "d", At: at.Add(after), Elsewhere: elsewhere}
	}
	people := []Person{{ID: "lives", Name: "王芳"}, {ID: "guest", Name: "客", Guest: true}, {ID: "guest2", Name: "客二", Guest: true}}
	es := compile(people, []Passage{
		in("lives", 0, false), in("lives", time.Hour, true),
		in("guest", 0, false), in("guest", time.Hour, true),
		in("guest2", time.Hour, true), in("guest2", 2*time.Hour, false),
		in("crew", 0, false), in("crew", time.Minute, true),
		in("courier", time.Hour, false), in("courier", 0, true),
		in("stranger", 0, true),
	})
	got := map[string]string{}
	for _, e := range es {
		got[e.Person] = e.Basis
	}
	if len(got) != 3 || got["lives"] != Inside || got["guest2"] != Inside || got["courier"] != Inside {
		t.Errorf("%v", got)
	}
}

// Names go 180 days after the end, whether there is another muster or not; and those of
// somebody who is erased at once, but not from a list by which people are looked for.
func TestNamesAreForgotten(t *testing.T) {
	m := open(t, block8())
	begin := func(key string) string {
		x, err := m.Begin(t.Context(), Request{Area: "west/b08", Reason: "火警", Actor: "u", Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return x.ID
	}
	over, on := begin("1"), begin("2")
	if _, err := m.End(t.Context(), over, "u"); err != nil {
		t.Fatal(err)
	}
	named := func(id, person string) (n int) {
		x, err := m.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range x.People {
			if e.Person == person || e.Name == "王强" {
				n++
			}
		}
		return n
	}
	if err := m.db.Tx(t.Context(), func(tx *sql.Tx) error { return m.ForgetPerson(t.Context(), tx, "p2") }); err != nil {
		t.Fatal(err)
	}
	if named(over, "p2") != 0 || named(on, "p2") != 1 {
		t.Errorf("in the one that is over %d, in the one that goes on %d", named(over, "p2"), named(on, "p2"))
	}
	listed := func(id string) int {
		x, err := m.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return x.Listed
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{keepNames - time.Hour, 5}, {keepNames + time.Hour, 0}} {
		if err := m.Forget(t.Context(), time.Now().Add(c.after)); err != nil {
			t.Fatal(err)
		}
		if got := listed(over); got != c.want {
			t.Errorf("after %s: %d are listed, want %d", c.after, got, c.want)
		}
	}
	if listed(on) != 5 {
		t.Error("one that goes on has lost its list")
	}
}
