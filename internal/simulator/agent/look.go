package agent

import (
	"context"
	"time"
)

// Port is what can be seen of a charging port on site.
type Port struct {
	State string  // idle, charging, full, stopped or cut
	Temp  float64 // °C
	Power float64 // W
	User  string
	Since time.Duration // that the state lasts
}

// Port looks at a port; ok is false for an unknown one, or when ctx or the
// simulation has ended.
func (c *Charger) Port(ctx context.Context, name string) (p Port, ok bool) {
	answer := make(chan Port, 1)
	c.post(func() {
		defer close(answer)
		if _, x, known := c.port(name); known {
			answer <- Port{string(x.state), x.temp, x.power, x.user, x.age}
		}
	})
	select {
	case p, ok = <-answer:
	case <-ctx.Done():
	case <-c.over:
	}
	return p, ok
}
