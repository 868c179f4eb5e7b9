// Package rig is what the benches of rules and alarms share: a hub in a process of
// its own, its API, its stream of changes, and devices that send events at an even
// beat. It knows the hub by its ports only, as devices and browsers do.
package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Password of the administrator of a hub that the rig starts; one that runs
// already is given its own.
const Password = "bench-password"

// Hub is where a hub listens.
type Hub struct {
	HTTP string // http://127.0.0.1:8080
	MQTT string // 127.0.0.1:1883
	Pid  int    // 0: it was not started here

	cmd  *exec.Cmd
	dir  string
	over chan struct{}
}

// Start begins a hub with an empty data folder. rules are rule files by name; none
// leaves the hub those that it brings along.
func Start(ctx context.Context, binary string, rules map[string]string) (*Hub, error) {
	return start(ctx, binary, rules, "webrtc: {addr: \"off\"}\n")
}

// StartVideo begins a hub that shows pictures. It pulls cameras only while somebody
// watches, so that a first start can be told from a second.
func StartVideo(ctx context.Context, binary string) (*Hub, error) {
	return start(ctx, binary, nil, "webrtc: {addr: \"127.0.0.1:0\"}\nclips: {enabled: false}\n")
}

func start(ctx context.Context, binary string, rules map[string]string, more string) (_ *Hub, err error) {
	h := &Hub{over: make(chan struct{})}
	if h.dir, err = os.MkdirTemp("", "dongyue-bench-"); err != nil {
		return nil, err
	}
	config, err := h.config(rules, more)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(h.dir))
	}
	http, mqtt, err := ports()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(h.dir))
	}
	h.HTTP, h.MQTT = "http://"+http, mqtt
	h.cmd = exec.Command(binary, "serve", "--config", config, "--data", filepath.Join(h.dir, "data"), "--http", http, "--mqtt", mqtt) //nolint:gosec,noctx // the hub under test, ended by stop
	h.cmd.Stderr = os.Stderr
	h.cmd.Env = append(os.Environ(), "DONGYUE_ADMIN_PASSWORD="+Password)
	if err := h.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", binary, err), os.RemoveAll(h.dir))
	}
	h.Pid = h.cmd.Process.Pid
	go func() {
		_ = h.cmd.Wait() // how it ended does not matter: ready and the figures tell
		close(h.over)
	}()
	if err := h.ready(ctx); err != nil {
		return nil, errors.Join(err, h.Stop())
	}
	return h, nil
}

// config has the limits out of the way, what more is wanted, and the rules.
func (h *Hub) config(rules map[string]string, more string) (path string, err error) {
	text := more + "rtsp: {addr: \"off\"}\nbroadcast: {night: \"off\"}\nmqtt: {messages_per_s: 100000, message_burst: 100000}\nlog: {level: error}\n"
	if len(rules) > 0 {
		dir := filepath.Join(h.dir, "rules")
		if err := os.Mkdir(dir, 0o700); err != nil {
			return "", err
		}
		for name, rule := range rules {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(rule), 0o600); err != nil {
				return "", err
			}
		}
		text += fmt.Sprintf("rules: {dir: %q}\n", dir)
	}
	path = filepath.Join(h.dir, "hub.yaml")
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// ports finds two that are free now.
func ports() (a, b string, err error) {
	var at [2]string
	for i := range at {
		ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // nothing to wait for
		if err != nil {
			return "", "", err
		}
		defer func() { _ = ln.Close() }()
		at[i] = ln.Addr().String()
	}
	return at[0], at[1], nil
}

func (h *Hub) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		q, err := http.NewRequestWithContext(ctx, http.MethodGet, h.HTTP+"/readyz", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(q); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the hub does not become ready: %w", ctx.Err())
		case <-h.over:
			return errors.New("the hub has ended; what it said stands above")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Stop ends a hub that was started here and removes its folder.
func (h *Hub) Stop() error {
	if h.cmd == nil {
		return nil
	}
	_ = h.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-h.over:
	case <-time.After(15 * time.Second):
		_ = h.cmd.Process.Kill()
		<-h.over
	}
	return os.RemoveAll(h.dir)
}

// Memory is what the hub's process holds, in MB: now, and at most so far. Zero for
// a hub that was not started here.
func (h *Hub) Memory() (now, most float64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kb, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "VmRSS:":
			now = kb / 1024
		case "VmHWM:":
			most = kb / 1024
		}
	}
	return now, most
}

// CPU is how long the hub's process has computed so far, in the hundredths of a
// second that the kernel counts.
func (h *Hub) CPU() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name may have spaces
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
