package streams

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/internal/simulator/network"
)

// These tests play minutes of pictures over a network that loses and delays, in a
// time that is made (synctest): the same seed loses the same packets on any machine,
// however busy. The same over real sockets is in streams/whep.

// wire is one direction of a network.
type wire struct {
	dice  *network.Dice
	delay time.Duration
	queue chan delivery
}

type delivery struct {
	due time.Time
	do  func()
}

func newWire(ctx context.Context, w network.Weather, seed uint64) *wire {
	l := &wire{dice: network.NewDice(w, rand.New(rand.NewPCG(seed, 7))), delay: w.Delay, queue: make(chan delivery, 1<<16)}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case d := <-l.queue:
				time.Sleep(time.Until(d.due))
				d.do()
			}
		}
	}()
	return l
}

func (l *wire) send(do func()) {
	if !l.dice.Lost() {
		l.queue <- delivery{time.Now().Add(l.delay), do}
	}
}

// landed is a packet at the player.
type landed struct {
	ts     uint32
	key    bool // a key frame begins with it
	marker bool
}

// player does what a browser does with packets: it asks for those that are missing,
// decodes in order, shows each picture when it is due and asks for a key frame when
// one can't be had.
type player struct {
	reader   *Reader
	up, down *wire
	rtt      time.Duration
	interval time.Duration // between pictures

	mu      sync.Mutex
	got     map[uint64]landed
	missing map[uint64]time.Time // asked last at
	top     uint64               // newest number
	next    uint64               // first of the next picture to decode
	begun   bool
	needKey bool
	asked   time.Time // for a key frame

	first    time.Time // picture
	recovery []time.Duration
	shown    time.Time
	zero     uint32    // time of the first picture
	base     time.Time // when a picture of that time comes at the earliest
	worst    time.Duration
	pictures int
	frozen   time.Duration
	pli      int
}

// The player's times, those of libwebrtc.
const (
	askEvery = 20 * time.Millisecond // for what was not answered in the time of a round trip
	giveUp   = time.Second           // then a key frame is asked for
	slack    = 60 * time.Millisecond // of the jitter buffer, and the time of a round trip
	freeze   = 150 * time.Millisecond
)

// watch joins a stream.
func watch(ctx context.Context, s *Stream, w network.Weather, rtt, interval time.Duration, seed uint64) *player {
	w.Delay = rtt / 2
	// A burst lasts milliseconds. What a viewer says is further apart, so of that
	// single packets are lost.
	up := network.Weather{Loss: w.Loss, Delay: w.Delay}
	p := &player{rtt: rtt, interval: interval, got: map[uint64]landed{}, missing: map[uint64]time.Time{}, needKey: true}
	p.up, p.down = newWire(ctx, up, seed), newWire(ctx, w, seed+1000)
	p.reader = NewReader(s, p, 1)
	go func() { _ = p.reader.Run(ctx) }()
	go p.tick(ctx)
	return p
}

// Send implements Output.
func (p *player) Send(number uint64, ts uint32, payloads [][]byte, end bool) error {
	for i, b := range payloads {
		a := landed{ts: ts, key: b[0]&0x1f == nalSTAPA, marker: end && i == len(payloads)-1}
		p.down.send(func() { p.receive(number+uint64(i), a) })
	}
	return nil
}

// Report implements Output.
func (p *player) Report(time.Time, uint32, uint32, uint32) error { return nil }

func (p *player) receive(n uint64, a landed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.begun {
		p.begun, p.top, p.next = true, n, n
	}
	for m := p.top + 1; m < n; m++ {
		p.missing[m] = time.Time{}
	}
	p.top = max(p.top, n)
	delete(p.missing, n)
	if n >= p.next {
		p.got[n] = a
	}
	if p.needKey && a.key { // whatever came before it is not waited for
		p.skip(n)
	}
	p.decode()
	p.nack(false)
}

// skip goes on at a key frame.
func (p *player) skip(n uint64) {
	for m := range p.got {
		if m < n {
			delete(p.got, m)
		}
	}
	for m := range p.missing {
		if m < n {
			delete(p.missing, m)
		}
	}
	p.next, p.needKey = n, false
}

// decode takes the pictures that are complete.
func (p *player) decode() {
	for !p.needKey {
		end := p.next
		for {
			a, ok := p.got[end]
			if !ok {
				return
			}
			if end++; a.marker {
				break
			}
		}
		a := p.got[p.next]
		for n := p.next; n < end; n++ {
			delete(p.got, n)
		}
		p.next = end
		p.show(a)
	}
}

