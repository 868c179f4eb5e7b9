package devices

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"dongyue/internal/event"
)

// record is a device in memory. Id and kind never change; the rest is guarded.
type record struct {
	id   string
	kind event.Kind

	send sync.Mutex // held while a command goes from the store to the broker; never with mu, taken before a transaction

	mu     sync.Mutex
	d      Device
	via    string // what it hangs on, outermost first, see hang
	secret [sha256.Size]byte

	old      [sha256.Size]byte // the secret before, good until
	oldUntil time.Time         // zero: no longer
	rotated  uint64            // how often sessions had to end
	login    uint64            // rotated at the last login
	byOld    bool              // the last login was with the old secret

	boots []boot
	said  bool      // the last presence; a new connection says yes by itself
	told  bool      // the last presence that the journal has
	asked bool      // a presence of the hub's own is on its way to the journal
	since time.Time // of the newest connection

	mark     uint64 // what the journal held when the device was missed first; 0: it is not
	arrivals uint64 // connections and subscriptions so far
	resumed  bool   // connected, and not looked at since

	fresh      map[string]map[string]struct{} // part → metrics to show
	freshState bool
	toShow     bool // as a feed entry
	dirtyRow   bool // twin row to write
	dirtyVals  bool
}

// boot is how far a boot's event numbers have come.
type boot struct {
	ID   string `json:"id"`
	Last uint64 `json:"last"`
	Gaps uint64 `json:"gaps"`

	First   uint64 `json:"first,omitempty"`   // what was before it, the hub can't know
	Missing []span `json:"missing,omitempty"` // the numbers that were jumped over, in order
	Exact   bool   `json:"exact,omitempty"`   // false: of an older hub, which only counted them
	At      int64  `json:"at,omitempty"`      // of the newest event, ms by the device's clock
}

// span is a run of numbers, both ends included.
type span struct{ From, To uint64 }

// mostSpans bounds what is remembered of missing numbers. Of more runs the oldest are
// given up: what comes under such a number is taken for one that was there before.
const mostSpans = 64

// keptBoots is how many boots a record remembers: late events of the boot before
// the last still count to theirs.
const keptBoots = 4

func (rec *record) zone() string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.d.Zone
}

func (rec *record) arrived() uint64 {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.arrivals
}

func (rec *record) view() Device {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.d.clone()
}

// count notes an event's number, and reports whether it was there before, under another
// event. Numbers that were jumped over are gaps; one that comes after all (the journal
// passes on no event twice) closes its gap. The first number of a boot opens none: the
// hub may be younger than the boot.
func (rec *record) count(id string, seq uint64, at time.Time) (again bool) {
	if id == "" || seq == 0 {
		return false
	}
	i := slices.IndexFunc(rec.boots, func(b boot) bool { return b.ID == id })
	if i < 0 {
		rec.boots = append(slices.Clone(rec.boots[max(0, len(rec.boots)-keptBoots+1):]), boot{ID: id, First: seq, Last: seq, Exact: true, At: at.UnixMilli()})
	} else {
		rec.boots = slices.Clone(rec.boots) // the undo keeps the old one
		again = rec.boots[i].take(seq, at.UnixMilli())
	}
	rec.showGaps()
	return again
}

// take notes a number of the boot. A device that says the same number each time does not
// count: of its events nothing follows. One that has started again and kept the name of
// its boot counts from 1, and what it tells is newer than all that it told before; what
// was recorded is older.
func (b *boot) take(seq uint64, ms int64) (again bool) {
	newer := ms > b.At
	b.At = max(b.At, ms)
	switch at := b.missing(seq); {
	case seq > b.Last:
		if seq > b.Last+1 {
			b.Gaps += seq - b.Last - 1
			b.Missing = append(slices.Clone(b.Missing[max(0, len(b.Missing)-mostSpans+1):]), span{b.Last + 1, seq - 1})
		}
		b.Last = seq
	case at >= 0:
		b.Gaps--
		b.Missing = slices.Replace(slices.Clone(b.Missing), at, at+1, b.Missing[at].without(seq)...)
	case !b.Exact && b.Gaps > 0:
		b.Gaps--
	case seq == 1 && newer:
		b.First, b.Last, b.Gaps, b.Missing, b.Exact = 1, 1, 0, nil, true
	default:
		return seq >= b.First && b.First < b.Last
	}
	return false
}

