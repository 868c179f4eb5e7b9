package broker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime/debug"
	"slices"
	"time"
)

// listener accepts sockets and brings each of them through CONNECT; the embedded
// server hears only of those that have sent one.
type listener struct {
	b    *Broker
	ln   net.Listener
	tls  *tls.Config // nil: plain
	room *waitingRoom
}

func newListener(b *Broker, addr string, cfg *tls.Config) (*listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{
		// Finds dead peers of clients that ask for no keep alive of their own.
		Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3,
	}}
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("broker: listen on %s: %w", addr, err)
	}
	return &listener{b: b, ln: ln, tls: cfg, room: newWaitingRoom(b.limits.Waiting, b.limits.WaitingPerAddress)}, nil
}

// serve accepts until the socket is closed. Any other error, such as too many
// open files, is waited out: a door that has given up would look open.
func (l *listener) serve(ctx context.Context) {
	const shortest, longest = 5 * time.Millisecond, time.Second
	pause := shortest
	for {
		l.b.admission.wait(ctx)
		l.room.admit(ctx)
		nc, err := l.ln.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			l.b.log.Warn("accept failed", "addr", l.ln.Addr().String(), "err", err)
			sleep(ctx, pause)
			pause = min(2*pause, longest)
			continue
		}
		pause = shortest
		switch d := l.b.admission.delay(hostOf(nc)); {
		case d > patienceAtDoor:
			l.b.metrics.refused.WithLabelValues(ReasonWaiting).Inc()
			_ = nc.Close()
		case d > 0:
			l.b.wg.Go(func() {
				sleep(ctx, d)
				l.handle(l.enter(nc))
			})
		default:
			c := l.enter(nc)
			l.b.wg.Go(func() { l.handle(c) })
		}
	}
}

// enter gives a socket its place in the waiting room.
func (l *listener) enter(nc net.Conn) *conn {
	c := newConn(nc, l)
	if evicted := l.room.enter(c, hostOf(nc)); evicted != nil {
		l.b.metrics.refused.WithLabelValues(ReasonWaiting).Inc()
		evicted.out.cut()
	}
	return c
}

func hostOf(nc net.Conn) string {
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		return a.IP.String()
	}
	return nc.RemoteAddr().String()
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// handle serves one connection. Whatever happens in it ends it and nothing else.
func (l *listener) handle(c *conn) {
	defer func() {
		if v := recover(); v != nil {
			l.b.metrics.panics.Inc()
			l.b.log.Error("panic in a connection", "remote", c.RemoteAddr().String(), "panic", v, "stack", string(debug.Stack()))
		}
		c.out.close()
		if s := c.session.Load(); s != nil {
			s.leave()
		}
	}()
	s := l.welcome(c)
	if s == nil {
		return
	}
	s.ended(c.serve(s))
	l.b.log.Debug("connection ended", "remote", c.RemoteAddr().String(), "err", s.cause)
}

// welcome brings a connection through the handshake and CONNECT.
func (l *listener) welcome(c *conn) (s *session) {
	_ = c.raw.SetDeadline(time.Now().Add(l.b.limits.Hello))
	if t, ok := c.Conn.(*tls.Conn); ok {
		if err := deep(t.Handshake); err != nil {
			l.room.leave(c)
			l.b.log.Debug("handshake failed", "remote", c.RemoteAddr().String(), "err", err)
			return nil
		}
	}
	body, err := c.hello()
	l.room.leave(c)
	if err != nil {
		if f := (fault{}); errors.As(err, &f) {
			l.b.turnedAway("", c, f.reason())
		}
		return nil
	}
	_ = c.raw.SetDeadline(time.Time{})
	_ = deep(func() error { s = l.b.join(c, body); return nil })
	return s
}

// deviceURI begins the name of a device in a certificate: dy:device:ID.
const deviceURI = "device:"

// names reports whether a certificate is a client's: a DNS name that is its id,
// or the URI dy:device:ID.
func names(cert *x509.Certificate, client string) bool {
	if slices.Contains(cert.DNSNames, client) {
		return true
	}
	return slices.ContainsFunc(cert.URIs, func(u *url.URL) bool { return u.Scheme == "dy" && u.Opaque == deviceURI+client })
}

// certificate is the client's, if it has been verified.
func (c *conn) certificate() *x509.Certificate {
	t, ok := c.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	if s := t.ConnectionState(); len(s.VerifiedChains) > 0 {
		return s.PeerCertificates[0]
	}
	return nil
}
