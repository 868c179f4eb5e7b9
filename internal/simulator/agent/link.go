package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/time/rate"
)

// settings is what all links of a fleet share.
type settings struct {
	addr               string
	tls                *tls.Config
	keepAlive          time.Duration
	ackWait            time.Duration
	minPause, maxPause time.Duration
	limit              *rate.Limiter
	changed            func(online bool)
	heard              func(device, topic string, payload []byte) // may be nil
	log                *slog.Logger
	connectTimeout     time.Duration
}

// link is a device's connection. It makes a new client for every attempt: the
// library's own reconnecting has no jitter that a fleet could share, and its
// session store would keep what the outbox already keeps.
type link struct {
	*settings
	id, secret string
	topics     topics
	box        *outbox
	receive    func(topic string, payload []byte, retained bool)
	online     atomic.Bool

	mu     sync.Mutex
	up     bool               // there is power and a network; not before the first power-on
	change chan struct{}      // closed when up has changed
	cancel context.CancelFunc // ends the present session
	will   []byte
}

func newLink(s *settings, id, secret string, t topics, receive func(string, []byte, bool)) *link {
	return &link{settings: s, id: id, secret: secret, topics: t, box: newOutbox(), receive: receive, change: make(chan struct{})}
}

// set says whether there is a network. Taking it away breaks the connection
// without a DISCONNECT, so that the Will is published (MQTT 3.1.1 §3.1.2.5).
func (l *link) set(up bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.up == up {
		return
	}
	l.up = up
	close(l.change)
	l.change = make(chan struct{})
	if !up && l.cancel != nil {
		l.cancel()
	}
}

func (l *link) setWill(payload []byte) {
	l.mu.Lock()
	l.will = payload
	l.mu.Unlock()
}

// run keeps the device connected until ctx ends.
func (l *link) run(ctx context.Context) {
	pause := l.minPause
	for l.waitForNetwork(ctx) {
		began := time.Now()
		err := l.session(ctx)
		if ctx.Err() != nil {
			return
		}
		l.log.Debug("device lost its connection", "device_id", l.id, "err", err)
		if time.Since(began) > l.maxPause {
			pause = l.minPause
		}
		// Half fixed, half random: devices that fell together do not come back together.
		if l.rest(ctx, pause/2+rand.N(pause/2+1)) { //nolint:gosec // not a secret
			pause = min(2*pause, l.maxPause)
		} else { // the cable or the power was taken away: what follows is a new beginning
			pause = l.minPause
		}
	}
}

// rest waits before the next attempt; false when there is no network to wait for.
func (l *link) rest(ctx context.Context, d time.Duration) bool {
	l.mu.Lock()
	up, change := l.up, l.change
	l.mu.Unlock()
	if !up {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-change:
		return false
	case <-ctx.Done():
		return false
	}
}

func (l *link) waitForNetwork(ctx context.Context) bool {
	for {
		l.mu.Lock()
		up, change := l.up, l.change
		l.mu.Unlock()
		if up {
			return l.limit.Wait(ctx) == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-change:
		}
	}
}

// session is one connection from CONNECT to its loss.
func (l *link) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.mu.Lock()
	if !l.up {
		l.mu.Unlock()
		return errors.New("network is off")
	}
	l.cancel = cancel
	l.mu.Unlock()

	lost := make(chan struct{})
	cl := mqtt.NewClient(l.options(ctx, lost))
	connect := cl.Connect()
	<-connect.Done() // bounded by the connect timeout and by ctx, which closes the socket
	if err := connect.Error(); err != nil {
		return fmt.Errorf("connect %s: %w", l.id, err)
	}
	err := l.talk(ctx, cl, lost)
	cancel()
	l.settle(cl, lost)
	return err
}

// settle waits for the client's goroutines after its socket has been closed.
func (l *link) settle(cl mqtt.Client, lost <-chan struct{}) {
	t := time.NewTimer(5 * time.Second)
	defer t.Stop()
	select {
	case <-lost:
	case <-t.C:
		cl.Disconnect(0)
	}
}

