package muster

import (
	"slices"
	"strings"
	"time"
)

// Person is who lives or works in the area.
type Person struct {
	ID, Name, Unit, Flat string
	Essential            bool // stays because of the work: firemen's guide, nurse
	Guest                bool // of the flat: there only when a door let them in
}

// Passage is one that a door of the area let through.
type Passage struct {
	Person, Name, Unit, Door string
	At                       time.Time
	Out                      bool
	Elsewhere                bool // it was by a door outside of the area, inwards
}

// Why somebody is on the list.
const (
	Inside = "inside" // came in last
	Home   = "home"   // lives there, and no door has counted them out
	Out    = "out"    // went out last: listed, not counted
)

// Entry is one person of a list.
type Entry struct {
	Person    string     `json:"person"`
	Name      string     `json:"name"`
	Unit      string     `json:"unit"`
	Flat      string     `json:"flat"`
	Basis     string     `json:"basis" enum:"inside,home,out"`
	Essential bool       `json:"essential" doc:"stays because of the work; not counted"`
	SeenAt    *time.Time `json:"seen_at" doc:"last passage; null: none in the last day"`
	SeenDoor  string     `json:"seen_door"`
	State     string     `json:"state" enum:",safe,missing,away" doc:"empty: not looked at yet"`
	MarkedAt  *time.Time `json:"marked_at"`
	MarkedBy  string     `json:"marked_by"`
	Note      string     `json:"note"`
}

// counted reports whether somebody has to be found.
func (e *Entry) counted() bool { return !e.Essential && e.Basis != Out }

// accounted reports whether it is known where somebody is.
func (e *Entry) accounted() bool { return e.State == Safe || e.State == Away }

// compile makes the list: all who live in the area, and all whose last passage
// there was inwards. Who left last is listed as out; most doors have no reader
// inside, so who lives there and was not seen leaving counts as at home. Of others it is
// enough that they came in somewhere else since: they can't be in both places. Of those
// who live there it is not: they may have come home behind somebody.
func compile(people []Person, passages []Passage) []Entry {
	last, elsewhere := map[string]Passage{}, map[string]time.Time{}
	for _, p := range passages {
		if p.Elsewhere {
			if p.At.After(elsewhere[p.Person]) {
				elsewhere[p.Person] = p.At
			}
			continue
		}
		if p.Person != "" && !p.At.Before(last[p.Person].At) {
			last[p.Person] = p
		}
	}
	var es []Entry
	for _, p := range people {
		e := Entry{Person: p.ID, Name: p.Name, Unit: p.Unit, Flat: p.Flat, Essential: p.Essential, Basis: Home}
		seen, ok := last[p.ID]
		if p.Guest && (!ok || seen.Out || elsewhere[p.ID].After(seen.At)) { // never came, or has gone: nobody waits for them
			delete(last, p.ID)
			continue
		}
		if ok {
			e.see(seen)
			delete(last, p.ID)
		}
		es = append(es, e)
	}
	for id, seen := range last { // guests, staff, couriers
		if seen.Out || elsewhere[id].After(seen.At) {
			continue
		}
		e := Entry{Person: id, Name: seen.Name, Unit: seen.Unit}
		e.see(seen)
		es = append(es, e)
	}
	slices.SortFunc(es, func(a, b Entry) int {
		return strings.Compare(a.Unit+"\x00"+a.Flat+"\x00"+a.Name+a.Person, b.Unit+"\x00"+b.Flat+"\x00"+b.Name+b.Person)
	})
	return es
}

func (e *Entry) see(p Passage) {
	at := p.At
	e.SeenAt, e.SeenDoor, e.Basis = &at, p.Door, Inside
	if p.Out {
		e.Basis = Out
	}
}

// Counts sums a list up.
type Counts struct {
	Listed      int `json:"listed"`
	Expected    int `json:"expected" doc:"have to be found: not out, not essential"`
	Safe        int `json:"safe"`
	Away        int `json:"away" doc:"found to be elsewhere"`
	Missing     int `json:"missing" doc:"looked for and not found"`
	Unaccounted int `json:"unaccounted" doc:"expected, and neither safe nor away"`
}

func count(es []Entry) (c Counts) {
	for i := range es {
		e := &es[i]
		c.Listed++
		switch e.State {
		case Safe:
			c.Safe++
		case Away:
			c.Away++
		case Missing:
			c.Missing++
		}
		if e.counted() {
			c.Expected++
		}
		if (e.counted() || e.State == Missing) && !e.accounted() {
			c.Unaccounted++
		}
	}
	return c
}

// Flat is a household of which somebody is not accounted for.
type Flat struct {
	Unit  string   `json:"unit"`
	Flat  string   `json:"flat"`
	Names []string `json:"names"`
}

// unaccounted groups by flat: that is where somebody goes and knocks.
func unaccounted(es []Entry) []Flat {
	fs := []Flat{}
	for i := range es {
		e := &es[i]
		if !e.counted() && e.State != Missing || e.accounted() {
			continue
		}
		if n := len(fs); n > 0 && fs[n-1].Unit == e.Unit && fs[n-1].Flat == e.Flat {
			fs[n-1].Names = append(fs[n-1].Names, e.Name)
			continue
		}
		fs = append(fs, Flat{e.Unit, e.Flat, []string{e.Name}})
	}
	return fs
}
