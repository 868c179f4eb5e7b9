package agent

import "time"

// Times are the durations of the simulated world. A zero field takes its value
// from DefaultTimes; tests make a faster world.
type Times struct {
	Answer   time.Duration // a door waits for unlock or deny before it decides alone (protocol.md: 800 ms)
	Enter    time.Duration // from the relay to the pulled door
	Pass     time.Duration // a door stands open while somebody walks through
	Debounce time.Duration // between a contact that opens without a grant and forced_open
	Held     time.Duration // a door open this long is held open
	Warn     time.Duration // before that it beeps
	Port     time.Duration // between reports of a charging port; the protocol wants at most 10 s
	Hot      time.Duration // between reports of a port in thermal runaway
	Key      time.Duration // after an on-site reset the crew's key restores the port, if the hub has not
	Alone    time.Duration // without a hub after which a cabinet ends what charges
	Lamp     time.Duration // between reports of a lamp
	Slow     time.Duration // between reports of sensors and speakers
	Speak    time.Duration // of one character of a text
	Badge    time.Duration // mean time between residents at doors
}

// DefaultTimes are those of the demonstration. Speak follows from the 240 to 260
// characters that a Chinese announcer speaks per minute.
func DefaultTimes() Times {
	return Times{
		Answer: 800 * time.Millisecond, Enter: 900 * time.Millisecond, Pass: 4 * time.Second,
		Debounce: 250 * time.Millisecond, Held: 30 * time.Second, Warn: 10 * time.Second,
		Port: 9500 * time.Millisecond, Hot: time.Second, Key: 45 * time.Second, Alone: 30 * time.Minute,
		Lamp: time.Minute, Slow: time.Minute, Speak: 240 * time.Millisecond, Badge: 6 * time.Second,
	}
}

// complete fills the zero fields.
func (t Times) complete() Times {
	d := DefaultTimes()
	for _, p := range []struct{ have, want *time.Duration }{
		{&t.Answer, &d.Answer}, {&t.Enter, &d.Enter}, {&t.Pass, &d.Pass}, {&t.Debounce, &d.Debounce}, {&t.Held, &d.Held}, {&t.Warn, &d.Warn},
		{&t.Port, &d.Port}, {&t.Hot, &d.Hot}, {&t.Key, &d.Key}, {&t.Alone, &d.Alone}, {&t.Lamp, &d.Lamp}, {&t.Slow, &d.Slow},
		{&t.Speak, &d.Speak}, {&t.Badge, &d.Badge},
	} {
		if *p.have <= 0 {
			*p.have = *p.want
		}
	}
	if t.Warn >= t.Held { // a faster world
		t.Warn = t.Held / 3
	}
	return t
}
