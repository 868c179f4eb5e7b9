// Command commands measures how long a command takes from the API call until the
// device has it, while other devices send events. It drives a hub that was
// started with bench/mqtt/hub.yaml and registered devices of bench/mqtt/register
// (chargers d000000 …, secret "secret").
//
//	go run ./bench/commands -http http://127.0.0.1:8080 -mqtt 127.0.0.1:1883
//
// The device answers accepted and done, as real ones do. The last line has the
// figures; the exit code is 1 when the 99th percentile is above -goal.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

type settings struct {
	http, mqtt, user, password string
	talkers, targets, events   int
	rate                       int
	length, goal               time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.http, "http", "http://127.0.0.1:8080", "the hub's API")
	flag.StringVar(&s.mqtt, "mqtt", "127.0.0.1:1883", "the hub's broker")
	flag.StringVar(&s.user, "user", "admin", "who orders")
	flag.StringVar(&s.password, "password", "bench-password", "the password")
	flag.IntVar(&s.talkers, "talkers", 100, "devices that send events")
	flag.IntVar(&s.targets, "targets", 20, "devices that are told to do something")
	flag.IntVar(&s.events, "events", 700, "events a second, QoS 1, of all talkers together")
	flag.IntVar(&s.rate, "rate", 20, "commands a second")
	flag.DurationVar(&s.length, "for", 30*time.Second, "how long")
	flag.DurationVar(&s.goal, "goal", 150*time.Millisecond, "the 99th percentile that is wanted")
	flag.Parse()
	if err := s.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// desk orders commands and knows when they were ordered.
type desk struct {
	s      *settings
	client *http.Client

	mu      sync.Mutex
	arrived map[string]time.Time // by the command's reference
	done    []time.Duration      // API call → answered
}

func (s *settings) run() error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	d := &desk{s: s, client: &http.Client{Jar: jar, Timeout: 10 * time.Second}, arrived: map[string]time.Time{}}
	if err := d.post("/session", map[string]any{"username": s.user, "password": s.password}); err != nil {
		return err
	}
	var acked, lost atomic.Int64
	stop := make(chan struct{})
	var talk sync.WaitGroup
	for i := range s.talkers {
		c, err := s.connect(i, nil)
		if err != nil {
			return err
		}
		defer c.Disconnect(100)
		talk.Go(func() { s.talk(c, i, stop, &acked, &lost) })
	}
	for i := range s.targets {
		c, err := s.connect(s.talkers+i, d.take)
		if err != nil {
			return err
		}
		defer c.Disconnect(100)
	}
	time.Sleep(2 * time.Second) // the first wave of presence is through
	acked.Store(0)
	start := time.Now()
	began, missing := d.order()
	took := time.Since(start)
	close(stop)
	talk.Wait()
	return d.report(began, missing, float64(acked.Load())/took.Seconds(), lost.Load())
}

func name(i int) string { return fmt.Sprintf("d%06d", i) }

func topic(i int, channel string) string { return "dy/v1/charger/" + name(i) + "/" + channel }

// connect signs a device in; commands go to take.
func (s *settings) connect(i int, take func(c mqtt.Client, i int, m mqtt.Message)) (mqtt.Client, error) {
	o := mqtt.NewClientOptions().AddBroker("tcp://" + s.mqtt).SetClientID(name(i)).SetUsername(name(i)).SetPassword("secret").SetOrderMatters(false)
	c := mqtt.NewClient(o)
	if t := c.Connect(); t.Wait() && t.Error() != nil {
		return nil, fmt.Errorf("connect %s: %w", name(i), t.Error())
	}
	if t := c.Publish(topic(i, "presence"), 1, true, `{"online":true,"fw":"bench","boot":"b1"}`); t.Wait() && t.Error() != nil {
		return nil, t.Error()
	}
	if take != nil {
		if t := c.Subscribe(topic(i, "command"), 1, func(c mqtt.Client, m mqtt.Message) { take(c, i, m) }); t.Wait() && t.Error() != nil {
			return nil, t.Error()
		}
	}
	return c, nil
}

