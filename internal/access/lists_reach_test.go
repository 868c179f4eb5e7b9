package access

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"dongyue/internal/doorlist"
)

// TestListsOfAllAndOfEachAreTheSame makes the lists of a random community at once, and
// person by person from nothing: entries and sets of rights must be the same.
func TestListsOfAllAndOfEachAreTheSame(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	dice := rand.New(rand.NewPCG(5, 8)) //nolint:gosec // a test
	h.desk.doors = map[string]Door{}
	for n := range 24 {
		id := fmt.Sprintf("door-%02d", n)
		h.desk.doors[id] = Door{ID: id, Zone: fmt.Sprintf("east/b%02d/u%d", n/4, n%4), Online: true}
		h.site.doors[id] = &Policy{Groups: []string{fmt.Sprint("group-", n%3)}, RefuseUID: n%5 == 0}
	}
	h.ix = randomPeople(t, dice, 300)
	h.lists.meet(h.desk.DoorsIn(""))
	at := time.UnixMilli(1_800_000_000_000)
	if _, err := h.buildAll(ctx, at); err != nil {
		t.Fatal(err)
	}
	want := map[string]*doorRights{}
	entries := 0
	for id, d := range h.lists.doors {
		entries += d.tree.Len()
		whole := *d
		want[id] = &whole
		d.tree, d.sets = doorlist.NewTree(), map[doorlist.SetID]*setUse{}
	}
	everybody := map[string]struct{}{}
	for id := range h.ix.people {
		everybody[id] = struct{}{}
	}
	h.lists.keys = map[string][]offlineKey{}
	if _, err := h.buildPeople(ctx, everybody); err != nil {
		t.Fatal(err)
	}
	if entries < 1000 {
		t.Fatalf("only %d entries: the dice make no community", entries)
	}
	for id, d := range h.lists.doors {
		if d.tree.Root() != want[id].tree.Root() {
			t.Errorf("%s: %d entries person by person, %d at once, or others", id, d.tree.Len(), want[id].tree.Len())
		}
		for set, use := range want[id].sets {
			if got := d.sets[set]; got == nil || got.n != use.n {
				t.Errorf("%s: set %v is named by %d entries, person by person by %+v", id, use.rights, use.n, got)
			}
		}
		if len(d.sets) != len(want[id].sets) {
			t.Errorf("%s: %d sets person by person, %d at once", id, len(d.sets), len(want[id].sets))
		}
	}
}

// randomPeople have rights of all shapes, some several at one door; some are guests.
func randomPeople(t *testing.T, dice *rand.Rand, n int) *index {
	t.Helper()
	ix := newIndex()
	var hours []*Schedule
	for _, s := range []string{Always, "mon-fri 08:00-18:00"} {
		when, err := ParseSchedule(s)
		if err != nil {
			t.Fatal(err)
		}
		hours = append(hours, when)
	}
	right := func() []Right {
		return []Right{{Schedule: hours[dice.IntN(2)], From: int64(dice.IntN(2)) * 1000, To: int64(dice.IntN(2)) * 4_000_000_000_000, First: dice.IntN(9) == 0}}
	}
	fill := func(h *Holder) {
		for range dice.IntN(4) {
			h.Doors[fmt.Sprintf("door-%02d", dice.IntN(26))] = right() // two of them are not there
		}
		for range dice.IntN(2) {
			h.Groups[fmt.Sprint("group-", dice.IntN(3))] = right()
		}
		for range dice.IntN(3) {
			h.Zones[[]string{"east", "east/b01", "east/b02/u1", "west"}[dice.IntN(4)]] = right()
		}
	}
	for g := range 5 {
		fill(ix.group(fmt.Sprint("g", g)))
	}
	for i := range n {
		p := ix.person(fmt.Sprint("p-", i))
		fill(p.Own)
		for range dice.IntN(3) {
			p.Groups = append(p.Groups, ix.group(fmt.Sprint("g", dice.IntN(5))))
		}
		if p.Kind = Resident; i%7 == 6 {
			p.Kind, p.Host = Visitor, ix.person(fmt.Sprint("p-", i-1))
		}
		var m mac
		binary.BigEndian.PutUint64(m[:], uint64(i)) //nolint:gosec // not negative
		k := offlineKey{kind: byValue}
		binary.BigEndian.PutUint64(k.value[:], uint64(i)) //nolint:gosec // not negative
		ix.credentials[m] = &Credential{ID: fmt.Sprint("c-", i), Type: "card", Class: []string{ClassUID, ClassCrypto}[i%2], Person: p, offline: k}
		ix.macs[p.ID] = []mac{m}
	}
	return ix
}
