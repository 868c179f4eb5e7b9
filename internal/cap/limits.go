package cap

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Limits of a message. Real ones have some kilobytes.
const (
	MaxBytes    = 1 << 20
	maxDepth    = 12
	maxElements = 5000
	maxText     = 64 << 10
	maxInfos    = 16
	maxPoints   = 2000
)

// FormError says where a message is not CAP.
type FormError struct {
	Path string // alert/info[1]/severity
	What string
}

func (e *FormError) Error() string {
	if e.Path == "" {
		return e.What
	}
	return e.Path + ": " + e.What
}

func bad(path, what string, args ...any) error {
	return &FormError{path, fmt.Sprintf(what, args...)}
}

// ErrTooLarge is for what is not even looked at.
var ErrTooLarge = errors.New("the message is larger than 1 MiB")

// scan refuses what a message must not contain, before anything is built from it.
func scan(b []byte) error {
	if len(b) > MaxBytes {
		return ErrTooLarge
	}
	if !utf8.Valid(b) {
		return bad("", "is not UTF-8")
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Entity = map[string]string{} // the five of XML and none else
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "us-ascii") {
			return in, nil
		}
		return nil, fmt.Errorf("encoding %.20q; write UTF-8", charset)
	}
	depth, elements, roots := 0, 0, 0
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return bad("", "is not XML: %v", err)
		}
		switch t := t.(type) {
		case xml.Directive:
			return bad("", "has a DTD or another directive, which no message needs")
		case xml.ProcInst:
			if t.Target != "xml" || elements > 0 {
				return bad("", "has a processing instruction")
			}
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			if depth++; depth > maxDepth {
				return bad("", "is nested too deeply")
			}
			if elements++; elements > maxElements {
				return bad("", "has more than %d elements", maxElements)
			}
			if len(t.Attr) > 8 {
				return bad(t.Name.Local, "has too many attributes")
			}
			if t.Name.Space != Namespace && t.Name.Space != signature {
				return bad(t.Name.Local, "belongs to %.80q, which is not CAP 1.2", t.Name.Space)
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if len(t) > maxText {
				return bad("", "has a text longer than 64 KiB")
			}
			if depth == 0 && len(bytes.TrimSpace(t)) > 0 {
				return bad("", "has text outside of the alert")
			}
		case xml.Comment:
		}
	}
	if roots != 1 {
		return bad("", "has %d roots", roots)
	}
	return nil
}
