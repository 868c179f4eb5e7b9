package devices

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a payload's shape. They keep the check for equal names, which
// compares each member with those before it, below a millisecond.
const (
	maxDepth   = 8
	maxNodes   = 4096
	maxMembers = 256
)

// node is one value of a payload: spans point into the text, links are places
// in doc.nodes, and 0 (the root) means none.
type node struct {
	kind   byte // { [ " 0 t f n
	odd    bool // the name has escapes or is not ASCII
	k0, k1 int32
	v0, v1 int32
	first  int32
	next   int32
	parent int32
}

// doc is a payload taken apart in one pass, without a copy and, when it is used
// again, without an allocation.
type doc struct {
	text  []byte
	nodes []node
	err   *Refusal // the first that a Fields method met
	bad   *Refusal // what the scanner met
}

// parse takes the text in, which must not change while the doc is in use, and
// checks all of it as RFC 8259 asks: grammar, UTF-8, and beyond it equal names
// and numbers that no float64 holds.
func (d *doc) parse(text []byte) (Fields, error) {
	d.text, d.nodes, d.err, d.bad = text, d.nodes[:0], nil, nil
	i := d.space(0)
	if i >= len(text) || text[i] != '{' {
		return Fields{}, Refuse(CodeSyntax, "the payload is not a JSON object")
	}
	d.nodes = append(d.nodes, node{})
	if i = d.value(i, 0, 0); i >= 0 {
		if i = d.space(i); i == len(text) {
			return Fields{d: d}, nil
		}
		d.fail(i, "more text behind the object")
	}
	return Fields{}, d.bad
}

// ParseObject reads one JSON object as strictly as Decode does, for the tests of
// the kinds and for whoever judges stored arguments.
func ParseObject(text []byte) (Fields, error) {
	d := &doc{}
	return d.parse(text)
}

func (d *doc) fail(at int, what string) int {
	return d.refuse(Refuse(CodeSyntax, "byte %d: %s", at, what))
}

func (d *doc) refuse(r *Refusal) int {
	if d.bad == nil {
		d.bad = r
	}
	return -1
}

func (d *doc) space(i int) int {
	for i < len(d.text) {
		switch d.text[i] {
		case ' ', '\n', '\r', '\t':
			i++
		default:
			return i
		}
	}
	return i
}

// value reads the value at i into node n and returns the place behind it, -1
// after a refusal.
func (d *doc) value(i int, n int32, depth int) int {
	if i >= len(d.text) {
		return d.fail(i, "the text ends early")
	}
	start, c := i, d.text[i]
	d.nodes[n].kind = c
	switch {
	case c == '{':
		i = d.object(i, n, depth+1)
	case c == '[':
		i = d.array(i, n, depth+1)
	case c == '"':
		i, _ = d.str(i)
	case c == '-' || c >= '0' && c <= '9':
		d.nodes[n].kind = '0'
		i = d.number(i)
	case c == 't':
		i = d.word(i, "true")
	case c == 'f':
		i = d.word(i, "false")
	case c == 'n':
		i = d.word(i, "null")
	case c == 'N' || c == 'I':
		return d.refuse(Refuse(CodeNumber, "byte %d: a number must be finite", i))
	default:
		return d.fail(i, "no JSON value begins like this")
	}
	d.nodes[n].v0, d.nodes[n].v1 = int32(start), int32(i) //nolint:gosec // texts are at most 64 KiB
	return i
}

func (d *doc) word(i int, w string) int {
	if strings.HasPrefix(string(d.text[i:min(len(d.text), i+len(w))]), w) {
		return i + len(w)
	}
	return d.fail(i, "no JSON value begins like this")
}

// child adds a node behind last among the children of up.
func (d *doc) child(up, last int32) (int32, bool) {
	if len(d.nodes) >= maxNodes {
		d.refuse(Refuse(CodeComplex, "more than %d values", maxNodes))
		return 0, false
	}
	n := int32(len(d.nodes)) //nolint:gosec // at most maxNodes
	d.nodes = append(d.nodes, node{parent: up})
	if last == 0 {
		d.nodes[up].first = n
	} else {
		d.nodes[last].next = n
	}
	return n, true
}

func (d *doc) object(i int, up int32, depth int) int {
	if depth > maxDepth {
		return d.refuse(Refuse(CodeComplex, "deeper than %d levels", maxDepth))
	}
	if i = d.space(i + 1); i < len(d.text) && d.text[i] == '}' {
		return i + 1
	}
	last := int32(0)
	for count := 1; ; count++ {
		if count > maxMembers {
			return d.refuse(Refuse(CodeComplex, "more than %d members in one object", maxMembers))
		}
		n, ok := d.child(up, last)
		if !ok {
			return -1
		}
		if i = d.member(i, up, n, depth); i < 0 {
			return -1
		}
		last = n
		if i >= len(d.text) {
			return d.fail(i, "the object does not end")
		}
		switch d.text[i] {
		case '}':
			return i + 1
		case ',':
			i = d.space(i + 1)
		default:
			return d.fail(i, "a comma or } is missing")
		}
	}
}

