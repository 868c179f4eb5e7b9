package rules

import (
	"unicode/utf16"
	"unicode/utf8"
)

// unquote returns the text of a string's inside, which has been passed over and
// so is well-formed. It lies in the view's room until the next event.
func (v *view) unquote(s []byte) []byte {
	start := len(v.room)
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			r, size := utf8.DecodeRune(s[i:]) // U+FFFD for what is no UTF-8
			v.room = utf8.AppendRune(v.room, r)
			i += size
			continue
		}
		if s[i+1] != 'u' {
			v.room = append(v.room, escaped(s[i+1]))
			i += 2
			continue
		}
		r := hex4(s, i+2)
		i += 6
		if utf16.IsSurrogate(r) {
			low := rune(-1)
			if i+1 < len(s) && s[i] == '\\' && s[i+1] == 'u' {
				low = hex4(s, i+2)
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				i += 6
			}
		}
		v.room = utf8.AppendRune(v.room, r)
	}
	return v.room[start:len(v.room):len(v.room)]
}

func escaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // " \ /
}