// missing is the place of the run that a number is in, or -1.
func (b *boot) missing(seq uint64) int {
	return slices.IndexFunc(b.Missing, func(s span) bool { return s.From <= seq && seq <= s.To })
}

func (s span) without(seq uint64) (rest []span) {
	if s.From < seq {
		rest = append(rest, span{s.From, seq - 1})
	}
	if seq < s.To {
		rest = append(rest, span{seq + 1, s.To})
	}
	return rest
}

// past reports whether a boot is one before the present boot: the device has numbered
// events of both.
func (rec *record) past(id string) bool {
	at := func(id string) int { return slices.IndexFunc(rec.boots, func(b boot) bool { return b.ID == id }) }
	i := at(id)
	return i >= 0 && i < at(rec.d.Boot)
}

// counted reports whether a number was there before.
func (rec *record) counted(id string, seq uint64) bool {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	i := slices.IndexFunc(rec.boots, func(b boot) bool { return b.ID == id })
	if i < 0 || seq == 0 {
		return false
	}
	b := &rec.boots[i]
	return b.First <= seq && seq <= b.Last && b.missing(seq) < 0 && (b.Exact || b.Gaps == 0)
}

// showGaps sets the device's gaps to those of its present boot.
func (rec *record) showGaps() {
	rec.d.Gaps = 0
	for _, b := range rec.boots {
		if b.ID == rec.d.Boot || rec.d.Boot == "" {
			rec.d.Gaps = b.Gaps
		}
	}
}

// measure takes values into the twin. None overwrites a newer one.
func (rec *record) measure(part string, at time.Time, values Fields) {
	m := rec.d.Values[part]
	values.Each(func(name string, value any) {
		v := Value{At: at}
		switch x := value.(type) {
		case float64:
			v.V = x
		case bool:
			if x {
				v.V = 1
			}
		case string:
			v.Text = x
		default:
			return
		}
		if old, ok := m[name]; ok && old.At.After(at) {
			return
		}
		if m == nil {
			m = map[string]Value{}
			rec.d.Values[part] = m
		}
		if _, known := m[name]; !known && len(m) >= maxMetrics {
			return
		}
		m[name] = v
		if rec.fresh[part] == nil {
			if rec.fresh == nil {
				rec.fresh = map[string]map[string]struct{}{}
			}
			rec.fresh[part] = map[string]struct{}{}
		}
		rec.fresh[part][name] = struct{}{}
		rec.dirtyVals = true
	})
}

// Bounds of a twin, so that a hostile device can't fill the memory.
const (
	maxParts   = 128
	maxMetrics = 64
)

// saved is what of a record can't be worked out twice.
type saved struct {
	online      bool
	said, told  bool
	asked       bool
	health      Health
	fw, boot    string
	boots       []boot
	gaps        uint64
	quarantined uint64
}

func (rec *record) save() saved {
	return saved{rec.d.Online, rec.said, rec.told, rec.asked, rec.d.Health, rec.d.Firmware, rec.d.Boot, rec.boots, rec.d.Gaps, rec.d.Quarantined}
}

func (rec *record) restore(s saved) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.d.Online, rec.said, rec.d.Health, rec.d.Firmware, rec.d.Boot = s.online, s.said, s.health, s.fw, s.boot
	rec.told, rec.asked = s.told, s.asked
	rec.boots, rec.d.Gaps, rec.d.Quarantined = s.boots, s.gaps, s.quarantined
}

func compare(a, b string) int { return cmp.Compare(a, b) }

// comparePath orders paths so that a zone comes before its children and those
// before its neighbours.
func comparePath(a, b string) int {
	return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
}
