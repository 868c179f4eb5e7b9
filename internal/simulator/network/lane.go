package network

import (
	"context"
	"math/rand/v2"
	"time"
)

// Dice decides which packets are lost. Its losses come in runs when Weather.Burst
// says so (the model of Gilbert and Elliott with a bad state that loses all).
type Dice struct {
	w    Weather
	rand *rand.Rand
	bad  bool
}

// NewDice returns dice for a weather.
func NewDice(w Weather, r *rand.Rand) *Dice { return &Dice{w: w, rand: r} }

// Lost decides about the next packet.
func (d *Dice) Lost() bool {
	if d.w.Burst <= 1 {
		return d.rand.Float64() < d.w.Loss
	}
	leave := 1 / float64(d.w.Burst)
	if d.bad {
		d.bad = d.rand.Float64() >= leave
	} else {
		d.bad = d.rand.Float64() < leave*d.w.Loss/(1-d.w.Loss)
	}
	return d.bad
}

// lane is one direction of one viewer.
type lane struct {
	dice *Dice
	late chan parcel
}

type parcel struct {
	due time.Time
	b   []byte
}

func newLane(w Weather, r *rand.Rand) *lane {
	return &lane{dice: NewDice(w, r), late: make(chan parcel, 1<<14)}
}

// put queues a copy of a packet, or loses it.
func (l *lane) put(b []byte) bool {
	if l.dice.Lost() {
		return false
	}
	select {
	case l.late <- parcel{time.Now().Add(l.dice.w.Delay), append([]byte(nil), b...)}:
		return true
	default:
		return false // the queue of a real router has an end too
	}
}

// run delivers packets when they are due.
func (l *lane) run(ctx context.Context, deliver func([]byte)) {
	for {
		select {
		case <-ctx.Done():
			return
		case x := <-l.late:
			if d := time.Until(x.due); d > 0 {
				select {
				case <-ctx.Done():
					return
				case <-time.After(d):
				}
			}
			deliver(x.b)
		}
	}
}
