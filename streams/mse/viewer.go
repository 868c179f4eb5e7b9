package mse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"

	"dongyue/streams"
)

const (
	writeWithin = 10 * time.Second // a viewer that takes nothing for so long has gone
	pingEvery   = 10 * time.Second
	soundEvery  = 100 * time.Millisecond // sound does not wait longer for a picture to go with
	soundFresh  = time.Second            // sound that is older has ended
	awaitSound  = 2 * time.Second
)

// viewer is one WebSocket.
type viewer struct {
	s                 *Server
	camera, principal string
	want              streams.Quality
	h265, sound       bool // the viewer shows H.265; wants sound
	conn              *websocket.Conn
	cancel            func(error)

	lease *streams.Lease
	mux   *muxer
	hello Hello
	ears  uint64 // number of the next piece of sound
}

// Hello is the text message before each initialisation segment, or instead of one.
type Hello struct {
	MIME   string          `json:"mime,omitempty"`   // for addSourceBuffer or changeType
	Stream streams.Quality `json:"stream,omitempty"` // which one it is
	Reason streams.Reason  `json:"reason,omitempty"` // why it is not the one asked for
	Audio  string          `json:"audio,omitempty"`  // coding of the camera's sound: in the file when the MIME type names it
	Code   string          `json:"code,omitempty"`   // of what is wrong; then nothing follows
	Detail string          `json:"detail,omitempty"`
}

// serve is the life of a viewer.
func (v *viewer) serve(ctx context.Context) {
	defer func() { _ = v.conn.CloseNow() }()
	// Who talks is closed: viewers have nothing to say. A context that ends closes the
	// connection without a word, so the library gets none that does.
	gone := v.conn.CloseRead(context.WithoutCancel(ctx))
	defer context.AfterFunc(gone, func() { v.cancel(errLeft) })()
	choice, err := v.s.o.Streams.ChooseFile(ctx, v.camera, v.want, func(c streams.Codec) bool { return v.h265 || c.Codec != "h265" })
	if err == nil {
		v.lease, v.hello = choice.Lease, Hello{Stream: choice.Quality(), Reason: choice.Reason}
		err = v.run(ctx)
		choice.Close()
	}
	v.bye(ctx, err)
}

// bye tells why it is over, where somebody still listens.
func (v *viewer) bye(ctx context.Context, err error) {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	status, why := websocket.StatusTryAgainLater, "again"
	switch {
	case errors.Is(err, streams.ErrNotPlayable):
		status, why = websocket.StatusUnsupportedData, "h265"
		_ = v.tell(ctx, Hello{Code: "mse.h265", Detail: "the camera sends H.265 only, which the viewer does not show: set its sub stream to H.264"})
	case errors.Is(err, errRevoked):
		status, why = websocket.StatusPolicyViolation, "revoked"
	case errors.Is(err, streams.ErrGone), errors.Is(err, streams.ErrUnknown):
		status, why = websocket.StatusNormalClosure, "gone"
	}
	_ = v.conn.Close(status, why)
	v.s.log.Debug("viewer left", "camera_id", v.camera, "principal", v.principal, "reason", err)
}

// run sends until the viewer goes or can't go on.
func (v *viewer) run(ctx context.Context) (err error) {
	// The pictures are a camera's own bytes; whatever they do to the library costs
	// this viewer only.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("pictures could not be written: %v", r)
		}
	}()
	if err := v.await(ctx); err != nil {
		return err
	}
	follow := v.lease.Follow()
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		fs, skipped, wake, err := follow.Next()
		if err != nil {
			return err
		}
		v.s.skipped.Add(skipped)
		for _, f := range fs {
			if err := v.picture(ctx, f); err != nil {
				return err
			}
		}
		if wake == nil {
			continue
		}
		if err := v.hear(ctx); err != nil {
			return err
		}
		if err := v.rest(ctx, wake, ping.C); err != nil {
			return err
		}
	}
}

