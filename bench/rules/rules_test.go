package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Every mix loads, and says nothing about events that are in order.
func TestMixes(t *testing.T) {
	for _, m := range mixes() {
		e, err := engine(m, 500)
		if err != nil {
			t.Fatal(err)
		}
		if trs := e.Process(m.stream(2000)); m.name != "community" && len(trs) > 0 {
			t.Errorf("%s: %d transitions, the first %s", m.name, len(trs), trs[0].Rule)
		}
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	_ = settings{few: 10, many: 50, events: 200, rounds: 1}.run(&b) // so small a run says nothing of time
	if out := b.String(); strings.Count(out, "\n") != len(mixes())+2 {
		t.Errorf("%s", out)
	}
}

func BenchmarkEvent(b *testing.B) {
	for _, m := range mixes() {
		evs := m.stream(20_000)
		for _, n := range []int{100, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", m.name, n), func(b *testing.B) {
				e, err := engine(m, n)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					e.Process(evs[i : i+1])
					if i++; i == len(evs) {
						i = 0
						e.Commit()
					}
				}
			})
		}
	}
}

func BenchmarkSwap(b *testing.B) {
	m := mixes()[0]
	e, err := engine(m, 10_000)
	if err != nil {
		b.Fatal(err)
	}
	set, err := m.load(10_000)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		e.Swap(set)
		e.Commit()
	}
}
