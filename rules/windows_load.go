package rules

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"time"

	"dongyue/internal/event"
)

// largestWindows is far above what 20,000 devices come to.
const largestWindows = 1 << 30

var errWindows = errors.New("rules: not a whole file of windows")

// WindowsSeq is the number of the event that a file of windows belongs to. One
// that is ahead of the checkpoint is of another database and must not be loaded.
func WindowsSeq(text []byte) (uint64, error) {
	m, err := readMemory(text)
	if err != nil {
		return 0, err
	}
	return m.seq, nil
}

// LoadWindows reads what SaveWindows has written, after Restore and before the
// first event, and returns the number of the event that it belongs to: Observe
// those behind it up to the checkpoint. What the rules of today do not ask for is
// left out. With an error nothing has been taken in; the windows begin empty.
func (e *Engine) LoadWindows(r io.Reader) (seq uint64, err error) {
	text, err := io.ReadAll(io.LimitReader(r, largestWindows))
	if err != nil {
		return 0, fmt.Errorf("rules: load windows: %w", err)
	}
	m, err := readMemory(text)
	if err != nil {
		return 0, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.recall(m)
	e.reset()
	return m.seq, nil
}

func readMemory(text []byte) (*memory, error) {
	body, ok := bytes.CutPrefix(text, []byte(windowsMagic))
	if !ok || len(body) < crc32.Size {
		return nil, errWindows
	}
	body, sum := body[:len(body)-crc32.Size], binary.LittleEndian.Uint32(body[len(body)-crc32.Size:])
	if crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) != sum {
		return nil, errWindows
	}
	if m := unpackMemory(body); m != nil {
		return m, nil
	}
	return nil, errWindows
}

// memory is the content of a file of windows.
type memory struct {
	seq         uint64
	clock, back time.Time
	parts       []memoryPart
	groups      []memoryGroup
	budgets     []memoryBudget
}

type memoryPart struct {
	device, name string
	series       []memorySeries
	watches      []memoryWatch
}

type memorySeries struct {
	window windowDef
	points []point
}

type memoryWatch struct {
	rule  string
	heard time.Time
	ev    event.Event
}

type memoryGroup struct {
	rule, id string
	devices  []string
}

type memoryBudget struct {
	rule, version string
	budget        budget
}

// unpack is a body being read; after the first mistake all reads are empty.
type unpack struct {
	b     []byte
	known []string
	bad   bool
}

func (u *unpack) fail() {
	u.bad, u.b = true, nil
}

func (u *unpack) uint() uint64 {
	x, n := binary.Uvarint(u.b)
	if n <= 0 {
		u.fail()
		return 0
	}
	u.b = u.b[n:]
	return x
}

func (u *unpack) int() int64 {
	x, n := binary.Varint(u.b)
	if n <= 0 {
		u.fail()
		return 0
	}
	u.b = u.b[n:]
	return x
}

// many reads how many things follow, each of at least one byte.
func (u *unpack) many() int {
	n := u.uint()
	if n > uint64(len(u.b)) {
		u.fail()
		return 0
	}
	return int(n)
}

func (u *unpack) float() float64 {
	if len(u.b) < 8 {
		u.fail()
		return 0
	}
	x := math.Float64frombits(binary.LittleEndian.Uint64(u.b))
	u.b = u.b[8:]
	return x
}

func (u *unpack) time() time.Time {
	if ns := u.int(); ns != 0 {
		return time.Unix(0, ns).UTC()
	}
	return time.Time{}
}

func (u *unpack) bytes() []byte {
	n := u.many()
	s := u.b[:n]
	u.b = u.b[n:]
	return s
}

func (u *unpack) text() string {
	n := u.uint()
	switch {
	case n == 0:
		s := string(u.bytes())
		u.known = append(u.known, s)
		return s
	case n > uint64(len(u.known)):
		u.fail()
		return ""
	}
	return u.known[n-1]
}

