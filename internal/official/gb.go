package official

import (
	"time"

	"dongyue/internal/cap"
)

// GB is a message in the fields that Chinese warning systems speak of, shaped after
// GB/T 35965.1-2018: event classes and four colours.
type GB struct {
	Identifier  string `json:"identifier"`
	Sender      string `json:"sender"`
	SenderName  string `json:"senderName"`
	SendTime    string `json:"sendTime" doc:"local time of the sender"`
	Status      string `json:"status"`
	MsgType     string `json:"msgType"`
	Scope       string `json:"scope"`
	EventClass  string `json:"eventClass" enum:"11,12,13,14" doc:"11 natural disaster, 12 accident, 13 public health, 14 social security"`
	EventType   string `json:"eventType" doc:"code of the event, where the message has one; its name otherwise"`
	Severity    string `json:"severity" enum:"RED,ORANGE,YELLOW,BLUE,UNKNOWN"`
	Headline    string `json:"headline"`
	Description string `json:"description"`
	Instruction string `json:"instruction"`
	Effective   string `json:"effective"`
	Expires     string `json:"expires"`
	AreaDesc    string `json:"areaDesc"`
}

func gb(m *cap.Message) *GB {
	g := &GB{Identifier: m.Identifier, Sender: m.Sender, SendTime: local(&m.Sent), Status: m.Status, MsgType: m.MsgType, Scope: m.Scope, Severity: unknown, EventClass: "14"}
	x := m.Chinese()
	if x == nil {
		return g
	}
	g.SenderName, g.Headline, g.Description, g.Instruction = x.SenderName, x.Headline, x.Description, x.Instruction
	g.Effective, g.Expires, g.EventType = local(x.Effective), local(x.Expires), x.Event
	if len(x.EventCodes) > 0 {
		g.EventType = x.EventCodes[0].Value
	}
	for _, a := range x.Areas {
		if g.AreaDesc != "" {
			g.AreaDesc += "、"
		}
		g.AreaDesc += a.Desc
	}
	g.Severity = severity(x)
	switch x.Categories[0] {
	case "Geo", "Met", "Env":
		g.EventClass = "11"
	case "Fire", "Transport", "Infra", "Safety", "Rescue", "CBRNE":
		g.EventClass = "12"
	case "Health":
		g.EventClass = "13"
	}
	return g
}

const unknown = "UNKNOWN"

// severity is the colour of an info.
func severity(x *cap.Info) string {
	switch x.Severity {
	case "Extreme":
		return "RED"
	case "Severe":
		return "ORANGE"
	case "Moderate":
		return "YELLOW"
	case "Minor":
		return "BLUE"
	}
	return unknown
}

func local(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.DateTime)
}
