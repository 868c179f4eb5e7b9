package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"dongyue/e2e/clients/session"
)

// end is one device's side of its connection.
type end struct{ c *session.Client }

// connect brings every device in, all at once; up is done when all have said
// that they are there.
func (s *storm) connect(boot string) {
	for i := range s.ends {
		s.up.Go(func() {
			for s.ends[i] = nil; s.ends[i] == nil; {
				c, err := arrive(s.addr, id(i), boot)
				if err != nil {
					s.failed.Add(1)
					time.Sleep(100*time.Millisecond + rand.N(400*time.Millisecond)) //nolint:gosec // jitter
					continue
				}
				s.ends[i] = &end{c}
			}
			if s.back != nil {
				s.back <- time.Now()
			}
		})
	}
}

// arrive is what a device does when it comes: login with a will, commands,
// presence. It ends when the presence is on the hub's disk.
func arrive(addr, id, boot string) (*session.Client, error) {
	base := "dy/v1/charger/" + id + "/"
	c, err := session.Dial(session.Options{
		Addr: addr, ID: id, Secret: secret, Timeout: 20 * time.Second,
		Will: fmt.Appendf(nil, `{"online":false,"boot":%q}`, boot), WillTopic: base + "presence",
	})
	if err != nil {
		return nil, err
	}
	out := append(session.Subscribe(base+"command", 1), session.Publish(base+"presence", 2, fmt.Appendf(nil, `{"online":true,"fw":"1","boot":%q}`, boot), false, true)...)
	if err = c.Send(out); err == nil {
		err = until(c, 4)
	}
	if err != nil {
		_ = c.Drop()
		return nil, err
	}
	return c, nil
}

func until(c *session.Client, want byte) error {
	for {
		kind, _, err := c.Read()
		if err != nil || kind == want {
			return err
		}
	}
}

// drop cuts every connection, as when a switch loses power and comes back.
func (s *storm) drop() {
	var wg sync.WaitGroup
	for _, e := range s.ends {
		wg.Go(func() { _ = e.c.Drop() })
	}
	wg.Wait()
}
