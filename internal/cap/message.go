package cap

import (
	"strings"
	"time"
)

// Namespaces.
const (
	Namespace = "urn:oasis:names:tc:emergency:cap:1.2"
	signature = "http://www.w3.org/2000/09/xmldsig#"
)

// Words of CAP that decide something.
const (
	StatusActual   = "Actual"
	StatusExercise = "Exercise"

	Alert  = "Alert"
	Update = "Update"
	Cancel = "Cancel"
	Ack    = "Ack"
	Error  = "Error"
)

// Message is an alert with all that is in it (CAP 1.2, 3.2).
type Message struct {
	Identifier string      `json:"identifier"`
	Sender     string      `json:"sender"`
	Sent       time.Time   `json:"sent"`
	Status     string      `json:"status"`
	MsgType    string      `json:"msg_type"`
	Source     string      `json:"source,omitempty"`
	Scope      string      `json:"scope"`
	Addresses  string      `json:"addresses,omitempty"`
	Codes      []string    `json:"codes,omitempty"`
	Note       string      `json:"note,omitempty"`
	References []Reference `json:"references,omitempty"`
	Incidents  string      `json:"incidents,omitempty"`
	Infos      []Info      `json:"infos"`
}

// Reference names an earlier message.
type Reference struct {
	Sender     string    `json:"sender"`
	Identifier string    `json:"identifier"`
	Sent       time.Time `json:"sent"`
}

// Of is the reference to a message.
func Of(m *Message) Reference { return Reference{m.Sender, m.Identifier, m.Sent} }

// Info is what is said, in one language.
type Info struct {
	Language      string     `json:"language"`
	Categories    []string   `json:"categories"`
	Event         string     `json:"event"`
	ResponseTypes []string   `json:"response_types,omitempty"`
	Urgency       string     `json:"urgency"`
	Severity      string     `json:"severity"`
	Certainty     string     `json:"certainty"`
	EventCodes    []Value    `json:"event_codes,omitempty"`
	Effective     *time.Time `json:"effective,omitempty"`
	Onset         *time.Time `json:"onset,omitempty"`
	Expires       *time.Time `json:"expires,omitempty"`
	SenderName    string     `json:"sender_name,omitempty"`
	Headline      string     `json:"headline,omitempty"`
	Description   string     `json:"description,omitempty"`
	Instruction   string     `json:"instruction,omitempty"`
	Web           string     `json:"web,omitempty"`
	Contact       string     `json:"contact,omitempty"`
	Parameters    []Value    `json:"parameters,omitempty"`
	Areas         []Area     `json:"areas,omitempty"`
}

// Value is a named value.
type Value struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Area is where.
type Area struct {
	Desc     string    `json:"desc"`
	Polygons []Polygon `json:"polygons,omitempty"`
	Circles  []Circle  `json:"circles,omitempty"`
	Geocodes []Value   `json:"geocodes,omitempty"`
}

// Point is a place, in degrees (WGS 84).
type Point struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Polygon is closed: the last point is the first one.
type Polygon []Point

// Circle has its radius in kilometres.
type Circle struct {
	Point
	RadiusKM float64 `json:"radius_km"`
}

// Chinese is the info in Chinese, or the first one; nil for none.
func (m *Message) Chinese() *Info {
	for i := range m.Infos {
		if strings.HasPrefix(strings.ToLower(m.Infos[i].Language), "zh") {
			return &m.Infos[i]
		}
	}
	if len(m.Infos) == 0 {
		return nil
	}
	return &m.Infos[0]
}

// Grave reports whether it is the kind of message that is put before all but fire: extreme
// or severe, and to be acted on.
func (m *Message) Grave() bool {
	for i := range m.Infos {
		x := &m.Infos[i]
		if (x.Severity == "Extreme" || x.Severity == "Severe") && (x.Urgency == "Immediate" || x.Urgency == "Expected") {
			return true
		}
	}
	return false
}

// Expired reports whether all that it says is over.
func (m *Message) Expired(now time.Time) bool {
	for i := range m.Infos {
		if x := m.Infos[i].Expires; x == nil || x.After(now) {
			return false
		}
	}
	return len(m.Infos) > 0
}