func (p *player) show(a landed) {
	now := time.Now()
	if p.pictures++; p.pictures == 1 {
		p.first, p.base, p.zero = now, now, a.ts
	}
	if a.key && !p.asked.IsZero() {
		p.recovery, p.asked = append(p.recovery, now.Sub(p.asked)), time.Time{}
	}
	due := time.Duration(a.ts-p.zero) * time.Second / clockRate
	if early := now.Add(-due); early.Before(p.base) {
		p.base = early
	}
	at := p.base.Add(due + p.rtt + slack)
	if at.Before(now) {
		at = now
	}
	if d := at.Sub(p.shown); !p.shown.IsZero() && d > p.interval+freeze {
		p.frozen += d - p.interval
		p.worst = max(p.worst, d)
	}
	p.shown = at
}

// nack asks for what is missing, or again for what was not answered.
func (p *player) nack(again bool) {
	now := time.Now()
	var list []uint16
	for n, at := range p.missing {
		if at.IsZero() || again && now.Sub(at) >= p.rtt {
			p.missing[n] = now
			list = append(list, uint16(n))
		}
	}
	if len(list) > 0 {
		slices.Sort(list)
		p.up.send(func() { p.reader.Resend(list) })
	}
}

// tick asks again, and gives up.
func (p *player) tick(ctx context.Context) {
	t := time.NewTicker(askEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		p.mu.Lock()
		p.nack(true)
		if !p.shown.IsZero() && time.Since(p.shown) > giveUp && time.Since(p.asked) > p.rtt+giveUp {
			p.refresh()
		}
		p.mu.Unlock()
	}
}

// refresh asks for a key frame and shows nothing before it comes.
func (p *player) refresh() {
	p.needKey, p.asked = true, time.Now()
	p.pli++
	p.missing = map[uint64]time.Time{}
	p.up.send(p.reader.Refresh)
}

// bubble is the life of what a test starts; end waits until all of it has ended.
func bubble() (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	return ctx, func() {
		cancel()
		time.Sleep(time.Second)
	}
}

// film shoots until ctx ends: 25 pictures a second, 2 Mbit/s, a key frame every gop
// pictures; b puts two B-frames, which nothing refers to, between two others.
func film(ctx context.Context, s *Stream, gop int, b bool) {
	g := newIngest(s, "", func() {}, func() {})
	n := 0
	shoot := func(key bool, size int, at int, spare bool) {
		nalus := unit(key, size)
		if spare {
			nalus[len(nalus)-1][0] &^= 0x60
		}
		g.Unit(nalus, uint32(at*3600), time.Time{})
	}
	for ctx.Err() == nil {
		time.Sleep(40 * time.Millisecond)
		key, size := n%gop == 0, 8000
		if key {
			size = 60_000
		}
		switch {
		case !b:
			shoot(key, size, n, false)
		case n%3 == 0:
			shoot(key, size, n+3, false) // it is shown behind the two that come after it
		default:
			shoot(false, 3000, n, true)
		}
		n++
	}
}

var weathers = []network.Weather{{Loss: 0.02}, {Loss: 0.05, Burst: 2}, {Loss: 0.05, Burst: 4}}

// A lossy network costs no pictures: under 0.5 % of the time the picture stands.
func TestLoss(t *testing.T) {
	for _, w := range weathers {
		for _, rtt := range []time.Duration{30 * time.Millisecond, 100 * time.Millisecond} {
			for _, c := range []struct {
				gop      int
				b        bool
				interval time.Duration
				stands   float64 // at most
			}{
				{50, false, 40 * time.Millisecond, 0.005},
				{250, false, 40 * time.Millisecond, 0.005},
				// B-frames are left out, so the next picture is 120 ms away; who loses the end of
				// one learns of it before, since it is sent again.
				{252, true, 120 * time.Millisecond, 0.01},
			} {
				t.Run(fmt.Sprintf("%.0f%% in runs of %d, %s, %d pictures, B-frames %v", w.Loss*100, w.Burst, rtt, c.gop, c.b), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						ctx, end := bubble()
						defer end()
						s := NewStream()
						go film(ctx, s, c.gop, c.b)
						time.Sleep(7 * time.Second) // the next key frame may be far
						joined := time.Now()
						p := watch(ctx, s, w, rtt, c.interval, 1)
						const length = 5 * time.Minute
						time.Sleep(length)
						p.mu.Lock()
						defer p.mu.Unlock()
						share := float64(p.frozen) / float64(length)
						t.Logf("first picture after %s; %d pictures, stands %.2f %% of the time, at most %s, %d requests for a key frame, %d sent again, %d replays",
							p.first.Sub(joined), p.pictures, 100*share, p.worst, p.pli, p.reader.Stats().Resent, p.reader.Stats().Replays)
						if d := p.first.Sub(joined); d > 4*rtt+20*time.Millisecond {
							t.Errorf("the first picture comes after %s", d)
						}
						if share > c.stands {
							t.Errorf("the picture stands %.2f %% of the time", 100*share)
						}
						if want := int(length / c.interval); p.pictures < want*99/100 {
							t.Errorf("%d pictures of %d", p.pictures, want)
						}
					})
				})
			}
		}
	}
}

