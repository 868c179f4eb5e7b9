package devices

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"dongyue/internal/event"
)

// keptPayload is how much of an unreadable payload is kept: enough to see what
// is wrong with it, too little to fill the disk.
const keptPayload = 1024

// Quarantined makes the record of a message that Decode refused: Type is the
// refusal's code, Data what arrived and why it was not taken.
func (r *Registry) Quarantined(topic string, payload []byte, err error, receivedAt time.Time) event.Event {
	at := receivedAt.UTC().Truncate(time.Millisecond)
	e := event.Event{Channel: event.Quarantine, Type: codeOf(err), At: at, ReceivedAt: at}
	if _, id, _, ok := event.ParseTopic(topic); ok {
		e.Device = id
		if rec := r.find(id); rec != nil {
			e.Kind = rec.kind
			e.Zone, e.Via = rec.place()
		}
	}
	what := struct {
		Topic  string `json:"topic"`
		Detail string `json:"detail"`
		Size   int    `json:"size"`
		Text   string `json:"text,omitempty"`   // the beginning, where it is UTF-8
		Base64 string `json:"base64,omitempty"` // or as bytes
	}{Topic: string(head([]byte(topic), 256)), Size: len(payload)}
	var ref *Refusal
	switch {
	case errors.As(err, &ref):
		what.Detail = ref.Detail
	case err != nil:
		what.Detail = err.Error()
	}
	if kept := head(payload, keptPayload); utf8.Valid(kept) {
		what.Text = string(kept)
	} else {
		what.Base64 = base64.StdEncoding.EncodeToString(kept)
	}
	data, err := json.Marshal(what)
	if err != nil { // strings and a number always encode
		data = []byte(`{}`)
	}
	e.Data = data
	return e
}

// head is the first n bytes or, where that would cut a character, up to three
// less.
func head(p []byte, n int) []byte {
	if len(p) <= n {
		return p
	}
	p = p[:n]
	for i := 1; i < utf8.UTFMax && !utf8.Valid(p); i++ {
		p = p[:len(p)-1]
	}
	return p
}
