// Command estate is the East Court of the simulated community, made denser, as a
// fleet outside of the hub: what its devices were told to have said can be compared
// with what the hub has kept.
//
//	estate -devices 400 -site                    writes the hub's site file
//	estate -devices 400 -mqtt HOST:PORT          lets the devices live
//
// Commands on standard input, one answer line each:
//
//	status        {"online":N,"total":N,"playing":true}
//	cut SECONDS   a power cut of that length begins: {"ok":true}
//	said          {"said":[{"device","channel","boot","id","online","at"},…]}: all that the hub
//	              has acknowledged since the last cut began
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"dongyue/internal/event"
	"dongyue/internal/simulator/agent"
	"dongyue/internal/simulator/community"
	"dongyue/internal/simulator/incident"
)

// key is the installation's of which the estate is; a test has no other secret.
const key = "the key of an end-to-end test only"

func main() {
	mqtt := flag.String("mqtt", "127.0.0.1:1883", "the hub's broker")
	n := flag.Int("devices", 400, "devices in the East Court")
	site := flag.Bool("site", false, "write the site file and end")
	flag.Parse()
	if err := run(*mqtt, *n, *site); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(mqtt string, n int, site bool) error {
	c, err := community.Dongyue(1, []byte(key))
	if err != nil {
		return err
	}
	devices := dense(&c, n)
	if site {
		return writeSite(&c, devices)
	}
	e := &estate{}
	e.fleet, err = agent.New(agent.Options{
		Broker: mqtt, Devices: devices, Quiet: true, Seed: 1, ConnectRate: 300, Acked: e.acked,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	if e.script, err = incident.New(incident.Options{Fleet: e.fleet, Seed: uint64(time.Now().UnixNano())}); err != nil { //nolint:gosec // dice
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var living sync.WaitGroup
	defer living.Wait()
	defer cancel()
	living.Go(func() { _ = e.fleet.Run(ctx) })  // returns nil when it is cancelled
	living.Go(func() { _ = e.script.Run(ctx) }) // so does this
	return e.listen(ctx, n)
}

// estate answers commands.
type estate struct {
	fleet  *agent.Fleet
	script *incident.Script

	mu   sync.Mutex
	said []said
}

// said is a message that the hub has acknowledged.
type said struct {
	Device  string `json:"device"`
	Channel string `json:"channel"`
	Boot    string `json:"boot,omitempty"`
	ID      string `json:"id,omitempty"`
	Online  *bool  `json:"online,omitempty"`
	At      string `json:"at,omitempty"`
}

func (e *estate) acked(device, topic string, payload []byte) {
	_, _, channel, _ := event.ParseTopic(topic)
	s := said{Device: device, Channel: string(channel)}
	if json.Unmarshal(payload, &s) != nil {
		return // our own messages always decode
	}
	e.mu.Lock()
	e.said = append(e.said, s)
	e.mu.Unlock()
}

func (e *estate) listen(ctx context.Context, n int) error {
	in, out := bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout)
	for in.Scan() {
		var answer any
		switch word, arg, _ := strings.Cut(in.Text(), " "); word {
		case "status":
			answer = map[string]any{"online": e.fleet.Online(), "total": n, "playing": e.playing()}
		case "cut":
			seconds, err := strconv.Atoi(arg)
			if err != nil {
				return err
			}
			e.mu.Lock()
			e.said = nil
			e.mu.Unlock()
			if err := e.script.TriggerFor(ctx, "power_cut", time.Duration(seconds)*time.Second); err != nil {
				return err
			}
			answer = map[string]any{"ok": true}
		case "said":
			e.mu.Lock()
			answer = map[string]any{"said": e.said}
			e.mu.Unlock()
		default:
			return fmt.Errorf("unknown command %q", word)
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return in.Err()
}

func (e *estate) playing() bool {
	for _, i := range e.script.List() {
		if i.Running {
			return true
		}
	}
	return false
}
