package cap

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"
)

func unbase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return nil
	}
	return b
}

// stamp writes a time as CAP has it: an offset, never Z, and -00:00 for UTC (3.3.2).
func stamp(t time.Time) string {
	s := t.Format("2006-01-02T15:04:05-07:00")
	if at, utc := strings.CutSuffix(s, "+00:00"); utc {
		return at + "-00:00"
	}
	return s
}

// String is a reference as `references` has it.
func (r Reference) String() string { return r.Sender + "," + r.Identifier + "," + stamp(r.Sent) }

// XML writes a message, unsigned.
func (m *Message) XML() []byte {
	doc := etree.NewDocument()
	a := doc.CreateElement("alert")
	a.CreateAttr("xmlns", Namespace)
	put := func(e *etree.Element, name, text string) {
		if text != "" {
			e.CreateElement(name).SetText(text)
		}
	}
	put(a, "identifier", m.Identifier)
	put(a, "sender", m.Sender)
	put(a, "sent", stamp(m.Sent))
	put(a, "status", m.Status)
	put(a, "msgType", m.MsgType)
	put(a, "source", m.Source)
	put(a, "scope", m.Scope)
	put(a, "addresses", m.Addresses)
	for _, c := range m.Codes {
		put(a, "code", c)
	}
	put(a, "note", m.Note)
	var refs []string
	for _, r := range m.References {
		refs = append(refs, r.String())
	}
	put(a, "references", strings.Join(refs, " "))
	put(a, "incidents", m.Incidents)
	for i := range m.Infos {
		m.Infos[i].write(a.CreateElement("info"), put)
	}
	b, _ := doc.WriteToBytes() // into memory
	return b
}

func (x *Info) write(e *etree.Element, put func(*etree.Element, string, string)) {
	put(e, "language", x.Language)
	for _, c := range x.Categories {
		put(e, "category", c)
	}
	put(e, "event", x.Event)
	for _, r := range x.ResponseTypes {
		put(e, "responseType", r)
	}
	put(e, "urgency", x.Urgency)
	put(e, "severity", x.Severity)
	put(e, "certainty", x.Certainty)
	values(e, "eventCode", x.EventCodes, put)
	if x.Effective != nil {
		put(e, "effective", stamp(*x.Effective))
	}
	if x.Onset != nil {
		put(e, "onset", stamp(*x.Onset))
	}
	if x.Expires != nil {
		put(e, "expires", stamp(*x.Expires))
	}
	put(e, "senderName", x.SenderName)
	put(e, "headline", x.Headline)
	put(e, "description", x.Description)
	put(e, "instruction", x.Instruction)
	put(e, "web", x.Web)
	put(e, "contact", x.Contact)
	values(e, "parameter", x.Parameters, put)
	for i := range x.Areas {
		a := &x.Areas[i]
		c := e.CreateElement("area")
		put(c, "areaDesc", a.Desc)
		for _, p := range a.Polygons {
			var points []string
			for _, q := range p {
				points = append(points, fmt.Sprintf("%.6f,%.6f", q.Lat, q.Lon))
			}
			put(c, "polygon", strings.Join(points, " "))
		}
		for _, q := range a.Circles {
			put(c, "circle", fmt.Sprintf("%.6f,%.6f %.3f", q.Lat, q.Lon, q.RadiusKM))
		}
		values(c, "geocode", a.Geocodes, put)
	}
}

func values(e *etree.Element, name string, vs []Value, put func(*etree.Element, string, string)) {
	for _, v := range vs {
		c := e.CreateElement(name)
		put(c, "valueName", v.Name)
		put(c, "value", v.Value)
	}
}