// talk sends events at an even beat, each acknowledged.
func (s *settings) talk(c mqtt.Client, i int, stop chan struct{}, acked, lost *atomic.Int64) {
	beat := time.NewTicker(time.Duration(float64(time.Second) * float64(s.talkers) / float64(s.events)))
	defer beat.Stop()
	boot := fmt.Sprint(time.Now().UnixNano())
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		case now := <-beat.C:
			t := c.Publish(topic(i, "event"), 1, false, fmt.Sprintf(
				`{"id":"%s-%d","boot":"%s","seq":%d,"at":%d,"type":"session_started","data":{"part":"1","user":"u"}}`, boot, n, boot, n, now.UnixMilli()))
			if !t.WaitTimeout(10*time.Second) || t.Error() != nil {
				lost.Add(1)
			} else {
				acked.Add(1)
			}
		}
	}
}

// take is a device that gets a command and answers.
func (d *desk) take(c mqtt.Client, i int, m mqtt.Message) {
	now := time.Now()
	var x struct {
		ID   string
		Args struct{ User string }
	}
	if json.Unmarshal(m.Payload(), &x) != nil {
		return
	}
	d.mu.Lock()
	d.arrived[x.Args.User] = now
	d.mu.Unlock()
	for _, status := range []string{"accepted", "done"} {
		c.Publish(topic(i, "reply"), 1, false, fmt.Sprintf(`{"id":%q,"status":%q,"at":%d}`, x.ID, status, time.Now().UnixMilli()))
	}
}

// order sends commands at an even beat, and returns when each was begun.
func (d *desk) order() (began map[string]time.Time, missing int) {
	began = map[string]time.Time{}
	var calls sync.WaitGroup
	beat := time.NewTicker(time.Second / time.Duration(d.s.rate))
	defer beat.Stop()
	for n := 0; n < int(d.s.length.Seconds()*float64(d.s.rate)); n++ {
		<-beat.C
		ref := fmt.Sprintf("u%d", n)
		target := d.s.talkers + n%d.s.targets
		start := time.Now()
		began[ref] = start
		calls.Go(func() {
			err := d.post("/devices/"+name(target)+"/commands", map[string]any{"type": "start", "args": map[string]any{"part": "1", "user": ref}})
			d.mu.Lock()
			defer d.mu.Unlock()
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
			d.done = append(d.done, time.Since(start))
		})
	}
	calls.Wait()
	time.Sleep(time.Second)
	d.mu.Lock()
	defer d.mu.Unlock()
	return began, len(began) - len(d.arrived)
}

func (d *desk) post(path string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	resp, err := d.client.Post(d.s.http+"/api/v1"+path, "application/json", bytes.NewReader(b)) //nolint:noctx // the client has a timeout
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var out map[string]any
	err = json.NewDecoder(resp.Body).Decode(&out)
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s: %s: %v", path, resp.Status, out)
	}
	return err
}

func (d *desk) report(began map[string]time.Time, missing int, perSecond float64, lost int64) error {
	var way []time.Duration
	for ref, at := range d.arrived {
		way = append(way, at.Sub(began[ref]))
	}
	slices.Sort(way)
	slices.Sort(d.done)
	ms := func(all []time.Duration, q float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[min(len(all)-1, int(q*float64(len(all))))].Microseconds()) / 1000
	}
	fmt.Fprintf(os.Stdout, "commands %d missing %d | call→device ms p50 %.1f p90 %.1f p99 %.1f max %.1f | call→answer ms p50 %.1f p99 %.1f | events/s %.0f unacknowledged %d\n",
		len(began), missing, ms(way, .5), ms(way, .9), ms(way, .99), ms(way, 1), ms(d.done, .5), ms(d.done, .99), perSecond, lost)
	if missing > 0 || ms(way, .99) > float64(d.s.goal.Milliseconds()) {
		return fmt.Errorf("wanted: none missing, 99th percentile at most %s", d.s.goal)
	}
	return nil
}
