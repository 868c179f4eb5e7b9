package rules

import (
	"strconv"
	"unicode/utf8"
)

// shape is what a place in the data holds.
type shape uint8

const (
	shapeNothing shape = iota
	shapeNull
	shapeFlag
	shapeNumber
	shapeText
	shapeList
	shapeObject
)

// slot is what an event holds at a path. Text is part of the event's data, or
// of the view's room where it had escapes.
type slot struct {
	turn  uint32 // of the view that filled it
	shape shape
	on    bool
	num   float64
	text  []byte
}

// deepest is where encoding/json gives up, and so does this reader.
const deepest = 10_000

// scan takes the data apart as encoding/json does: RFC 8259, the last of equal
// names counts, what is not UTF-8 becomes U+FFFD. Data that it can't read holds
// nothing. It keeps what the paths ask for, and allocates only for escapes.
func (v *view) scan() {
	v.scanned = true
	b := v.ev.Data
	i := v.value(skip(b, 0), dataItself, 0)
	if i < 0 || skip(b, i) != len(b) || v.slots[dataItself].shape != shapeObject {
		for _, p := range v.found {
			v.slots[p].turn = 0
		}
		v.slots[dataItself].turn = 0
		v.found = v.found[:0]
	}
}

// at is what the event holds at a path.
func (v *view) at(p path) *slot {
	if !v.scanned {
		v.scan()
	}
	if s := &v.slots[p]; s.turn == v.turn {
		return s
	}
	return &v.none
}

// keep puts a value into the slot of its path.
func (v *view) keep(p path, s slot) {
	s.turn = v.turn
	if old := &v.slots[p]; old.turn != v.turn {
		v.found = append(v.found, p)
	} else if old.shape == shapeObject {
		v.drop(p) // an equal name before this one
	}
	v.slots[p] = s
}

// drop forgets what lay within an object.
func (v *view) drop(p path) {
	for _, m := range v.paths.nodes[p].members {
		v.slots[m].turn = 0
		v.drop(m)
	}
}

// unwanted is the path of values that nobody asks for.
const unwanted path = -1

func skip(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// value reads the value at i and returns the place behind it, -1 where there is
// none.
func (v *view) value(i int, p path, depth int) int {
	b := v.ev.Data
	if i >= len(b) {
		return -1
	}
	s := slot{}
	switch c := b[i]; {
	case c == '{':
		if p >= 0 { // first, so that its members are behind it
			v.keep(p, slot{shape: shapeObject})
		}
		return v.object(i, p, depth+1)
	case c == '[':
		s.shape = shapeList
		i = v.array(i, depth+1)
	case c == '"':
		start := i + 1
		end, plain := passText(b, i)
		if i = end; i >= 0 && p >= 0 {
			s.shape, s.text = shapeText, b[start:end-1]
			if !plain {
				s.text = v.unquote(s.text)
			}
		}
	case c == '-' || c >= '0' && c <= '9':
		s.shape = shapeNumber
		s.num, i = readNumber(b, i)
	case c == 't':
		s.shape, s.on, i = shapeFlag, true, passWord(b, i, "true")
	case c == 'f':
		s.shape, i = shapeFlag, passWord(b, i, "false")
	case c == 'n':
		s.shape, i = shapeNull, passWord(b, i, "null")
	default:
		return -1
	}
	if i >= 0 && p >= 0 {
		v.keep(p, s)
	}
	return i
}

func passWord(b []byte, i int, w string) int {
	if len(b)-i >= len(w) && string(b[i:i+len(w)]) == w {
		return i + len(w)
	}
	return -1
}

func (v *view) object(i int, p path, depth int) int {
	b := v.ev.Data
	if depth > deepest {
		return -1
	}
	if i = skip(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		start := i + 1
		end, plain := passText(b, i)
		if end < 0 {
			return -1
		}
		m := unwanted
		if p >= 0 {
			m = v.member(p, b[start:end-1], plain)
		}
		if i = skip(b, end); i >= len(b) || b[i] != ':' {
			return -1
		}
		if i = v.value(skip(b, i+1), m, depth); i < 0 {
			return -1
		}
		if i = skip(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
			i = skip(b, i+1)
		default:
			return -1
		}
	}
}

// member is the path of a name as it stands in the text.
func (v *view) member(p path, name []byte, plain bool) path {
	members := v.paths.nodes[p].members
	if len(members) == 0 {
		return unwanted
	}
	if !plain {
		name = v.unquote(name)
	}
	if m, ok := members[string(name)]; ok {
		return m
	}
	return unwanted
}

func (v *view) array(i, depth int) int {
	b := v.ev.Data
	if depth > deepest {
		return -1
	}
	if i = skip(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = v.value(i, unwanted, depth); i < 0 {
			return -1
		}
		if i = skip(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ']':
			return i + 1
		case ',':
			i = skip(b, i+1)
		default:
			return -1
		}
	}
}

// passText passes over the string at i. It is plain where its bytes are its
// text: no escapes, nothing that is not UTF-8.
func passText(b []byte, i int) (end int, plain bool) {
	if i >= len(b) || b[i] != '"' {
		return -1, false
	}
	start, high := i+1, false
	plain = true
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, plain && (!high || utf8.Valid(b[start:i]))
		case c == '\\':
			plain = false
			if i = passEscape(b, i); i < 0 {
				return -1, false
			}
		case c < 0x20:
			return -1, false
		case c >= utf8.RuneSelf:
			high = true
		}
	}
	return -1, false
}

// passEscape returns the place of an escape's last byte.
func passEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if hex4(b, i+2) >= 0 {
			return i + 5
		}
	}
	return -1
}

func hex4(b []byte, i int) rune {
	if i+4 > len(b) {
		return -1
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return r
}

// readNumber reads the number at i; one that no float64 holds is none.
func readNumber(b []byte, i int) (float64, int) {
	start := i
	if b[i] == '-' {
		i++
	}
	whole := i
	var mantissa uint64
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		mantissa = mantissa*10 + uint64(b[i]-'0')
	}
	digits := i - whole
	if digits == 0 || b[whole] == '0' && digits > 1 {
		return 0, -1
	}
	fraction := 0
	if i < len(b) && b[i] == '.' {
		point := i + 1
		for i++; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
			mantissa = mantissa*10 + uint64(b[i]-'0')
		}
		if fraction = i - point; fraction == 0 {
			return 0, -1
		}
	}
	exponent := i < len(b) && b[i]|0x20 == 'e'
	if exponent {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		e := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		if i == e {
			return 0, -1
		}
	}
	if exponent || digits+fraction > 15 { // beyond what two exact floats make
		x, err := strconv.ParseFloat(string(b[start:i]), 64)
		if err != nil {
			return 0, -1
		}
		return x, i
	}
	x := float64(mantissa)
	if fraction > 0 {
		x /= pow10(fraction)
	}
	if b[start] == '-' {
		x = -x
	}
	return x, i
}

// pow10 is exact up to 22.
func pow10(n int) float64 {
	x := 1.0
	for range n {
		x *= 10
	}
	return x
}
