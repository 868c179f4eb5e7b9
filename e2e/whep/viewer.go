package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// viewer plays the stream and keeps what it got.
type viewer struct {
	pc            *webrtc.PeerConnection
	offer, answer string
	at            string // address of the session
	etag          string
	posted        time.Time

	mu      sync.Mutex
	packets []packet
	reports []report
	state   webrtc.PeerConnectionState
	tracks  int
	news    chan struct{} // closed at the next change
}

type packet struct {
	*rtp.Packet
	came time.Time
}

type report struct {
	*rtcp.SenderReport
	came time.Time
}

// way changes how a viewer comes to the server.
type way struct {
	set    webrtc.SettingEngine
	kinds  []string
	offer  func(string) string // what is posted instead of the client's offer
	answer func(string) string // what the client is told instead of the server's answer
}

// watch connects a viewer and returns at once; pictures come as they come.
func (v *visit) watch(w way) (*viewer, error) {
	if len(w.kinds) == 0 {
		w.kinds = []string{"video"}
	}
	pc, offer, err := v.peer(w.set, w.kinds...)
	if err != nil {
		return nil, err
	}
	x := &viewer{pc: pc, posted: time.Now(), news: make(chan struct{})}
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) { x.change(func() { x.state = s }) })
	pc.OnTrack(func(tr *webrtc.TrackRemote, rc *webrtc.RTPReceiver) {
		if tr.Kind() == webrtc.RTPCodecTypeVideo {
			x.change(func() { x.tracks++ })
			go x.hear(rc)
			x.receive(tr)
		}
	})
	if w.offer != nil {
		offer = w.offer(offer)
	}
	r, err := v.post(offer)
	if err := created(r, err); err != nil {
		return nil, err
	}
	x.offer, x.answer, x.etag = offer, r.body, r.header.Get("ETag")
	if x.at, err = v.locate(r); err != nil {
		return nil, err
	}
	answer := r.body
	if w.answer != nil {
		answer = w.answer(answer)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return nil, fmt.Errorf("the answer can't be used: %w", err)
	}
	return x, nil
}

// playing is watch, until a whole picture and n packets more have come.
func (v *visit) playing(w way, n int) (*viewer, error) {
	x, err := v.watch(w)
	if err != nil {
		return nil, err
	}
	if err := x.until(v.ctx, v.patience, "no picture comes", func() bool {
		return len(x.packets) > n && x.packets[len(x.packets)-1].Marker
	}); err != nil {
		return nil, err
	}
	return x, nil
}

func (x *viewer) change(f func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f()
	close(x.news)
	x.news = make(chan struct{})
}

func (x *viewer) receive(tr *webrtc.TrackRemote) {
	for {
		p, _, err := tr.ReadRTP()
		if err != nil {
			return
		}
		if len(p.Payload) > 0 {
			x.change(func() { x.packets = append(x.packets, packet{p, time.Now()}) })
		}
	}
}

func (x *viewer) hear(rc *webrtc.RTPReceiver) {
	for {
		ps, _, err := rc.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range ps {
			if sr, ok := p.(*rtcp.SenderReport); ok {
				x.change(func() { x.reports = append(x.reports, report{sr, time.Now()}) })
			}
		}
	}
}

// until waits for ok, which is asked under the lock after every change.
func (x *viewer) until(ctx context.Context, within time.Duration, otherwise string, ok func() bool) error {
	end := time.NewTimer(within)
	defer end.Stop()
	for {
		x.mu.Lock()
		good, state, news := ok(), x.state, x.news
		x.mu.Unlock()
		if good {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return fmt.Errorf("%s within %s (the connection is %s)", otherwise, within, state)
		}
	}
}

// got is a copy of the packets from number n on.
func (x *viewer) got(n int) []packet {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]packet(nil), x.packets[min(n, len(x.packets)):]...)
}

func (x *viewer) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.packets)
}

func (x *viewer) ssrc() uint32 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.packets[0].SSRC
}

// more wants n packets on top of those that are there.
func (x *viewer) more(ctx context.Context, n int, within time.Duration) error {
	want := x.count() + n
	return x.until(ctx, within, "pictures stand still", func() bool { return len(x.packets) >= want })
}

// silent wants no packet for a while.
func (x *viewer) silent(ctx context.Context, d time.Duration) error {
	n := x.count()
	err := x.until(ctx, d, "", func() bool { return len(x.packets) > n })
	if err == nil {
		return errors.New("packets still come")
	}
	return ctx.Err()
}

// key waits for a key frame among the packets from number n on.
func (x *viewer) key(ctx context.Context, n int, within time.Duration) (time.Time, error) {
	var at time.Time
	err := x.until(ctx, within, "no key frame comes", func() bool {
		for _, p := range x.packets[min(n, len(x.packets)):] {
			if startsKey(p.Payload) {
				at = p.came
				return true
			}
		}
		return false
	})
	return at, err
}
