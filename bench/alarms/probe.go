package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"dongyue/bench/rig"
)

// ports of a probe: as many alarms can be open at once as there are ports of all
// probes.
const ports = 50

// prober sets alarms off and knows when.
type prober struct {
	clients []mqtt.Client
	ids     []string

	mu   sync.Mutex
	sent map[string]time.Time // by device/port
	ack  []time.Duration      // publish → acknowledged, so on disk
	row  []time.Duration      // publish → row in the client
	gone []time.Duration      // received by the broker → row, by the hub's own clock
}

func (p *prober) connect(hub *rig.Hub) error {
	for _, id := range p.ids {
		o := mqtt.NewClientOptions().AddBroker("tcp://" + hub.MQTT).SetClientID(id).SetUsername(id).SetPassword(secret).SetOrderMatters(false)
		c := mqtt.NewClient(o)
		if t := c.Connect(); t.Wait() && t.Error() != nil {
			return fmt.Errorf("connect %s: %w", id, t.Error())
		}
		p.clients = append(p.clients, c)
	}
	return nil
}

func (p *prober) close() {
	for _, c := range p.clients {
		c.Disconnect(100)
	}
}

// raise sets off alarm n and waits for its acknowledgement; clear ends it.
func (p *prober) raise(n int) error { return p.tell(n, true) }
func (p *prober) clear(n int) error { return p.tell(n, false) }

func (p *prober) tell(n int, active bool) error {
	i := n % len(p.ids)
	part := n / len(p.ids) % ports
	payload := fmt.Sprintf(`{"id":"probe-%d-%t","boot":"b1","seq":%d,"at":%q,"type":"fault","part":"%d","data":{"code":"probe","active":%t}}`,
		n, active, n+1, rig.Now(), part, active)
	began := time.Now()
	if active {
		p.mu.Lock()
		p.sent[key(p.ids[i], fmt.Sprint(part))] = began
		p.mu.Unlock()
	}
	t := p.clients[i].Publish("dy/v1/charger/"+p.ids[i]+"/event", 1, false, payload)
	if !t.WaitTimeout(10*time.Second) || t.Error() != nil {
		return fmt.Errorf("probe %d was not acknowledged: %w", n, t.Error())
	}
	if active {
		p.mu.Lock()
		p.ack = append(p.ack, time.Since(began))
		p.mu.Unlock()
	}
	return nil
}

func key(device, part string) string { return device + "/" + part }

// take is the stream's.
func (p *prober) take(_ string, data []byte, at time.Time) {
	var a struct {
		Change, Rule, Device, Part string
		Evidence                   struct {
			ReceivedAt time.Time `json:"received_at"`
		}
	}
	if json.Unmarshal(data, &a) != nil || a.Rule != "bench.probe" || a.Change != "raise" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k := key(a.Device, a.Part)
	if began, ok := p.sent[k]; ok {
		p.row = append(p.row, at.Sub(began))
		p.gone = append(p.gone, at.Sub(a.Evidence.ReceivedAt))
		delete(p.sent, k)
	}
}