// member reads `"name": value` into node n and the space behind it.
func (d *doc) member(i int, up, n int32, depth int) int {
	k := i + 1
	end, odd := d.str(i)
	if end < 0 {
		return -1
	}
	m := &d.nodes[n]
	m.k0, m.k1, m.odd = int32(k), int32(end-1), odd //nolint:gosec // texts are at most 64 KiB
	for o := d.nodes[up].first; o != n; o = d.nodes[o].next {
		if d.sameName(&d.nodes[o], m) {
			return d.refuse(Refuse(CodeDuplicate, "%q stands twice", d.text[k:end-1]))
		}
	}
	if i = d.space(end); i >= len(d.text) || d.text[i] != ':' {
		return d.fail(i, "a colon is missing")
	}
	if i = d.value(d.space(i+1), n, depth); i < 0 {
		return -1
	}
	return d.space(i)
}

func (d *doc) array(i int, up int32, depth int) int {
	if depth > maxDepth {
		return d.refuse(Refuse(CodeComplex, "deeper than %d levels", maxDepth))
	}
	if i = d.space(i + 1); i < len(d.text) && d.text[i] == ']' {
		return i + 1
	}
	last := int32(0)
	for {
		n, ok := d.child(up, last)
		if !ok {
			return -1
		}
		last = n
		if i = d.value(i, n, depth); i < 0 {
			return -1
		}
		if i = d.space(i); i >= len(d.text) {
			return d.fail(i, "the array does not end")
		}
		switch d.text[i] {
		case ']':
			return i + 1
		case ',':
			i = d.space(i + 1)
		default:
			return d.fail(i, "a comma or ] is missing")
		}
	}
}

// sameName compares names as the most careless reader behind us would: without
// regard to case, as encoding/json fills structs.
func (d *doc) sameName(a, b *node) bool {
	x, y := d.text[a.k0:a.k1], d.text[b.k0:b.k1]
	if a.odd || b.odd {
		return strings.EqualFold(unquote(x), unquote(y))
	}
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if p, q := x[i], y[i]; p != q && (p|0x20 != q|0x20 || p|0x20 < 'a' || p|0x20 > 'z') {
			return false
		}
	}
	return true
}

// str passes over a string and tells whether it has escapes or is not ASCII.
func (d *doc) str(i int) (end int, odd bool) {
	b := d.text
	if i >= len(b) || b[i] != '"' {
		return d.fail(i, "a string is missing"), false
	}
	start, high := i+1, false
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			if high && !utf8.Valid(b[start:i]) {
				return d.fail(start, "the text is not UTF-8"), false
			}
			return i + 1, odd || high
		case c == '\\':
			odd = true
			if i = d.escape(i); i < 0 {
				return -1, false
			}
		case c < 0x20:
			return d.fail(i, "a control character in a string"), false
		case c >= utf8.RuneSelf:
			high = true
		}
	}
	return d.fail(i, "the string does not end"), false
}

// escape passes over an escape and returns the place of its last byte. A lone
// half of a surrogate pair is no character (RFC 8259 §8.2) and refused.
func (d *doc) escape(i int) int {
	b := d.text
	if i+1 >= len(b) {
		return d.fail(i, "the string does not end")
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
	default:
		return d.fail(i, "no such escape")
	}
	u := hex4(b, i+2)
	switch {
	case u < 0 || u >= 0xDC00 && u < 0xE000:
		return d.fail(i, "no such escape")
	case u >= 0xD800 && u < 0xDC00:
		if i+7 >= len(b) || b[i+6] != '\\' || b[i+7] != 'u' {
			return d.fail(i, "half a surrogate pair")
		}
		if low := hex4(b, i+8); low < 0xDC00 || low > 0xDFFF {
			return d.fail(i, "half a surrogate pair")
		}
		return i + 11
	}
	return i + 5
}

func hex4(b []byte, i int) int {
	if i+4 > len(b) {
		return -1
	}
	v := 0
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | int(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return v
}

// number passes over a number. Only one with an exponent, or of hundreds of
// digits, can leave the range of a float64.
func (d *doc) number(i int) int {
	b, start := d.text, i
	if b[i] == '-' {
		i++
	}
	whole := i
	if i = digits(b, i); i == whole || b[whole] == '0' && i > whole+1 {
		if i < len(b) && b[i] == 'I' {
			return d.refuse(Refuse(CodeNumber, "byte %d: a number must be finite", start))
		}
		return d.fail(start, "not a number")
	}
	if i < len(b) && b[i] == '.' {
		frac := i + 1
		if i = digits(b, frac); i == frac {
			return d.fail(start, "not a number")
		}
	}
	exp := false
	if i < len(b) && b[i]|0x20 == 'e' {
		exp = true
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		e := i
		if i = digits(b, e); i == e {
			return d.fail(start, "not a number")
		}
	}
	if exp || i-start > 300 {
		if _, err := strconv.ParseFloat(string(b[start:i]), 64); err != nil {
			return d.refuse(Refuse(CodeNumber, "byte %d: a number must be finite", start))
		}
	}
	return i
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