// A decoder that asks for a key frame has it within 500 ms and a round trip, from the
// cache: the camera, whose own one is up to 10 s away, is not asked.
func TestRecoveryUnderLoss(t *testing.T) {
	for _, w := range weathers {
		for _, rtt := range []time.Duration{30 * time.Millisecond, 100 * time.Millisecond} {
			t.Run(fmt.Sprintf("%.0f%% in runs of %d, %s", w.Loss*100, w.Burst, rtt), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, end := bubble()
					defer end()
					s := NewStream()
					go film(ctx, s, 250, false)
					time.Sleep(time.Second)
					p := watch(ctx, s, w, rtt, 40*time.Millisecond, 2)
					for range 100 {
						time.Sleep(3770 * time.Millisecond)
						p.mu.Lock()
						p.refresh()
						p.mu.Unlock()
					}
					time.Sleep(2 * time.Second)
					p.mu.Lock()
					defer p.mu.Unlock()
					slices.Sort(p.recovery)
					n := len(p.recovery)
					t.Logf("%d of %d: p50 %s, p95 %s, most %s", n, p.pli, p.recovery[n/2], p.recovery[n*95/100], p.recovery[n-1])
					if limit := 500*time.Millisecond + rtt; p.recovery[n*95/100] > limit {
						t.Errorf("19 of 20 take %s, not %s", p.recovery[n*95/100], limit)
					}
				})
			})
		}
	}
}

// Sixteen tiles of a wall that open at once each have a picture at once.
func TestWallUnderLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := bubble()
		defer end()
		const rtt = 100 * time.Millisecond
		cams := make([]*Stream, 16)
		for i := range cams {
			cams[i] = NewStream()
			go film(ctx, cams[i], 100, false)
			time.Sleep(230 * time.Millisecond) // each at another place of its group
		}
		joined := time.Now()
		var tiles []*player
		for i, s := range cams {
			tiles = append(tiles, watch(ctx, s, weathers[0], rtt, 40*time.Millisecond, uint64(i)))
		}
		time.Sleep(time.Minute)
		var late time.Duration
		for i, p := range tiles {
			p.mu.Lock()
			late = max(late, p.first.Sub(joined))
			if p.frozen > time.Minute*5/1000 || p.pictures < 1400 {
				t.Errorf("tile %d: %d pictures, stands for %s", i, p.pictures, p.frozen)
			}
			p.mu.Unlock()
		}
		t.Logf("all 16 after %s", late)
		if late > 4*rtt {
			t.Errorf("the last tile has a picture after %s", late)
		}
	})
}

// A viewer that takes nothing any more costs the others not a millisecond.
func TestStalledViewerCostsNobody(t *testing.T) {
	times := func(stall bool) (list []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			ctx, end := bubble()
			defer end()
			s := NewStream()
			go film(ctx, s, 50, false)
			began := time.Now()
			var out screen
			go func() { _ = NewReader(s, &out, 1).Run(ctx) }()
			if stall {
				go func() { _ = NewReader(s, stuck{ctx}, 1).Run(ctx) }()
			}
			time.Sleep(time.Minute)
			for _, p := range out.packets() {
				if d := p.at.Sub(began); d < 59*time.Second { // the end is cut somewhere
					list = append(list, d)
				}
			}
		})
		return list
	}
	alone, beside := times(false), times(true)
	if len(alone) < 10_000 || !slices.Equal(alone, beside) {
		t.Fatalf("%d packets alone, %d beside one that is stalled, or at other times", len(alone), len(beside))
	}
}

// stuck is an output that never comes back, as a socket whose other end is stopped.
type stuck struct{ ctx context.Context }

func (s stuck) Send(uint64, uint32, [][]byte, bool) error {
	<-s.ctx.Done()
	return s.ctx.Err()
}

func (s stuck) Report(time.Time, uint32, uint32, uint32) error { return nil }
