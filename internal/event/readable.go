package event

import (
	"encoding/json"
	"regexp"
)

// Readable is the data as people and programs may read it. Of a badge it has the kind of
// what was shown and, of a card, the last characters: the whole value opens doors, and is
// for the room that decides.
func (e *Event) Readable() json.RawMessage {
	switch {
	case e.Kind != Door:
		return e.Data
	case e.Channel == Quarantine:
		return unreadable(e.Data)
	case e.Channel != Happening || e.Type != "badge":
		return e.Data
	}
	var data map[string]json.RawMessage
	if json.Unmarshal(e.Data, &data) != nil {
		return json.RawMessage(`{}`)
	}
	if data["credential"] == nil {
		return e.Data
	}
	var shown map[string]json.RawMessage
	if json.Unmarshal(data["credential"], &shown) != nil || shown == nil {
		delete(data, "credential") // whatever it is
		return object(data)
	}
	var typ, value string
	_ = json.Unmarshal(shown["type"], &typ) // what is no text is hidden all the same
	_ = json.Unmarshal(shown["value"], &value)
	if typ == "plate" { // everybody reads it
		return e.Data
	}
	shown["value"] = text("…" + ending(typ, value))
	data["credential"] = object(shown)
	return object(data)
}

// unreadable is what a door said that could not be read, without the values in it.
func unreadable(data json.RawMessage) json.RawMessage {
	var what map[string]json.RawMessage
	var said string
	if json.Unmarshal(data, &what) != nil || json.Unmarshal(what["text"], &said) != nil {
		return data
	}
	what["text"] = text(regexp.MustCompile(`"value"\s*:\s*("[^"]*"?|[^\s,}]+)`).ReplaceAllString(said, `"value":"…"`))
	return object(what)
}

// ending is what tells one card from another; of a short number it would be most of it.
func ending(typ, value string) string {
	rs := []rune(value)
	if typ != "card" || len(rs) < 8 {
		return ""
	}
	return string(rs[len(rs)-4:])
}

func object(m map[string]json.RawMessage) json.RawMessage {
	b, err := json.Marshal(m)
	if err != nil { // members that were read can be written
		return json.RawMessage(`{}`)
	}
	return b
}

func text(s string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil { // a text always encodes
		return json.RawMessage(`""`)
	}
	return b
}
