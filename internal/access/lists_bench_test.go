package access

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"dongyue/internal/doorlist"
)

// town puts 20,000 credentials and 275 doors into a room. everywhere: all of them open
// all doors, which is the most that a list can hold; otherwise each opens the own stair
// and the ten gates.
func town(b *testing.B, everywhere bool) *house {
	b.Helper()
	h := newHouse(b)
	const doors, gates, people = 275, 10, 20_000
	h.desk.doors = map[string]Door{}
	for d := range doors {
		id := fmt.Sprintf("door-%03d", d)
		zone := fmt.Sprintf("estate/b%03d", d)
		if d < gates {
			zone = "estate"
		}
		h.desk.doors[id] = Door{ID: id, Name: id, Zone: zone, Online: true}
	}
	always, err := ParseSchedule(Always)
	if err != nil {
		b.Fatal(err)
	}
	ix := newIndex()
	for n := range people {
		p := ix.person(fmt.Sprint("p-", n))
		own := fmt.Sprintf("door-%03d", gates+n%(doors-gates))
		if p.Own.Doors[own] = []Right{{Schedule: always}}; everywhere {
			p.Own.Zones["estate"] = []Right{{Schedule: always}}
		}
		for d := range gates {
			p.Own.Doors[fmt.Sprintf("door-%03d", d)] = []Right{{Schedule: always}}
		}
		var m mac
		binary.BigEndian.PutUint64(m[:], uint64(n)) //nolint:gosec // not negative
		k := offlineKey{kind: byValue}
		binary.BigEndian.PutUint64(k.value[:], uint64(n)) //nolint:gosec // not negative
		ix.credentials[m] = &Credential{ID: fmt.Sprint("c-", n), Type: "card", Class: ClassCrypto, Person: p, offline: k}
		ix.macs[p.ID] = []mac{m}
	}
	h.ix = ix
	h.lists.meet(h.desk.DoorsIn(""))
	return h
}

func heapMB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}

// cpuSeconds is what this process has used: on a machine that others use, time on the
// wall is mostly that of waiting for a core.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkLists makes all lists anew, with their hashes and signatures; then brings one
// person's lost card to every door that it opens.
func BenchmarkLists(b *testing.B) {
	ctx := context.Background()
	for name, everywhere := range map[string]bool{"stairs-and-gates": false, "everywhere": true} {
		h := town(b, everywhere)
		before := heapMB()
		b.Run("all/"+name, func(b *testing.B) {
			entries, cpu := 0, cpuSeconds()
			for b.Loop() {
				for _, d := range h.lists.doors {
					d.tree = nil
				}
				fresh, err := h.buildAll(ctx, time.Now())
				if err != nil {
					b.Fatal(err)
				}
				entries = 0
				for _, p := range fresh {
					if err := h.sign(p, time.Now()); err != nil {
						b.Fatal(err)
					}
					entries += p.tree.Len()
				}
			}
			b.ReportMetric(float64(entries), "entries")
			b.ReportMetric((cpuSeconds()-cpu)/float64(b.N), "cpu-s/op")
			b.ReportMetric(heapMB()-before, "MB")
		})
		b.Run("one/"+name, func(b *testing.B) {
			n, bytes := 0, 0
			for b.Loop() {
				n++
				id := fmt.Sprint("p-", n%20_000)
				c := h.ix.credentials[h.ix.macs[id][0]]
				if c.Revoked = 1; n/20_000%2 == 1 {
					c.Revoked = 0
				}
				fresh, err := h.buildPeople(ctx, map[string]struct{}{id: {}})
				if err != nil {
					b.Fatal(err)
				}
				bytes = 0
				for _, p := range fresh {
					if err := h.sign(p, time.Now()); err != nil {
						b.Fatal(err)
					}
					bytes += len((&doorlist.Body{Base: 1, Head: p.head, Sig: p.sig, Drop: p.keys}).Encode())
				}
			}
			b.ReportMetric(float64(bytes)/1e3, "kB")
		})
	}
}
