// Command chromium is what run.mjs has beside the hub and the browser: cameras that
// play the clips it made, and stretches of network with seeded loss before the hub's
// WebRTC port. It prints one line of JSON with their addresses and runs until its
// standard input is closed.
//
//	chromium HUB-WEBRTC-ADDRESS CLIP…
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dongyue/internal/simulator/camera"
	"dongyue/internal/simulator/network"
)

// seed makes the losses repeatable.
const seed = 2026

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: chromium HUB-WEBRTC-ADDRESS CLIP…")
		os.Exit(2) //nolint:forbidigo // this is main
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench chromium:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// weather are the cases: the loss is that of each direction, the delay half of the
// round trip.
func weather() map[string]network.Weather {
	out := map[string]network.Weather{"no loss, RTT 30 ms": {Delay: 15 * time.Millisecond}}
	for _, rtt := range []time.Duration{30 * time.Millisecond, 100 * time.Millisecond} {
		out[fmt.Sprintf("2 %% random, RTT %d ms", rtt.Milliseconds())] = network.Weather{Loss: 0.02, Delay: rtt / 2}
		out[fmt.Sprintf("5 %% in bursts of 4, RTT %d ms", rtt.Milliseconds())] = network.Weather{Loss: 0.05, Burst: 4, Delay: rtt / 2}
	}
	return out
}

func run(hub string, files []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	var cams []camera.Camera
	for _, f := range files {
		b, err := os.ReadFile(f) //nolint:gosec // the operator names it
		if err != nil {
			return err
		}
		cams = append(cams, camera.Camera{ID: strings.TrimSuffix(filepath.Base(f), filepath.Ext(f)), Clip: b})
	}
	srv, err := camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: cams})
	if err != nil {
		return err
	}
	g.Go(func() error { return srv.Run(ctx) })
	paths := map[string]string{}
	for name, w := range weather() {
		p, err := network.New(network.Options{Server: hub, Up: w, Down: w, Seed: seed})
		if err != nil {
			return err
		}
		paths[name] = p.Addr().String()
		g.Go(func() error { return p.Run(ctx) })
	}
	select {
	case <-srv.Ready():
	case <-ctx.Done():
		return g.Wait()
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"rtsp": srv.Addr().String(), "paths": paths}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	return g.Wait()
}
