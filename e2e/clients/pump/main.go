// Command pump publishes numbered events as several devices do at once, and goes
// on through every crash of the hub: what was not acknowledged is sent again, in
// order, as the standard asks of a client.
//
//	pump -addr HOST:PORT -devices pump-0,pump-1 -secret S -rate 3000
//
// Commands on standard input, one answer line each:
//
//	status               {"acked":{"pump-0":1234,…},"sent":N,"connections":N}: the highest
//	                     number up to which everything is acknowledged
//	once ID TYPE EVENT   publishes one event of another device until it is acknowledged; answers {"once":ID}
//	stop                 lets what is under way be acknowledged, then answers as status and ends
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/e2e/clients/session"
)

const (
	window  = 200 // messages under way per device
	patient = 5 * time.Second
)

type pump struct {
	addr, secret string
	log          *slog.Logger
	devices      []*device
	sent, opened atomic.Int64
	stopping     atomic.Bool
	running      sync.WaitGroup
	talk         sync.Mutex
}

func main() {
	addr := flag.String("addr", "127.0.0.1:1883", "the hub")
	ids := flag.String("devices", "", "chargers to speak for, with commas")
	secret := flag.String("secret", "", "the secret of all of them")
	rate := flag.Float64("rate", 3000, "messages a second, all together")
	flag.Parse()
	p := &pump{addr: *addr, secret: *secret, log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	list := strings.Split(*ids, ",")
	for _, id := range list {
		d := &device{p: p, id: id, topic: "dy/v1/charger/" + id + "/event", every: time.Duration(float64(time.Second) * float64(len(list)) / *rate)}
		d.moved = sync.NewCond(&d.mu)
		p.devices = append(p.devices, d)
		p.running.Go(d.run)
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		f := strings.Fields(in.Text())
		switch {
		case len(f) == 1 && f[0] == "status":
			p.status()
		case len(f) == 4 && f[0] == "once":
			go p.once(f[1], f[2], f[3])
		case len(f) == 1 && f[0] == "stop":
			p.stopping.Store(true)
			p.running.Wait()
			p.status()
			return
		}
	}
}

func (p *pump) say(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		p.log.Error("no answer", "err", err)
		return
	}
	p.talk.Lock()
	defer p.talk.Unlock()
	_, _ = os.Stdout.Write(append(b, '\n')) // whoever asked has gone; so will we
}

func (p *pump) status() {
	acked := map[string]uint64{}
	for _, d := range p.devices {
		d.mu.Lock()
		acked[d.id] = d.acked
		d.mu.Unlock()
	}
	p.say(map[string]any{"acked": acked, "sent": p.sent.Load(), "connections": p.opened.Load()})
}

// once publishes one event until the hub has acknowledged it.
func (p *pump) once(id, typ, event string) {
	payload := fmt.Appendf(nil, `{"id":%q,"boot":"once","seq":1,"at":%d,"type":%q,"data":{"part":"1"}}`, event, time.Now().UnixMilli(), typ)
	for try := 0; ; try++ {
		if p.onceTry(id, payload, try > 0) == nil {
			p.say(map[string]string{"once": id})
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *pump) onceTry(id string, payload []byte, again bool) error {
	c, err := session.Dial(session.Options{Addr: p.addr, ID: id, Secret: p.secret, Timeout: patient})
	if err != nil {
		return err
	}
	defer func() { _ = c.Drop() }()
	if err := c.Send(session.Publish("dy/v1/charger/"+id+"/event", 1, payload, again, false)); err != nil {
		return err
	}
	for {
		kind, _, err := c.Read()
		if err != nil || kind == 4 {
			return err
		}
	}
}
