package series

import (
	"cmp"
	"slices"
	"sync"
)

// point is one value at one time.
type point struct {
	at int64 // ms
	v  float64
}

// sample is a point of a series.
type sample struct {
	series int64
	point
}

// slotLength is what one block covers, in ms. At the design load, 1,500 points a
// second, memory holds 1,500 × 900 × 16 bytes = 22 MB before they become blocks.
const slotLength = 15 * 60 * 1000

// slotOf is the slot of a time; times before 1970 belong to slot 0.
func slotOf(at int64) int64 { return max(0, at) / slotLength }

// buffer is what one series has in one slot and no block holds yet.
type buffer struct {
	first  uint64  // the arrival that began it
	points []point // by time, each time once
}

// add puts a point in its place; the first one of a time stays.
func (b *buffer) add(p point) bool {
	if n := len(b.points); n == 0 || b.points[n-1].at < p.at {
		b.points = append(b.points, p)
		return true
	}
	i, found := slices.BinarySearchFunc(b.points, p.at, func(q point, at int64) int { return cmp.Compare(q.at, at) })
	if !found {
		b.points = slices.Insert(b.points, i, p)
	}
	return !found
}

// memory holds the open points by series and slot.
type memory struct {
	mu     *sync.RWMutex
	series map[int64]map[int64]*buffer
	points int
}

func newMemory() memory { return memory{mu: &sync.RWMutex{}, series: map[int64]map[int64]*buffer{}} }

// add takes the samples of one arrival.
func (m *memory) add(n uint64, samples []sample) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range samples {
		slots := m.series[s.series]
		if slots == nil {
			slots = map[int64]*buffer{}
			m.series[s.series] = slots
		}
		slot := slotOf(s.at)
		b := slots[slot]
		if b == nil {
			b = &buffer{first: n}
			slots[slot] = b
		}
		if b.add(s.point) {
			m.points++
		}
	}
}

// place is one buffer's address.
type place struct{ slot, series int64 }

// due lists the places that the filter takes, in the order of the tables.
func (m *memory) due(take func(slot int64) bool) []place {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var places []place
	for id, slots := range m.series {
		for slot := range slots {
			if take(slot) {
				places = append(places, place{slot, id})
			}
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.slot, b.slot), cmp.Compare(a.series, b.series))
	})
	return places
}

// copyOf returns the points of one buffer, nil for none.
func (m *memory) copyOf(p place) []point {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if b := m.series[p.series][p.slot]; b != nil {
		return slices.Clone(b.points)
	}
	return nil
}

// between returns a series' points of the slots from first to last.
func (m *memory) between(series, first, last int64) map[int64][]point {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := map[int64][]point{}
	for slot, b := range m.series[series] {
		if slot >= first && slot <= last {
			out[slot] = slices.Clone(b.points)
		}
	}
	return out
}

// oldest is the arrival that began the oldest buffer outside the set, next when
// there is none.
func (m *memory) oldest(without map[place]bool, next uint64) uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for id, slots := range m.series {
		for slot, b := range slots {
			if b.first < next && !without[place{slot, id}] {
				next = b.first
			}
		}
	}
	return next
}

// drop forgets what stands in blocks now.
func (m *memory) drop(places []place) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range places {
		slots := m.series[p.series]
		if b := slots[p.slot]; b != nil {
			m.points -= len(b.points)
			delete(slots, p.slot)
		}
		if len(slots) == 0 {
			delete(m.series, p.series)
		}
	}
}

func (m *memory) size() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.points
}

// merge joins two ordered lists; of one time the first list's point stays.
func merge(a, b []point) []point {
	if len(b) == 0 || len(a) > 0 && a[len(a)-1].at < b[0].at {
		return append(a, b...)
	}
	out := make([]point, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := cmp.Compare(a[0].at, b[0].at); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}