func (u *unpack) event() (ev event.Event) {
	ev.Seq = u.uint()
	ev.ID, ev.Device, ev.Kind, ev.Zone, ev.Via = u.text(), u.text(), event.Kind(u.text()), u.text(), u.text()
	ev.Channel, ev.Type, ev.Part, ev.Boot = event.Channel(u.text()), u.text(), u.text(), u.text()
	ev.BootSeq = u.uint()
	ev.At, ev.ReceivedAt = u.time(), u.time()
	ev.Late = u.uint() == 1
	ev.Data = bytes.Clone(u.bytes())
	return ev
}

// unpackMemory reads a body; nil when it is not one.
func unpackMemory(body []byte) *memory {
	u := unpack{b: body}
	m := &memory{seq: u.uint(), clock: u.time(), back: u.time()}
	for n := u.many(); n > 0 && !u.bad; n-- {
		m.parts = append(m.parts, u.part())
	}
	for n := u.many(); n > 0 && !u.bad; n-- {
		g := memoryGroup{rule: u.text(), id: u.text()}
		for n := u.many(); n > 0 && !u.bad; n-- {
			g.devices = append(g.devices, u.text())
		}
		m.groups = append(m.groups, g)
	}
	for n := u.many(); n > 0 && !u.bad; n-- {
		b := memoryBudget{rule: u.text(), version: u.text()}
		b.budget.spent = u.uint()
		b.budget.next = int(u.uint() % mostOver)
		for i := range b.budget.over {
			b.budget.over[i] = u.uint()
		}
		m.budgets = append(m.budgets, b)
	}
	if u.bad || len(u.b) > 0 {
		return nil
	}
	return m
}

func (u *unpack) part() memoryPart {
	p := memoryPart{device: u.text(), name: u.text()}
	for n := u.many(); n > 0 && !u.bad; n-- {
		s := memorySeries{window: windowDef{fn: u.text(), channel: event.Channel(u.text()), metric: u.text(), counted: u.text()}}
		s.window.span = time.Duration(u.int())
		at := int64(0)
		for n := u.many(); n > 0 && !u.bad; n-- {
			at += u.int()
			s.points = append(s.points, point{at, u.float(), u.float()})
		}
		p.series = append(p.series, s)
	}
	for n := u.many(); n > 0 && !u.bad; n-- {
		p.watches = append(p.watches, memoryWatch{rule: u.text(), heard: u.time(), ev: u.event()})
	}
	return p
}

// recall takes a memory in.
func (e *Engine) recall(m *memory) {
	e.seq, e.clock, e.back = m.seq, latest(e.clock, m.clock), m.back
	windows, hears := map[windowDef]int32{}, newHearing(e.set)
	for i, w := range e.set.conditions.windows {
		w.path = 0 // its number is of the set
		windows[w] = int32(i)
	}
	for i := range m.parts {
		p := &m.parts[i]
		for j := range p.series {
			if w, ok := windows[p.series[j].window]; ok {
				s := e.recordOf(p.device).keep(p.name).keep(w)
				s.points, s.head = p.series[j].points, 0
			}
		}
		for j := range p.watches {
			if r, ok := e.set.Rule(p.watches[j].rule); ok && r.Absent > 0 && hears.by(r, &p.watches[j].ev) {
				e.expect(r, p.device, p.name, &p.watches[j])
			}
		}
	}
	for _, g := range m.groups {
		if r, ok := e.set.Rule(g.rule); ok && r.Quorum != nil && r.Quorum.SharePct > 0 {
			for _, d := range g.devices {
				e.group(groupKey{r, g.id}).heard[d] = struct{}{}
			}
		}
	}
	for _, b := range m.budgets {
		if r, ok := e.set.Rule(b.rule); ok && r.Version == b.version && e.budgets[r.order] != nil {
			*e.budgets[r.order] = b.budget
		}
	}
}

// expect goes on waiting for a device.
func (e *Engine) expect(r *Rule, device, part string, m *memoryWatch) {
	p := e.recordOf(device).keep(part)
	w := p.watch(r)
	if w == nil {
		w = p.begin(r, device)
	}
	w.on, w.heard, w.ev = true, m.heard, m.ev
	e.queue(w)
}
