// Command stairs is the doors of a test as simulated controllers of their own,
// with the signed lists of rights that they go by while they are alone.
//
//	stairs -mqtt HOST:PORT -key BASE64 < commands
//
// The first line of standard input is the doors, [{"id","zone","secret"},…]. Then
// commands, one answer line each, {"ok":true} where nothing else is named:
//
//	status                   {"online":N,"total":N}
//	show DOOR TYPE VALUE     something is held to the reader outside
//	cut DOOR…                the network of these doors is gone; mend DOOR… brings it back
//	force DOOR SECONDS       broken open for so long; prop DOOR SECONDS: let out, and left open
//	exit DOOR                the button inside
//	fire DOOR true|false     the input of the fire panel
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
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
)

func main() {
	mqtt := flag.String("mqtt", "127.0.0.1:1883", "the hub's broker")
	key := flag.String("key", "", "the hub's key of lists, base64")
	flag.Parse()
	if err := run(*mqtt, *key); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(mqtt, key string) error {
	signer, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	if !in.Scan() {
		return errors.New("the doors are missing on the first line")
	}
	var doors []struct{ ID, Zone, Secret string }
	if err := json.Unmarshal(in.Bytes(), &doors); err != nil {
		return err
	}
	devices := make([]community.Device, len(doors))
	for i, d := range doors {
		devices[i] = community.Device{ID: d.ID, Kind: event.Door, Name: d.ID, Zone: d.Zone, Secret: d.Secret}
	}
	fleet, err := agent.New(agent.Options{
		Broker: mqtt, Devices: devices, ListKey: signer, Quiet: true, Seed: 1, ConnectRate: 200, MaxPause: time.Second,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var living sync.WaitGroup
	defer living.Wait()
	defer cancel()
	living.Go(func() { _ = fleet.Run(ctx) }) // returns nil when it is cancelled
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var answer any = map[string]any{"ok": true}
		if word, rest, _ := strings.Cut(in.Text(), " "); word == "status" {
			answer = map[string]any{"online": fleet.Online(), "total": len(doors)}
		} else if err := obey(fleet, word, strings.Fields(rest)); err != nil {
			return fmt.Errorf("%s: %w", in.Text(), err)
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return in.Err()
}

// obey does what a command says to its doors.
func obey(f *agent.Fleet, word string, args []string) error {
	if word == "cut" || word == "mend" {
		for _, id := range args {
			d, ok := f.Door(id)
			switch {
			case !ok:
				return fmt.Errorf("no door %s", id)
			case word == "cut":
				d.NetworkOff()
			default:
				d.NetworkOn()
			}
		}
		return nil
	}
	if len(args) == 0 {
		return errors.New("name a door")
	}
	d, ok := f.Door(args[0])
	if !ok {
		return fmt.Errorf("no door %s", args[0])
	}
	switch {
	case word == "show" && len(args) == 3:
		d.Show(args[1], args[2])
	case word == "exit" && len(args) == 1:
		d.Exit()
	case word == "fire" && len(args) == 2:
		d.Fire(args[1] == "true")
	case (word == "force" || word == "prop") && len(args) == 2:
		seconds, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		if word == "force" {
			d.Force(time.Duration(seconds) * time.Second)
		} else {
			d.Prop(time.Duration(seconds) * time.Second)
		}
	default:
		return errors.New("unknown command, or not its arguments")
	}
	return nil
}