func (l *link) options(ctx context.Context, lost chan struct{}) *mqtt.ClientOptions {
	l.mu.Lock()
	will := l.will
	l.mu.Unlock()
	scheme := "tcp://"
	if l.tls != nil {
		scheme = "ssl://"
	}
	return mqtt.NewClientOptions().AddBroker(scheme+l.addr).
		SetProtocolVersion(4). // 3.1.1
		SetClientID(l.id).SetUsername(l.id).SetPassword(l.secret).
		SetBinaryWill(l.topics.presence, will, 1, true).
		SetCleanSession(true). // a command from before the connection must not arrive after it
		SetAutoReconnect(false).SetConnectRetry(false).
		SetKeepAlive(l.keepAlive).SetPingTimeout(l.keepAlive / 2).
		SetConnectTimeout(l.connectTimeout).SetWriteTimeout(l.connectTimeout).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return l.dial(ctx) }).
		SetConnectionLostHandler(func(mqtt.Client, error) { close(lost) })
}

// dial opens the socket and ties its life to ctx.
func (l *link) dial(ctx context.Context) (net.Conn, error) {
	var (
		conn net.Conn
		err  error
		d    = net.Dialer{Timeout: l.connectTimeout}
	)
	if l.tls != nil {
		conn, err = (&tls.Dialer{NetDialer: &d, Config: l.tls}).DialContext(ctx, "tcp", l.addr)
	} else {
		conn, err = d.DialContext(ctx, "tcp", l.addr)
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", l.addr, err)
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return lostConn{conn}, nil
}

// lostConn makes a socket that was closed on this side look like one that broke:
// the client library passes over net.ErrClosed and would not end by itself.
type lostConn struct{ net.Conn }

func (c lostConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, net.ErrClosed) {
		err = io.ErrUnexpectedEOF
	}
	return n, err //nolint:wrapcheck // a net.Conn's errors pass as they are
}

// talk subscribes and sends until the connection is lost.
func (l *link) talk(ctx context.Context, cl mqtt.Client, lost <-chan struct{}) error {
	sub := cl.SubscribeMultiple(map[string]byte{l.topics.command: 1, l.topics.config: 1}, func(_ mqtt.Client, m mqtt.Message) {
		l.receive(m.Topic(), m.Payload(), m.Retained())
	})
	select {
	case <-sub.Done():
	case <-lost:
		return errors.New("lost while subscribing")
	case <-ctx.Done():
		return nil
	}
	if err := sub.Error(); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	l.box.begin()
	l.online.Store(true)
	l.changed(true)
	defer func() {
		l.online.Store(false)
		l.changed(false)
	}()
	return l.pump(ctx, cl, lost)
}

// pump sends what the outbox holds. One QoS 1 message at a time is in flight, so
// order survives every loss and every resend (MQTT 3.1.1 §4.6).
func (l *link) pump(ctx context.Context, cl mqtt.Client, lost <-chan struct{}) error {
	var (
		tok  mqtt.Token // of the message in flight, nil for none
		m    message
		wait = time.NewTimer(l.ackWait)
	)
	defer wait.Stop()
	for {
		for _, t := range l.box.takeLossy() {
			cl.Publish(t.topic, 0, t.retain, t.payload)
		}
		if tok == nil {
			var ok bool
			if m, ok = l.box.next(); ok {
				tok = cl.Publish(m.topic, 1, m.retain, m.payload)
				wait.Reset(l.ackWait)
			}
		}
		var acked <-chan struct{}
		var late <-chan time.Time
		if tok != nil {
			acked, late = tok.Done(), wait.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-lost:
			return errors.New("connection lost")
		case <-l.box.wake:
		case <-late:
			return fmt.Errorf("no acknowledgement within %v", l.ackWait)
		case <-acked:
			if err := tok.Error(); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
			l.box.acked(m)
			if l.heard != nil {
				l.heard(l.id, m.topic, m.payload)
			}
			tok = nil
		}
	}
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
