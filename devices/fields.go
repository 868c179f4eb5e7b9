package devices

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Fields is one JSON object of a payload, already checked for grammar. Its
// methods read members and remember the first thing that is wrong, so that a
// kind lists what it needs and asks Err once. The Fields of an object that is not
// there has no members.
//
// A Fields is good only during the call that got it.
type Fields struct {
	d *doc  // nil in the zero Fields, where nothing can be refused
	n int32 // place of the object, absent for one that is not there
}

const absent = -1

// Err is the first refusal that a method of any Fields of the payload met.
func (f Fields) Err() error {
	if f.d == nil || f.d.err == nil {
		return nil
	}
	return f.d.err
}

// Refuse notes a refusal of a member.
func (f Fields) Refuse(code, name, what string) {
	if f.d != nil && f.d.err == nil {
		f.d.err = Refuse(code, "%s: %s", f.path(name), what)
	}
}

// Has reports whether the member is there and not null.
func (f Fields) Has(name string) bool {
	m := f.find(name)
	return m != nil && m.kind != 'n'
}

// Text is a member of 1 to limit bytes of text.
func (f Fields) Text(name string, limit int) string {
	if !f.need(name) {
		return ""
	}
	return f.OptText(name, limit)
}

// OptText is as Text, but the member may be missing, null or "".
func (f Fields) OptText(name string, limit int) string {
	m := f.find(name)
	if m == nil || m.kind == 'n' {
		return ""
	}
	if m.kind != '"' {
		f.Refuse(CodeType, name, "text is wanted")
		return ""
	}
	s := f.d.str1(m)
	if len(s) > limit {
		f.Refuse(CodeValue, name, "at most "+strconv.Itoa(limit)+" bytes")
		return ""
	}
	return s
}

// Enum is a member that is one of the words.
func (f Fields) Enum(name string, words ...string) string {
	if !f.need(name) {
		return ""
	}
	return f.OptEnum(name, words...)
}

// OptEnum is as Enum, but the member may be missing.
func (f Fields) OptEnum(name string, words ...string) string {
	if !f.Has(name) {
		return ""
	}
	s := f.OptText(name, 64)
	if f.d.err == nil && !slices.Contains(words, s) {
		f.Refuse(CodeValue, name, "one of "+strings.Join(words, ", ")+" is wanted")
	}
	return s
}

// Number is a number from lo to hi.
func (f Fields) Number(name string, lo, hi float64) float64 {
	if !f.need(name) {
		return 0
	}
	x, _ := f.OptNumber(name, lo, hi)
	return x
}

// IsNumber reports whether the member is there and a number.
func (f Fields) IsNumber(name string) bool {
	m := f.find(name)
	return m != nil && m.kind == '0'
}

// OptNumber is as Number, but the member may be missing; ok tells.
func (f Fields) OptNumber(name string, lo, hi float64) (x float64, ok bool) {
	m := f.find(name)
	if m == nil || m.kind == 'n' {
		return 0, false
	}
	if m.kind != '0' {
		f.Refuse(CodeType, name, "a number is wanted")
		return 0, false
	}
	x = f.d.num(m)
	if x < lo || x > hi {
		f.Refuse(CodeRange, name, "from "+short(lo)+" to "+short(hi)+" is wanted")
		return 0, false
	}
	return x, true
}

// Whole is a whole number that may be missing; a float64 counts exactly to 2^53.
func (f Fields) Whole(name string) uint64 {
	x, ok := f.OptNumber(name, 0, 1<<53)
	if ok && x != math.Trunc(x) {
		f.Refuse(CodeType, name, "a whole number is wanted")
		return 0
	}
	return uint64(x)
}

// Bool is a flag.
func (f Fields) Bool(name string) bool {
	if !f.need(name) {
		return false
	}
	return f.OptBool(name)
}

