package rules

import (
	"encoding/json"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"dongyue/internal/event"
)

// view is the event being judged, as conditions see it. One serves an engine for
// all events: begin turns it to the next, and what was worked out for the last
// one has expired. It allocates nothing that it has not had before.
type view struct {
	*conditions
	ev   *event.Event
	turn uint32 // number of the event, never 0

	slots   []slot // by path
	none    slot   // what is not there
	found   []path // in this event's data
	scanned bool
	room    []byte // of texts that had escapes

	memo   []memo       // by term.memo
	known  []windowMemo // by window
	reader windows      // where windows are; nil: none have anything to say

	// misfit is the last value that an expression could not use, fault what CEL
	// said of one.
	misfit path
	fault  error

	parsed map[string]any // the data as CEL sees it, see data
	val    ref.Val
	asked  []int32 // windows of the leaf that is being evaluated
}

// memo is an answer, or a window's value, that holds for one turn.
type memo struct {
	turn   uint32
	answer outcome
}

type windowMemo struct {
	turn uint32
	ok   bool
	x    float64
}

// windows says what a window has to say at the event; ok is false where it does
// not know yet.
type windows interface {
	measured(v *view, window int32) (x float64, ok bool)
}

func newView(c *conditions, w windows) *view {
	return &view{
		conditions: c, reader: w, slots: make([]slot, len(c.paths.nodes)), memo: make([]memo, c.memos), known: make([]windowMemo, len(c.windows)),
	}
}

// begin turns to another event.
func (v *view) begin(ev *event.Event) {
	v.ev, v.scanned, v.found, v.room = ev, false, v.found[:0], v.room[:0]
	v.parsed, v.val, v.fault = nil, nil, nil
	if v.turn++; v.turn == 0 { // all turns are over: nothing may seem to be of the first
		clear(v.slots)
		clear(v.memo)
		clear(v.known)
		v.turn = 1
	}
	if cap(v.room) > 64<<10 {
		v.room = nil
	}
}

// window is what a window has to say, worked out once per event.
func (v *view) window(at int32) (float64, bool) {
	m := &v.known[at]
	if m.turn != v.turn {
		x, ok := 0.0, false
		if v.reader != nil {
			x, ok = v.reader.measured(v, at)
		}
		*m = windowMemo{v.turn, ok, x}
	}
	return m.x, m.ok
}

// field is a variable other than data.
func (v *view) field(f field) string {
	switch f {
	case fieldDevice:
		return v.ev.Device
	case fieldPart:
		return v.ev.Part
	case fieldZone:
		return v.ev.Zone
	case fieldType:
		return v.ev.Type
	default:
		return string(v.ev.Kind)
	}
}

// data is the event's data as a map, empty when it is no object. Only CEL and
// what is written for people need it so.
func (v *view) data() map[string]any {
	if v.parsed == nil {
		v.parsed = dataOf(v.ev)
	}
	return v.parsed
}

func dataOf(ev *event.Event) map[string]any {
	var data map[string]any
	if json.Unmarshal(ev.Data, &data) != nil || data == nil {
		return map[string]any{}
	}
	return data
}

// ResolveName is how CEL reads a variable.
func (v *view) ResolveName(name string) (any, bool) {
	switch name {
	case "data":
		if v.val == nil {
			v.val = types.DefaultTypeAdapter.NativeToValue(v.data())
		}
		return v.val, true
	case "device":
		return v.ev.Device, true
	case "kind":
		return string(v.ev.Kind), true
	case "zone":
		return v.ev.Zone, true
	case "part":
		return v.ev.Part, true
	case "type":
		return v.ev.Type, true
	case "at":
		return v.ev.At, true
	case windowVariable:
		values := map[string]float64{}
		for _, w := range v.asked {
			if x, ok := v.window(w); ok {
				values[v.windows[w].name()] = x
			}
		}
		return values, true
	}
	return nil, false
}

// Parent is nil: there are no other variables.
func (v *view) Parent() cel.Activation { return nil }

// missing is how CEL says that a value is not there, which is no error but no
// answer.
const missing = "no such key"

func isMissing(err error) bool { return strings.HasPrefix(err.Error(), missing) }
