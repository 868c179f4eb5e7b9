package whep

import (
	"context"
	"errors"
	mrand "math/rand/v2"
	"net/http"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"dongyue/streams"
)

// wish is what a tile is to show; camera "" is nothing.
type wish struct {
	camera string
	stream streams.Quality
}

// tile is one picture of a session: a track that stays, and a camera that may change.
type tile struct {
	from        *streams.Streams
	track       *track
	transceiver *webrtc.RTPTransceiver
	reader      *streams.Reader
	mid         string
	alone       bool // the session of one camera: it ends with the camera
	plays       func(streams.Codec) bool

	mu     sync.Mutex
	wish   wish
	shown  *streams.Lease // what the reader reads; nil: nothing
	camera string         // whose stream that is
	next   *streams.Lease // what it is to read
	hold   bool           // shown flows until next has a picture
	failed error          // why the wish can't be met
	reason streams.Reason // why it is met with another stream
	turns  uint64         // counts wishes, so that a late change is known
	over   bool
}

// newTile opens the camera, if one is wished for. That of one camera alone waits until
// it is known what it sends, no longer than ctx lasts; the others do not.
func newTile(ctx context.Context, from *streams.Streams, w wish, plays func(streams.Codec) bool, alone bool) *tile {
	t := &tile{from: from, track: &track{}, wish: w, camera: w.camera, plays: plays, alone: alone}
	t.track.codec = t.codec
	stream := streams.NewStream() // shows nothing
	if w.camera != "" {
		if !alone {
			ctx = over()
		}
		var c streams.Choice
		if c, t.failed = from.Choose(ctx, w.camera, w.stream, plays); t.failed == nil {
			t.shown, t.reason, stream = c.Lease, c.Reason, c.Stream
		}
	}
	t.reader = streams.NewReader(stream, t.track, uint16(mrand.Uint32())) //nolint:gosec // SRTP keeps it secret
	return t
}

// over is a context for who does not wait.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// codec is what is known of the camera's coding.
func (t *tile) codec() streams.Codec {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shown == nil {
		return streams.Codec{}
	}
	return t.shown.Codec()
}

// change shows something else. Another stream of the same camera waits for its key
// frame while the old one flows; another camera takes the tile at once.
func (t *tile) change(w wish) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || w == t.wish && t.failed == nil {
		return
	}
	t.wish = w
	t.follow(t.shown != nil && t.camera == w.camera)
}

// follow opens what is wished for. Hold t.mu.
func (t *tile) follow(same bool) {
	t.turns++
	turn := t.turns
	t.reader.Stay()
	if t.next != nil {
		t.next.Close()
	}
	t.next, t.failed, t.hold, t.reason = nil, nil, false, ""
	var lease *streams.Lease
	if t.wish.camera != "" {
		var c streams.Choice
		c, t.failed = t.from.Choose(over(), t.wish.camera, t.wish.stream, t.plays)
		lease, t.reason = c.Lease, c.Reason
	}
	switch {
	case lease == nil:
		t.reader.Switch(nil, false, func() bool { return t.turned(turn) })
	case same && lease.Stream == t.shown.Stream:
		lease.Close() // it flows already
	default:
		t.next, t.hold = lease, same
		t.reader.Switch(lease.Stream, same, func() bool { return t.turned(turn) })
	}
}

// turned is called by the reader when it comes to a change.
func (t *tile) turned(turn uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if turn != t.turns || t.over {
		return false
	}
	if t.shown != nil {
		t.shown.Close()
	}
	t.shown, t.camera, t.next, t.hold = t.next, t.wish.camera, nil, false
	if t.shown != nil {
		t.track.use(t.shown.Codec())
	}
	return true
}

// run sends until ctx ends. A camera that is gone, or was set to another coding,
// leaves its tile, not the wall.
func (t *tile) run(ctx context.Context) error {
	for {
		err := t.reader.Run(ctx)
		if t.alone || !errors.Is(err, streams.ErrGone) && !errors.Is(err, streams.ErrCoding) {
			return err
		}
		t.reopen()
	}
}

// reopen looks for the camera again: it may have got another address.
func (t *tile) reopen() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next != nil && !t.hold && t.next.Gone() == nil && t.plays(t.next.Codec()) {
		return // another is on its way already
	}
	t.follow(false)
}

// close lets the camera go.
func (t *tile) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	for _, l := range []*streams.Lease{t.shown, t.next} {
		if l != nil {
			l.Close()
		}
	}
}

// hear does what the viewer asks for.
func (t *tile) hear(packets []rtcp.Packet) {
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			t.reader.Refresh()
		case *rtcp.TransportLayerNack:
			var seqs []uint16
			for _, pair := range p.Nacks {
				seqs = append(seqs, pair.PacketList()...)
			}
			t.reader.Resend(seqs)
		}
	}
}

// tell says in the head of an answer what a session of one camera shows.
func (t *tile) tell(h http.Header) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h.Set(headStream, string(t.shown.Quality()))
	if sound := t.shown.Codec().Audio; sound != "" {
		h.Set(headAudio, sound)
	}
	if t.reason != "" {
		h.Set(headReason, string(t.reason))
	}
}
