package cap

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Parse reads a message without asking who signed it. Whoever acts on a message uses
// Keys.Open instead.
func Parse(b []byte) (*Message, error) {
	if err := scan(b); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(b); err != nil {
		return nil, bad("", "is not XML: %v", err)
	}
	return fromTree(doc.Root())
}

// reader walks over the children of an element, which come in the order of the schema.
type reader struct {
	path string
	rest []*etree.Element
	err  error
}

func (r *reader) fail(path, what string, args ...any) {
	if r.err == nil {
		r.err = bad(path, what, args...)
	}
}

func childrenOf(path string, e *etree.Element) *reader {
	r := &reader{path: path}
	for _, c := range e.Child {
		switch c := c.(type) {
		case *etree.Element:
			r.rest = append(r.rest, c)
		case *etree.CharData:
			if strings.TrimSpace(c.Data) != "" {
				r.fail(path, "has text between its elements")
			}
		}
	}
	return r
}

// element takes the next child if it has this name.
func (r *reader) element(name string) *etree.Element {
	if len(r.rest) == 0 || r.rest[0].Tag != name || r.rest[0].NamespaceURI() != Namespace {
		return nil
	}
	e := r.rest[0]
	r.rest = r.rest[1:]
	return e
}

// text takes the next child if it has this name; ok is false where it is not there.
func (r *reader) text(name string) (s string, ok bool) {
	e := r.element(name)
	if e == nil {
		return "", false
	}
	for _, c := range e.Child {
		if d, isText := c.(*etree.CharData); isText {
			s += d.Data
		} else if _, is := c.(*etree.Element); is {
			r.fail(r.path+"/"+name, "has elements in it, not text")
		}
	}
	return strings.TrimSpace(s), true
}

func (r *reader) must(name string) string {
	s, ok := r.text(name)
	if !ok || s == "" {
		where := "its end"
		if len(r.rest) > 0 {
			where = r.rest[0].Tag
		}
		r.fail(r.path+"/"+name, "is missing, empty, or not before %s", where)
	}
	return s
}

func (r *reader) optional(name string) string {
	s, _ := r.text(name)
	return s
}

func (r *reader) word(name string, words ...string) string {
	s := r.must(name)
	if s != "" && !slices.Contains(words, s) {
		r.fail(r.path+"/"+name, "%.40q is not one of %s", s, strings.Join(words, ", "))
	}
	return s
}

// words takes all children of this name that follow.
func (r *reader) words(name string, known ...string) (all []string) {
	for {
		s, ok := r.text(name)
		if !ok {
			return all
		}
		if len(known) > 0 && !slices.Contains(known, s) {
			r.fail(r.path+"/"+name, "%.40q is not one of %s", s, strings.Join(known, ", "))
		}
		all = append(all, s)
	}
}

func (r *reader) time(name string) *time.Time {
	s, ok := r.text(name)
	if !ok {
		return nil
	}
	t, err := parseTime(s)
	if err != nil {
		r.fail(r.path+"/"+name, "%v", err)
	}
	return &t
}

// parseTime reads a time as CAP has it: with seconds, an offset, and never Z (3.3.2).
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse("2006-01-02T15:04:05-07:00", s)
	if err != nil {
		return t, fmt.Errorf("%.40q is no time; write 2026-07-01T08:00:00+08:00", s)
	}
	return t, nil
}

func (r *reader) values(name string) (all []Value) {
	for {
		e := r.element(name)
		if e == nil {
			return all
		}
		c := childrenOf(r.path+"/"+name, e)
		all = append(all, Value{c.must("valueName"), c.optional("value")})
		r.end(c)
	}
}

// end refuses what is left of a child.
func (r *reader) end(c *reader) {
	if c.err == nil && len(c.rest) > 0 {
		c.fail(c.path, "has %s where it does not belong", c.rest[0].Tag)
	}
	if r.err == nil {
		r.err = c.err
	}
}

func fromTree(root *etree.Element) (*Message, error) {
	if root == nil || root.Tag != "alert" || root.NamespaceURI() != Namespace {
		return nil, bad("", "is no alert of CAP 1.2")
	}
	r := childrenOf("alert", root)
	m := &Message{Identifier: name(r, "identifier"), Sender: name(r, "sender")}
	if t := r.time("sent"); t != nil {
		m.Sent = *t
	} else {
		r.fail("alert/sent", "is missing")
	}
	m.Status = r.word("status", "Actual", "Exercise", "System", "Test", "Draft")
	m.MsgType = r.word("msgType", Alert, Update, Cancel, Ack, Error)
	m.Source = r.optional("source")
	m.Scope = r.word("scope", "Public", "Restricted", "Private")
	r.optional("restriction")
	m.Addresses = r.optional("addresses")
	m.Codes = r.words("code")
	m.Note = r.optional("note")
	m.References = references(r)
	m.Incidents = r.optional("incidents")
	for e := r.element("info"); e != nil && r.err == nil; e = r.element("info") {
		if len(m.Infos) == maxInfos {
			return nil, bad("alert/info", "there are more than %d", maxInfos)
		}
		m.Infos = append(m.Infos, info(r, fmt.Sprintf("alert/info[%d]", len(m.Infos)+1), e))
	}
	r.rest = slices.DeleteFunc(r.rest, func(e *etree.Element) bool { return e.NamespaceURI() == signature && e.Tag == "Signature" })
	r.end(r)
	if r.err != nil {
		return nil, r.err
	}
	return m, m.whole()
}

// name is an identifier or sender: without what separates references (3.2.1).
func name(r *reader, what string) string {
	s := r.must(what)
	if len(s) > 200 || strings.ContainsAny(s, " ,<&\t\n") {
		r.fail(r.path+"/"+what, "has spaces, commas, < or &, or is longer than 200 bytes")
	}
	return s
}

func references(r *reader) (all []Reference) {
	s := r.optional("references")
	for f := range strings.FieldsSeq(s) {
		parts := strings.Split(f, ",")
		if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
			r.fail("alert/references", "%.80q is not sender,identifier,sent", f)
			return nil
		}
		t, err := parseTime(parts[2])
		if err != nil {
			r.fail("alert/references", "%v", err)
			return nil
		}
		if all = append(all, Reference{parts[0], parts[1], t}); len(all) > 100 {
			r.fail("alert/references", "are more than 100")
			return nil
		}
	}
	return all
}

// whole checks what elements say together.
func (m *Message) whole() error {
	switch m.MsgType {
	case Update, Cancel, Ack, Error:
		if len(m.References) == 0 {
			return bad("alert/references", "is missing: %s refers to an earlier message", m.MsgType)
		}
	}
	if (m.MsgType == Alert || m.MsgType == Update) && len(m.Infos) == 0 {
		return bad("alert/info", "is missing: %s says something", m.MsgType)
	}
	return nil
}
