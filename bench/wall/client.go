package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"dongyue/bench/rig"
)

// socketBytes is what Chromium asks of the kernel.
const socketBytes = 1 << 20

// client is one peer connection with many tiles.
type client struct {
	api           *rig.API
	pc            *webrtc.PeerConnection
	mux           interface{ Close() error }
	session       string
	mids          []string
	tiles         []*tile
	packets, lost atomic.Uint64
}

// open plays cameras and tells after how long each had a picture.
func open(ctx context.Context, api *rig.API, cameras []string) (*client, []time.Duration, error) {
	w := &client{api: api}
	if err := w.connection(); err != nil {
		return nil, nil, err
	}
	for range cameras {
		t := &tile{whole: make(chan time.Time, 1)}
		t.arm(0)
		w.tiles = append(w.tiles, t)
		if _, err := w.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			return nil, nil, err
		}
	}
	w.pc.OnTrack(func(tr *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		for i, x := range w.pc.GetTransceivers() {
			if x.Receiver() == r {
				w.receive(w.tiles[i], tr)
			}
		}
	})
	offer, err := w.pc.CreateOffer(nil)
	if err != nil {
		return nil, nil, err
	}
	if err := w.pc.SetLocalDescription(offer); err != nil {
		return nil, nil, err
	}
	began := time.Now()
	head, answer, err := api.Do(ctx, http.MethodPost, "/whep/wall?tiles="+strings.Join(cameras, ","), "application/sdp", []byte(offer.SDP))
	if err != nil {
		return nil, nil, err
	}
	w.session = head.Get("Location")
	if err := w.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		return nil, nil, err
	}
	for _, x := range w.pc.GetTransceivers() {
		w.mids = append(w.mids, x.Mid())
	}
	took, err := w.await(began)
	return w, took, err
}

// connection makes one that asks for lost packets again, as browsers do.
func (w *client) connection() error {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	_ = conn.SetReadBuffer(socketBytes)
	mux := webrtc.NewICEUDPMux(nil, conn)
	w.mux = mux
	set := webrtc.SettingEngine{}
	set.SetICEUDPMux(mux)
	set.SetIncludeLoopbackCandidate(true)
	media, with := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return err
	}
	if err := webrtc.ConfigureNack(media, with); err != nil {
		return err
	}
	w.pc, err = webrtc.NewAPI(webrtc.WithSettingEngine(set), webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(with)).NewPeerConnection(webrtc.Configuration{})
	return err
}

func (w *client) close(ctx context.Context) {
	_, _, _ = w.api.Do(ctx, http.MethodDelete, w.session, "", nil) // the hub ends it by itself too
	_ = w.pc.Close()
	_ = w.mux.Close()
}

// flip gives every tile another camera and tells after how long each had its picture.
func (w *client) flip(ctx context.Context, cameras []string) ([]time.Duration, error) {
	type change struct {
		Mid    string `json:"mid"`
		Camera string `json:"camera"`
	}
	var in struct {
		Tiles []change `json:"tiles"`
	}
	for i, c := range cameras {
		in.Tiles = append(in.Tiles, change{w.mids[i], c})
	}
	b, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	for _, t := range w.tiles {
		t.hold()
	}
	began := time.Now()
	if _, _, err := w.api.Do(ctx, http.MethodPut, w.session+"/tiles", "application/json", b); err != nil {
		return nil, err
	}
	if err := w.tell(ctx, cameras, began.Add(within)); err != nil {
		return nil, err
	}
	return w.await(began)
}

// tell tells the tiles with which frame their new picture begins.
func (w *client) tell(ctx context.Context, cameras []string, until time.Time) error {
	for time.Now().Before(until) {
		_, answer, err := w.api.Do(ctx, http.MethodGet, w.session+"/tiles", "", nil)
		if err != nil {
			return err
		}
		var out struct {
			Tiles []struct {
				Camera string
				Begun  *uint32 `json:"begun_rtp"`
			}
		}
		if err := json.Unmarshal(answer, &out); err != nil {
			return err
		}
		black := 0
		for i, t := range out.Tiles {
			if t.Camera != cameras[i] || t.Begun == nil {
				black++
				continue
			}
			w.tiles[i].arm(*t.Begun)
		}
		if black == 0 {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("not all tiles began their picture within %s", within)
}

func (w *client) await(began time.Time) ([]time.Duration, error) {
	end := time.After(within)
	took := make([]time.Duration, 0, len(w.tiles))
	for i, t := range w.tiles {
		select {
		case at := <-t.whole:
			took = append(took, at.Sub(began))
		case <-end:
			return nil, fmt.Errorf("tile %d has no whole picture after %s", i, within)
		}
	}
	return took, nil
}

func (w *client) receive(t *tile, tr *webrtc.TrackRemote) {
	var next uint16
	for first := true; ; first = false {
		p, _, err := tr.ReadRTP()
		if err != nil {
			return
		}
		w.packets.Add(1)
		if gap := p.SequenceNumber - next; !first && gap > 0 && gap < 1<<15 {
			w.lost.Add(uint64(gap))
		}
		if first || int16(p.SequenceNumber-next) >= 0 { //nolint:gosec // modulo 2^16 is meant
			next = p.SequenceNumber + 1
		}
		t.packet(p, time.Now())
	}
}

// tile looks for the first whole key frame of a picture.
type tile struct {
	mu     sync.Mutex
	armed  bool // begun is known
	told   bool // whole has been sent
	begun  uint32
	frames map[uint32]*keyFrame
	whole  chan time.Time
}

// keyFrame is one as far as it has come.
type keyFrame struct {
	first, last uint16
	begun, over bool
	packets     map[uint16]bool
	whole       time.Time
}

// hold forgets what was; the new picture's beginning is not known yet.
func (t *tile) hold() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed, t.told, t.frames = false, false, map[uint32]*keyFrame{}
}

// arm tells with which timestamp the picture begins; 0: with any.
func (t *tile) arm(begun uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.armed {
		return
	}
	if t.frames == nil {
		t.frames = map[uint32]*keyFrame{}
	}
	t.armed, t.begun = true, begun
	for ts, f := range t.frames {
		t.judge(ts, f)
	}
}

func (t *tile) packet(p *rtp.Packet, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.told {
		return
	}
	f := t.frames[p.Timestamp]
	if f == nil {
		f = &keyFrame{packets: map[uint16]bool{}}
		t.frames[p.Timestamp] = f
	}
	f.packets[p.SequenceNumber] = true
	if len(p.Payload) > 3 && p.Payload[0]&0x1f == 24 && p.Payload[3]&0x1f == 7 { // STAP-A with the SPS in front
		f.first, f.begun = p.SequenceNumber, true
	}
	if p.Marker {
		f.last, f.over = p.SequenceNumber, true
	}
	if f.begun && f.over && f.whole.IsZero() && len(f.packets) == int(f.last-f.first)+1 {
		f.whole = now
		t.judge(p.Timestamp, f)
	}
}

// judge tells of the first whole key frame of this picture. Hold t.mu.
func (t *tile) judge(ts uint32, f *keyFrame) {
	if t.armed && !t.told && !f.whole.IsZero() && (t.begun == 0 || ts == t.begun) {
		t.told, t.frames = true, nil
		t.whole <- f.whole
	}
}
