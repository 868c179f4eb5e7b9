package rules

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"dongyue/internal/event"
)

// The file of SaveWindows: windowsMagic, the body, and the CRC-32C of the body in
// four bytes. The body is a list of numbers, all varints, and texts; a text that
// has been there before is written as its number. Times are ns since 1970, 0 for
// none.
//
//	seq, clock, back |
//	parts: device, name, series: window, points …; watches: rule, heard, event … |
//	groups: rule, id, devices | budgets: rule, version, evaluations, those over
const windowsMagic = "dongyue windows 1\n"

// errUncommitted: what is saved must be what is on disk besides.
var errUncommitted = errors.New("rules: windows can only be saved between a commit and the next event")

// SaveWindows writes what the engine remembers beside the subjects, which are
// saved one by one with Dirty: windows, silences, who has been heard in groups,
// and budgets. It belongs to the newest event that was committed, whose number
// stands in it.
func (e *Engine) SaveWindows(w io.Writer) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.undo.subjects) > 0 || len(e.undo.series) > 0 || len(e.undo.watches) > 0 {
		return errUncommitted
	}
	b := pack{known: map[string]uint64{}}
	b.uint(e.seq)
	b.time(e.clock)
	b.time(e.back)
	e.packParts(&b)
	e.packGroups(&b)
	e.packBudgets(&b)
	out := make([]byte, 0, len(windowsMagic)+len(b.b)+crc32.Size)
	out = append(append(out, windowsMagic...), b.b...)
	out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(b.b, crc32.MakeTable(crc32.Castagnoli)))
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("rules: save windows: %w", err)
	}
	return nil
}

// pack is a body being written.
type pack struct {
	b     []byte
	known map[string]uint64
}

func (p *pack) uint(x uint64) { p.b = binary.AppendUvarint(p.b, x) }
func (p *pack) int(x int64)   { p.b = binary.AppendVarint(p.b, x) }

func (p *pack) float(x float64) {
	p.b = binary.LittleEndian.AppendUint64(p.b, math.Float64bits(x))
}

func (p *pack) time(t time.Time) {
	if t.IsZero() {
		p.int(0)
	} else {
		p.int(t.UnixNano())
	}
}

func (p *pack) text(s string) {
	n, ok := p.known[s]
	p.uint(n)
	if !ok {
		p.known[s] = uint64(len(p.known) + 1)
		p.bytes([]byte(s))
	}
}

func (p *pack) bytes(s []byte) {
	p.uint(uint64(len(s)))
	p.b = append(p.b, s...)
}

func (p *pack) event(ev *event.Event) {
	p.uint(ev.Seq)
	for _, s := range [...]string{ev.ID, ev.Device, string(ev.Kind), ev.Zone, ev.Via, string(ev.Channel), ev.Type, ev.Part, ev.Boot} {
		p.text(s)
	}
	p.uint(ev.BootSeq)
	p.time(ev.At)
	p.time(ev.ReceivedAt)
	p.uint(uint64(index01(ev.Late)))
	p.bytes(ev.Data)
}

func (e *Engine) packParts(p *pack) {
	var devices []string
	n := 0
	for d, r := range e.records {
		if len(r.parts) > 0 {
			devices, n = append(devices, d), n+len(r.parts)
		}
	}
	slices.Sort(devices)
	p.uint(uint64(n))
	for _, d := range devices {
		for _, x := range e.records[d].parts {
			p.text(d)
			p.text(x.name)
			p.uint(uint64(len(x.series)))
			for _, s := range x.series {
				p.series(&e.set.conditions.windows[s.window], s.live())
			}
			watches := slices.DeleteFunc(slices.Clone(x.watches), func(w *watch) bool { return !w.on })
			p.uint(uint64(len(watches)))
			for _, w := range watches {
				p.text(w.rule.ID)
				p.time(w.heard)
				p.event(&w.ev)
			}
		}
	}
}

func (p *pack) series(w *windowDef, points []point) {
	for _, s := range [...]string{w.fn, string(w.channel), w.metric, w.counted} {
		p.text(s)
	}
	p.int(int64(w.span))
	p.uint(uint64(len(points)))
	at := int64(0)
	for _, x := range points {
		p.int(x.at - at)
		p.float(x.v)
		p.float(x.n)
		at = x.at
	}
}

func (e *Engine) packGroups(p *pack) {
	var keys []groupKey
	for k, g := range e.groups {
		if len(g.heard) > 0 {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b groupKey) int {
		return strings.Compare(a.rule.ID+"\x00"+a.id, b.rule.ID+"\x00"+b.id)
	})
	p.uint(uint64(len(keys)))
	for _, k := range keys {
		var devices []string
		for d := range e.groups[k].heard {
			devices = append(devices, d)
		}
		slices.Sort(devices)
		p.text(k.rule.ID)
		p.text(k.id)
		p.uint(uint64(len(devices)))
		for _, d := range devices {
			p.text(d)
		}
	}
}

func (e *Engine) packBudgets(p *pack) {
	n := 0
	for _, b := range e.budgets {
		n += index01(b != nil)
	}
	p.uint(uint64(n))
	for i, b := range e.budgets {
		if b == nil {
			continue
		}
		p.text(e.set.Rules[i].ID)
		p.text(e.set.Rules[i].Version)
		p.uint(b.spent)
		p.uint(uint64(b.next))
		for _, x := range b.over {
			p.uint(x)
		}
	}
}
