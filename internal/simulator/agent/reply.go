package agent

import "time"

// memory is how many commands a device remembers, to answer a repeated one with
// what it answered before instead of doing it twice.
const memory = 256

// take judges a command and carries it out.
func (d *Device) take(payload []byte, retained bool, now time.Time) {
	c, err := decodeCommand(payload)
	if c.ID == "" {
		d.log.Warn("command without an id", "err", err)
		return
	}
	if before, again := d.replies[c.ID]; again {
		d.send(before)
		return
	}
	switch {
	case err != nil:
		d.fail(c.ID, err.Error())
		return
	case retained:
		// Commands are never retained: this one is from an unknown past.
		d.fail(c.ID, "command was retained")
		return
	case now.After(c.ExpiresAt):
		d.answer(c.ID, expired, "", nil)
		return
	}
	act, err := d.b.command(c)
	if err != nil {
		d.fail(c.ID, err.Error())
		return
	}
	d.answer(c.ID, accepted, "", nil)
	act()
}

func (d *Device) finish(id string, data any) { d.answer(id, done, "", data) }
func (d *Device) fail(id, why string)        { d.answer(id, failed, why, nil) }

// answer sends a reply and remembers it.
func (d *Device) answer(id, status, why string, data any) {
	if data == nil {
		data = none{}
	}
	r := replyMsg{ID: id, Status: status, At: stamp(time.Now()), Error: why, Data: data}
	if _, known := d.replies[id]; !known {
		if len(d.replied) == memory {
			delete(d.replies, d.replied[0])
			d.replied = d.replied[1:]
		}
		d.replied = append(d.replied, id)
	}
	d.replies[id] = r
	d.send(r)
}

func (d *Device) send(r replyMsg) {
	d.link.box.add(message{topic: d.link.topics.reply, payload: d.encode(r)})
}