// OptBool is as Bool, but the member may be missing and is then false.
func (f Fields) OptBool(name string) bool {
	m := f.find(name)
	if m == nil || m.kind == 'n' {
		return false
	}
	if m.kind != 't' && m.kind != 'f' {
		f.Refuse(CodeType, name, "true or false is wanted")
	}
	return m.kind == 't'
}

// Object is a member object.
func (f Fields) Object(name string) Fields {
	f.need(name)
	return f.OptObject(name)
}

// OptObject is as Object, but the member may be missing.
func (f Fields) OptObject(name string) Fields {
	m := f.find(name)
	if m == nil || m.kind == 'n' {
		return Fields{f.d, absent}
	}
	if m.kind != '{' {
		f.Refuse(CodeType, name, "an object is wanted")
		return Fields{f.d, absent}
	}
	return Fields{f.d, f.d.place(m, f.n)}
}

// Each calls do for every member with its value: a float64, bool, string, nil,
// Fields for an object, json.RawMessage for an array.
func (f Fields) Each(do func(name string, value any)) {
	if f.d == nil || f.n == absent {
		return
	}
	for i := f.d.nodes[f.n].first; i != 0; i = f.d.nodes[i].next {
		m := &f.d.nodes[i]
		name := f.d.name(m)
		switch m.kind {
		case '0':
			do(name, f.d.num(m))
		case 't', 'f':
			do(name, m.kind == 't')
		case '"':
			do(name, f.d.str1(m))
		case 'n':
			do(name, nil)
		case '{':
			do(name, Fields{f.d, i})
		case '[':
			do(name, json.RawMessage(f.d.text[m.v0:m.v1]))
		}
	}
}

// raw is the object's own copy of its text, `{}` for one that is not there.
func (f Fields) raw() json.RawMessage {
	if f.d == nil || f.n == absent {
		return json.RawMessage(`{}`)
	}
	m := &f.d.nodes[f.n]
	return append(json.RawMessage(nil), f.d.text[m.v0:m.v1]...)
}

func (f Fields) need(name string) bool {
	if f.Has(name) {
		if m := f.find(name); m.kind != '"' || m.v1-m.v0 > 2 {
			return true
		}
	}
	f.Refuse(CodeMissing, name, "is missing")
	return false
}

func (f Fields) find(name string) *node {
	if f.d == nil || f.n == absent {
		return nil
	}
	for i := f.d.nodes[f.n].first; i != 0; i = f.d.nodes[i].next {
		if m := &f.d.nodes[i]; f.d.is(m, name) {
			return m
		}
	}
	return nil
}

// path is the member's place from the root: data.credential.type.
func (f Fields) path(name string) string {
	for i := max(f.n, 0); i != 0; i = f.d.nodes[i].parent {
		name = f.d.name(&f.d.nodes[i]) + "." + name
	}
	return name
}

func (d *doc) is(m *node, name string) bool {
	if m.odd {
		return d.name(m) == name
	}
	return string(d.text[m.k0:m.k1]) == name
}

func (d *doc) name(m *node) string {
	if m.odd {
		return unquote(d.text[m.k0:m.k1])
	}
	return string(d.text[m.k0:m.k1])
}

func (d *doc) str1(m *node) string { return unquote(d.text[m.v0+1 : m.v1-1]) }

func (d *doc) num(m *node) float64 {
	x, _ := strconv.ParseFloat(string(d.text[m.v0:m.v1]), 64) // the scanner refused what fails here
	return x + 0                                              // no negative zero: two readers would show one value as two
}

func (d *doc) place(m *node, up int32) int32 {
	i := d.nodes[up].first
	for &d.nodes[i] != m {
		i = d.nodes[i].next
	}
	return i
}

// unquote resolves the escapes of a checked string.
func unquote(b []byte) string {
	for _, c := range b {
		if c == '\\' {
			var s string
			if json.Unmarshal(append(append([]byte{'"'}, b...), '"'), &s) != nil {
				return string(utf8.RuneError)
			}
			return s
		}
	}
	return string(b)
}

func short(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
