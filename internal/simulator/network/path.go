package network

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Weather is what happens to the packets of one direction.
type Weather struct {
	Loss  float64       // of all packets, 0 … 1
	Burst int           // how many are lost one after the other, on average; 0 and 1: each by itself
	Delay time.Duration // of every packet; none overtakes another
}

// Options of New.
type Options struct {
	Server   string // host:port of the server, UDP
	Up, Down Weather
	Seed     uint64
	Tap      func(up bool, packet []byte) // sees each packet before it may be lost; nil: nobody
}

// Path is one such stretch. Each viewer that sends to it has a socket of its own
// towards the server, so the server tells them apart.
type Path struct {
	o    Options
	conn *net.UDPConn
	cut  atomic.Bool

	mu    sync.Mutex
	flows map[string]*net.UDPConn
	n     uint64 // flows ever, for their seeds

	passed, lost atomic.Uint64
}

// New listens on a free port of 127.0.0.1.
func New(o Options) (*Path, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	_ = conn.SetReadBuffer(4 << 20) // what is lost here is lost on purpose only
	return &Path{o: o, conn: conn, flows: map[string]*net.UDPConn{}}, nil
}

// Addr is where viewers send to.
func (p *Path) Addr() *net.UDPAddr {
	a, _ := p.conn.LocalAddr().(*net.UDPAddr)
	return a
}

// Cut lets nothing pass any more, in either direction.
func (p *Path) Cut() { p.cut.Store(true) }

// Mend ends what Cut began.
func (p *Path) Mend() { p.cut.Store(false) }

// Inject sends a packet to the server in the place of every viewer.
func (p *Path) Inject(packet []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.flows {
		_, _ = c.Write(packet)
	}
}

// Counts are the packets that passed and that were lost, of both directions.
func (p *Path) Counts() (passed, lost uint64) { return p.passed.Load(), p.lost.Load() }

// Through is an answer (SDP) that leads over the path: its candidates are replaced by one.
func (p *Path) Through(answer string) string {
	var b strings.Builder
	done := false
	for line := range strings.Lines(answer) {
		f := strings.Fields(line)
		switch {
		case !strings.HasPrefix(line, "a=candidate:"):
			b.WriteString(line)
		case !done && len(f) >= 8 && strings.EqualFold(f[2], "udp"):
			f[4], f[5] = p.Addr().IP.String(), strconv.Itoa(p.Addr().Port)
			b.WriteString(strings.Join(f, " ") + "\r\n")
			done = true
		}
	}
	return b.String()
}

// Run carries packets until ctx ends.
func (p *Path) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		_ = p.conn.Close()
		p.mu.Lock()
		for _, c := range p.flows {
			_ = c.Close()
		}
		p.mu.Unlock()
		wg.Wait()
	}()
	stop := context.AfterFunc(ctx, func() { _ = p.conn.Close() })
	defer stop()
	ups := map[string]*lane{}
	b := make([]byte, 2048)
	for {
		n, from, err := p.conn.ReadFromUDP(b)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			continue // the viewer's port is closed
		}
		up := ups[from.String()]
		if up == nil {
			if up, err = p.flow(ctx, &wg, from); err != nil {
				return err
			}
			ups[from.String()] = up
		}
		p.pass(up, true, b[:n])
	}
}

// flow begins a viewer's socket towards the server and both lanes.
func (p *Path) flow(ctx context.Context, wg *sync.WaitGroup, viewer *net.UDPAddr) (up *lane, err error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "udp4", p.o.Server)
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	server, ok := c.(*net.UDPConn)
	if !ok {
		return nil, fmt.Errorf("network: %s is not UDP", p.o.Server)
	}
	_ = server.SetReadBuffer(4 << 20)
	p.mu.Lock()
	p.flows[viewer.String()] = server
	p.n++
	seed := p.n
	p.mu.Unlock()
	up = newLane(p.o.Up, rand.New(rand.NewPCG(p.o.Seed, 2*seed)))        //nolint:gosec // repeatable on purpose
	down := newLane(p.o.Down, rand.New(rand.NewPCG(p.o.Seed, 2*seed+1))) //nolint:gosec // repeatable on purpose
	wg.Go(func() { up.run(ctx, func(b []byte) { _, _ = server.Write(b) }) })
	wg.Go(func() { down.run(ctx, func(b []byte) { _, _ = p.conn.WriteToUDP(b, viewer) }) })
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, err := server.Read(b)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil { // a refused packet is reported here
				p.pass(down, false, b[:n])
			}
		}
	})
	return up, nil
}

// pass hands a packet to a lane, or loses it.
func (p *Path) pass(l *lane, up bool, b []byte) {
	if p.o.Tap != nil {
		p.o.Tap(up, b)
	}
	if p.cut.Load() || !l.put(b) {
		p.lost.Add(1)
		return
	}
	p.passed.Add(1)
}