// await gives the sound of a camera that was not pulled time to come, since the
// head of the file says whether there is any.
func (v *viewer) await(ctx context.Context) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(awaitSound); v.sound && !v.hears() && time.Now().Before(end); {
		if c := v.lease.Sound().Codec; v.lease.State() == streams.Live && c != streams.AAC && c != streams.Opus {
			return nil // it has none that fits
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-look.C:
		}
	}
	return nil
}

// hears tells whether the camera sends sound now.
func (v *viewer) hears() bool {
	fs, _, _ := v.lease.Sounds(0)
	return len(fs) > 0 && time.Since(fs[len(fs)-1].At) < soundFresh
}

// rest waits for what comes next.
func (v *viewer) rest(ctx context.Context, wake <-chan struct{}, ping <-chan time.Time) error {
	var listen <-chan time.Time
	if v.mux != nil && v.mux.audio != nil {
		t := time.NewTimer(soundEvery)
		defer t.Stop()
		listen = t.C
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-wake:
	case <-listen:
	case <-ping:
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
		defer cancel()
		if err := v.conn.Ping(within); err != nil {
			return fmt.Errorf("ping: %w", err)
		}
	}
	return nil
}

// picture sends what the next picture makes known.
func (v *viewer) picture(ctx context.Context, f *streams.Frame) error {
	if v.mux == nil {
		return v.begin(ctx, f)
	}
	b, err := v.mux.add(f)
	if err != nil {
		return err
	}
	if err := v.send(ctx, b); err != nil {
		return err
	}
	if v.mux.changes(f) {
		if err := v.mux.take(f); err != nil {
			return err
		}
		return v.announce(ctx)
	}
	return nil
}

// begin sends the head of the file. Players wait for each track that is in it, so
// sound is there only when it comes.
func (v *viewer) begin(ctx context.Context, f *streams.Frame) error {
	sound := v.lease.Sound()
	v.hello.Audio = sound.Codec
	if !v.sound || !v.hears() {
		sound = streams.Sound{}
	}
	_, v.ears, _ = v.lease.Sounds(0)
	m, err := newMuxer(f, sound)
	if err != nil {
		return err
	}
	v.mux = m
	if _, err := m.add(f); err != nil {
		return err
	}
	return v.announce(ctx)
}

func (v *viewer) announce(ctx context.Context) error {
	b, err := v.mux.init()
	if err != nil {
		return err
	}
	v.hello.MIME = v.mux.mime()
	if err := v.tell(ctx, v.hello); err != nil {
		return err
	}
	return v.send(ctx, b)
}

var errSilent = errors.New("the camera's sound has ended or changed")

// hear sends the sound that has come. A file whose sound ends would stand still, so
// the viewer is asked to come again, and gets one without.
func (v *viewer) hear(ctx context.Context) error {
	if v.mux == nil || v.mux.audio == nil {
		return nil
	}
	if now := v.lease.Sound(); now.Codec != v.mux.sound.Codec || string(now.Config) != string(v.mux.sound.Config) {
		return errSilent
	}
	fs, first, wake := v.lease.Sounds(v.ears)
	if wake != nil {
		if !v.hears() && v.lease.State() == streams.Live {
			return errSilent
		}
		return nil
	}
	v.ears = first + uint64(len(fs))
	b, err := v.mux.hear(fs)
	if err != nil {
		return err
	}
	return v.send(ctx, b)
}

func (v *viewer) tell(ctx context.Context, h Hello) error {
	b, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode hello: %w", err)
	}
	return v.write(ctx, websocket.MessageText, b)
}

func (v *viewer) send(ctx context.Context, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	v.s.fragments.Add(1)
	return v.write(ctx, websocket.MessageBinary, b)
}

func (v *viewer) write(ctx context.Context, kind websocket.MessageType, b []byte) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeWithin)
	defer cancel()
	if err := v.conn.Write(ctx, kind, b); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	v.s.bytes.Add(uint64(len(b)))
	return nil
}
