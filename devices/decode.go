package devices

import (
	"time"

	"dongyue/internal/event"
)

// Bounds of what devices send.
const (
	// MaxPayload is the size that protocol.md allows.
	MaxPayload = 64 << 10
	// MaxAhead is how far a device's clock may be ahead: a day covers a wrong
	// time zone, and what is dated later would hide all that comes after it.
	MaxAhead = 24 * time.Hour
)

// Decode reads a message of a registered device and checks it against the
// schema of its kind. Unknown members are passed over, so that newer firmware
// speaks to older hubs; everything that is known must be right. The error is
// always a *Refusal. The payload is not kept.
func (r *Registry) Decode(topic string, payload []byte, receivedAt time.Time) (event.Event, error) {
	name, id, ch, ok := event.ParseTopic(topic)
	if !ok || !ch.Up() {
		return event.Event{}, Refuse(CodeTopic, "%.100q is not dy/v1/{kind}/{device}/ and a channel that goes up", topic)
	}
	rec := r.find(id)
	if rec == nil {
		return event.Event{}, Refuse(CodeDevice, "%s is not registered", id)
	}
	kind := r.kinds[name]
	if kind == nil || rec.kind != name {
		return event.Event{}, Refuse(CodeKind, "%s is registered as %s, not as %.40q", id, rec.kind, name)
	}
	if len(payload) > MaxPayload {
		return event.Event{}, Refuse(CodeTooLarge, "%d bytes; at most %d", len(payload), MaxPayload)
	}
	zone, via := rec.place()
	e := event.Event{
		Device: rec.id, Kind: rec.kind, Zone: zone, Via: via, Channel: ch, Type: string(ch),
		ReceivedAt: receivedAt.UTC().Truncate(time.Millisecond),
	}
	d := r.doc()
	defer r.docs.Put(d)
	root, err := d.parse(payload)
	if err == nil {
		err = read(kind, &e, root)
	}
	if err != nil {
		return event.Event{}, err
	}
	return e, nil
}

// read fills the event from the payload, each channel in its own form.
func read(kind Kind, e *event.Event, root Fields) error {
	switch e.Channel {
	case event.Presence:
		return readPresence(e, root)
	case event.State:
		return readState(kind, e, root)
	case event.Telemetry:
		return readTelemetry(kind, e, root)
	case event.Happening:
		return readEvent(kind, e, root)
	case event.Reply:
		return readReply(e, root)
	case event.Command, event.Config, event.Quarantine: // Decode let none of them in
	}
	return Refuse(CodeTopic, "nothing goes up on %s", e.Channel)
}

func readPresence(e *event.Event, root Fields) error {
	root.Bool("online")
	root.OptText("fw", 64)
	e.Boot = root.OptText("boot", 64)
	e.At = e.ReceivedAt // the Will was written before, so it has no time
	e.Data = root.raw()
	return root.Err()
}

func readState(kind Kind, e *event.Event, root Fields) error {
	if err := readTime(e, root); err != nil {
		return err
	}
	state := root.Object("state")
	if err := root.Err(); err != nil {
		return err
	}
	e.Data = state.raw()
	return kind.CheckState(state)
}

func readTelemetry(kind Kind, e *event.Event, root Fields) error {
	if err := readTime(e, root); err != nil {
		return err
	}
	e.Part = readPart(root)
	values := root.Object("values")
	if err := root.Err(); err != nil {
		return err
	}
	e.Data = values.raw()
	return kind.CheckTelemetry(e.Part, values)
}

func readEvent(kind Kind, e *event.Event, root Fields) error {
	e.ID = root.OptText("id", 128)
	if root.Err() != nil || !visible(e.ID) {
		return Refuse(CodeEventID, "id: 1–128 visible ASCII characters that no other event of the device has")
	}
	if err := readTime(e, root); err != nil {
		return err
	}
	e.Type = root.Text("type", 64)
	e.Part = readPart(root)
	e.Boot = root.OptText("boot", 64)
	e.BootSeq = root.Whole("seq")
	data := root.OptObject("data")
	if err := root.Err(); err != nil {
		return err
	}
	e.Data = data.raw()
	part, err := kind.CheckEvent(e.Type, e.Part, data)
	e.Part = part
	return err
}

func readReply(e *event.Event, root Fields) error {
	e.ID = root.OptText("id", 128)
	if root.Err() != nil || !visible(e.ID) {
		return Refuse(CodeEventID, "id: the id of the command is wanted")
	}
	if err := readTime(e, root); err != nil {
		return err
	}
	root.Enum("status", string(Accepted), string(Done), string(Failed), string(Expired))
	root.OptText("error", 1024)
	root.OptObject("data")
	e.Data = root.raw()
	return root.Err()
}

// readTime reads `at` (RFC 3339, or Unix milliseconds from those that know no
// calendar; a device without a clock sends an old one and is late, never refused)
// and decides whether the event is late.
func readTime(e *event.Event, root Fields) error {
	t, ok := timeOf(root)
	if !ok {
		return Refuse(CodeTime, "at: a time such as 2026-11-23T08:15:30.250Z, or Unix milliseconds, is wanted")
	}
	if t.Sub(e.ReceivedAt) > MaxAhead {
		return Refuse(CodeFuture, "at: %s is more than %s ahead of the hub", t.Format(time.RFC3339), MaxAhead)
	}
	e.At = t.UTC().Truncate(time.Millisecond)
	e.Late = e.ReceivedAt.Sub(e.At) > event.LateAfter
	return nil
}

// Bounds of a time in Unix milliseconds: below 2001 it is seconds that somebody
// forgot to multiply, beyond the year 9999 it can't be written.
const (
	minUnix = 1_000_000_000_000
	maxUnix = 253_402_300_799_999
)

func timeOf(root Fields) (t time.Time, ok bool) {
	if root.IsNumber("at") {
		x, _ := root.OptNumber("at", minUnix, maxUnix)
		return time.UnixMilli(int64(x)).UTC(), root.Err() == nil
	}
	s := root.OptText("at", 40)
	return t, root.Err() == nil && t.UnmarshalText([]byte(s)) == nil
}

func readPart(root Fields) string {
	part := root.OptText("part", 32)
	if part != "" && !ValidPart(part) {
		root.Refuse(CodeValue, "part", "letters, digits, . _ - are wanted")
	}
	return part
}

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 128
}
