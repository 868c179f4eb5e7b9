package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"dongyue/bench/rig"
	"dongyue/e2e/clients/session"
)

// cabinet is a charging shed that does what it is told.
type cabinet struct {
	id     string
	qos    int
	client *session.Client

	mu     sync.Mutex // of what follows and of sending
	watts  []float64
	temp   []float64
	packet uint16
	sent   int
	err    error

	fired time.Time // when the sample that decides went out
	cutAt time.Time // when the command for that socket came
}

const hotSocket = 3 // of each cabinet whose turn it is, counted from 0

func (c *cabinet) topic(channel string) string { return "dy/v1/charger/" + c.id + "/" + channel }

// join connects, says hello and asks for orders.
func (c *cabinet) join(hub *rig.Hub) (err error) {
	c.client, err = session.Dial(session.Options{Addr: hub.MQTT, ID: c.id, Secret: secret, Clean: true, Timeout: 10 * time.Second})
	if err != nil {
		return fmt.Errorf("connect %s: %w", c.id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.say("presence", `{"online":true,"fw":"bench","boot":"b1"}`, true)
	c.write(session.Subscribe(c.topic("command"), c.next()))
	return c.err
}

func (c *cabinet) next() uint16 {
	c.packet = c.packet%65000 + 1
	return c.packet
}

func (c *cabinet) write(p []byte) {
	if err := c.client.Send(p); err != nil && c.err == nil {
		c.err = err
	}
}

func (c *cabinet) say(channel, payload string, retain bool) {
	c.write(session.Publish(c.topic(channel), c.next(), []byte(payload), false, retain))
}

// read tells of a socket. The caller holds mu.
func (c *cabinet) read(i int) {
	state := "charging"
	if c.watts[i] == 0 {
		state = "cut"
	}
	payload := fmt.Appendf(nil, `{"at":%q,"part":"%d","values":{"state":%q,"power_w":%.1f,"current_a":%.2f,"voltage_v":228,"temp_c":%.1f,"energy_wh":%.1f,"leakage_ma":0.6}}`,
		rig.Now(), i+1, state, c.watts[i], c.watts[i]/228, c.temp[i], float64(c.sent)/100)
	c.sent++
	if c.qos == 0 {
		c.write(session.Lossy(c.topic("telemetry"), payload))
		return
	}
	c.write(session.Publish(c.topic("telemetry"), c.next(), payload, false, false))
}

// talk tells of each socket once a second until stop is closed.
func (c *cabinet) talk(stop chan struct{}, offset time.Duration) {
	beat := time.Second / time.Duration(len(c.watts))
	next := time.Now().Add(offset)
	for i := 0; ; i = (i + 1) % len(c.watts) {
		wait := time.NewTimer(time.Until(next))
		select {
		case <-stop:
			wait.Stop()
			return
		case <-wait.C:
		}
		next = next.Add(beat)
		c.mu.Lock()
		c.read(i)
		c.mu.Unlock()
	}
}

// fire lets a plug run hot and tells of it.
func (c *cabinet) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.temp[hotSocket] = 71
	c.fired = time.Now()
	c.read(hotSocket)
}

// obey reads what comes until the connection ends.
func (c *cabinet) obey() {
	for {
		kind, body, err := c.client.Read()
		if err != nil {
			return
		}
		if kind != 3 {
			continue
		}
		at := time.Now()
		ack, payload, err := session.Acked(body)
		if err != nil {
			continue
		}
		var order struct {
			ID   string `json:"id"`
			Type string `json:"type"`
			Args struct {
				Part   string `json:"part"`
				Feeder bool   `json:"feeder"`
			} `json:"args"`
		}
		if json.Unmarshal(payload, &order) != nil {
			continue
		}
		c.mu.Lock()
		c.write(ack)
		if order.Type == "cut" {
			c.cut(order.ID, order.Args.Part, order.Args.Feeder, at)
		}
		c.mu.Unlock()
	}
}

func (c *cabinet) cut(id, part string, feeder bool, at time.Time) {
	left := 0.0
	for i := range c.watts {
		if !feeder && strconv.Itoa(i+1) != part {
			continue
		}
		if i == hotSocket && c.cutAt.IsZero() {
			c.cutAt = at
		}
		c.watts[i] = 0
		c.read(i)
	}
	c.say("reply", fmt.Sprintf(`{"id":%q,"status":"done","at":%q,"error":"","data":{"power_w":%g}}`, id, rig.Now(), left), false)
}
