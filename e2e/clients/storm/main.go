// Command storm measures how a community comes back: N devices with sessions, a
// subscription, a will and a presence are cut off at the same moment and all
// return at once. Meanwhile a door that stayed is given commands.
//
//	storm -n 6000 -mqtt 127.0.0.1:1883 -http http://127.0.0.1:8080 -password PASSWORD
//
// The hub must allow N connections and know nothing of the devices yet. Answers
// one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const secret = "storm-secret-0123456789abcdef"

func main() {
	n := flag.Int("n", 6000, "devices")
	mqtt := flag.String("mqtt", "127.0.0.1:1883", "the hub's MQTT port")
	http := flag.String("http", "http://127.0.0.1:8080", "the hub's HTTP port")
	password := flag.String("password", os.Getenv("DONGYUE_ADMIN_PASSWORD"), "of admin")
	every := flag.Duration("commands", 50*time.Millisecond, "time between two commands to the door")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := report(*n, *mqtt, *http, *password, *every); err != nil {
		log.Error("storm", "err", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func report(n int, mqtt, http, password string, every time.Duration) error {
	r, err := run(context.Background(), n, mqtt, http, password, every)
	if err != nil {
		return err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(os.Stdout, string(b))
	return err
}

type result struct {
	Devices    int     `json:"devices"`
	FirstMs    int64   `json:"connected_first_ms"`   // all in, the first time
	RSSPerConn float64 `json:"rss_kb_per_session"`   // growth of the hub with all of them idle
	Back95Ms   int64   `json:"back_95_ms"`           // 95 % have CONNACK, SUBACK and the PUBACK of their presence
	BackAllMs  int64   `json:"back_all_ms"`          //
	Twin95Ms   int64   `json:"twins_95_ms"`          // 95 % of the twins are online with the new boot
	Refused    int64   `json:"attempts_that_failed"` // logins and sockets that did not go through at once
	Commands   int     `json:"commands"`             // to the door, during the storm
	CommandP99 float64 `json:"command_p99_ms"`       // API call → door has it
}

func run(ctx context.Context, n int, mqtt, http, password string, every time.Duration) (*result, error) {
	api, err := signIn(ctx, http, password)
	if err != nil {
		return nil, err
	}
	if err := api.register(ctx, n); err != nil {
		return nil, err
	}
	d, err := openDoor(mqtt)
	if err != nil {
		return nil, err
	}
	empty := api.rss(ctx)
	s := &storm{addr: mqtt, ends: make([]*end, n)}
	r := &result{Devices: n}
	begin := time.Now()
	s.connect("b1")
	s.up.Wait()
	r.FirstMs = time.Since(begin).Milliseconds()
	if _, err := api.twins(ctx, "b1", n, begin); err != nil {
		return nil, err
	}
	time.Sleep(2 * time.Second) // buffers of the burst go back
	r.RSSPerConn = (api.rss(ctx) - empty) / 1024 / float64(n)

	s.failed.Store(0)
	stop := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() { d.command(ctx, api, every, stop) })
	begin = time.Now()
	s.drop()
	s.back = make(chan time.Time, n)
	s.connect("b2")
	r.Twin95Ms, err = api.twins(ctx, "b2", n, begin)
	s.up.Wait()
	close(stop)
	told.Wait()
	if err != nil {
		return nil, err
	}
	for i := range n {
		at := (<-s.back).Sub(begin).Milliseconds()
		r.BackAllMs = max(r.BackAllMs, at)
		if i < (n*95+99)/100 {
			r.Back95Ms = r.BackAllMs
		}
	}
	r.Refused = s.failed.Load()
	r.Commands, r.CommandP99 = d.figures()
	return r, nil
}

type storm struct {
	addr   string
	ends   []*end
	up     sync.WaitGroup
	back   chan time.Time
	failed atomic.Int64
}

func id(i int) string { return fmt.Sprintf("storm-%05d", i) }
