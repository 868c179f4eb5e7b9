package broker

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// A peer is a broker that a script is run against: ours, or the bare server of
// the library whose packets and topics we use, as it is after `New` and a
// listener. That the script fails there shows that it tests something.
type peer struct {
	t *testing.T

	addr    string
	command func(payload string) error // to door-1
	house   *house                     // ours
	server  *mqtt.Server               // bare
}

// scripts runs one against both; it returns what is wrong, "" for nothing.
func scripts(t *testing.T, f func(p *peer) string) {
	t.Run("bare", func(t *testing.T) {
		if f(startBare(t)) == "" {
			t.Error("the bare server passes: the script tests nothing")
		}
	})
	t.Run("ours", func(t *testing.T) {
		if wrong := f(ourPeer(t)); wrong != "" {
			t.Error(wrong)
		}
	})
}

func ourPeer(t *testing.T, change ...func(*Options)) *peer {
	h := start(t, change...)
	return &peer{t: t, addr: h.Addr().String(), house: h, command: func(s string) error {
		return h.Publish(doorCommand, []byte(s), 1, false, time.Hour)
	}}
}

func startBare(t *testing.T, hooks ...mqtt.Hook) *peer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return bareOn(t, ln, hooks...)
}

func bareOn(t *testing.T, ln net.Listener, hooks ...mqtt.Hook) *peer {
	t.Helper()
	s := mqtt.New(&mqtt.Options{InlineClient: true, Logger: slog.New(slog.DiscardHandler)})
	if len(hooks) == 0 {
		hooks = []mqtt.Hook{&refusing{all: true}}
	}
	for _, h := range hooks {
		if err := s.AddHook(h, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddListener(listeners.NewNet("t", ln)); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, cl := range s.Clients.GetAll() { // its own end may wait for a client that takes nothing
			if cl.Net.Conn != nil {
				_ = cl.Net.Conn.Close()
			}
		}
		_ = s.Close()
	})
	return &peer{t: t, addr: ln.Addr().String(), server: s, command: func(m string) error {
		return s.Publish(doorCommand, []byte(m), false, 1)
	}}
}

func (p *peer) dial(version byte) *raw { return dialTo(p.t, p.addr, version) }

func (p *peer) login(version byte, id string, o connectOptions) *raw {
	p.t.Helper()
	r := p.dial(version)
	if code := r.login(id, o); code != 0 {
		p.t.Fatalf("CONNACK %#x", code)
	}
	return r
}

// next reads a packet, or nothing within the time.
func (r *raw) next(patience time.Duration) (head byte, body []byte, ok bool) {
	r.t.Helper()
	head, body, err := r.readIn(patience)
	return head, body, err == nil
}

// bareProcess is a bare server in a process of its own, for what ends it.
func bareProcess(t *testing.T) (addr string, ended <-chan error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBareServer$")
	cmd.Env = append(os.Environ(), "BARE_SERVER=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = new(bytes.Buffer)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 64)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, _ = io.Copy(io.Discard, out)
		done <- cmd.Wait()
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return strings.TrimSpace(string(line[:n])), done
}

// TestBareServer is not a test: it is the process of bareProcess.
func TestBareServer(t *testing.T) {
	if os.Getenv("BARE_SERVER") == "" {
		return
	}
	p := startBare(t)
	_, _ = os.Stdout.WriteString(p.addr + "\n")
	<-t.Context().Done()
	select {}
}

// refusing is a hook of the bare server whose store is full, and which lets
// clients publish below dy/ only, as a hook that checks prefixes does.
type refusing struct {
	mqtt.HookBase
	full, all bool
}

func (h *refusing) ID() string { return "refusing" }

func (h *refusing) Provides(b byte) bool {
	return b == mqtt.OnPublish || b == mqtt.OnACLCheck || b == mqtt.OnConnectAuthenticate
}

func (h *refusing) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

func (h *refusing) OnPublish(_ *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if h.full {
		return pk, errors.New("no space left on device")
	}
	return pk, nil
}

func (h *refusing) OnACLCheck(_ *mqtt.Client, topic string, _ bool) bool {
	return h.all || strings.HasPrefix(topic, "dy/")
}
