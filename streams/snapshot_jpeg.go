package streams

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"dongyue/internal/web"
)

const (
	jpegWait  = 10 * time.Second // of the program, from its start
	jpegMost  = 16 << 20         // bytes of a picture
	jpegCache = 64               // pictures that are kept
	jpegHands = 2                // at one time: each decodes a picture
)

// errBusy means that pictures are being made for others.
var errBusy = errors.New("too many pictures are being made")

// jpegs are the newest key frames as pictures. A key frame is decoded once, however
// many ask for it.
type jpegs struct {
	hands chan struct{}

	mu   sync.Mutex
	have map[string]*jpeg // by camera and stream
}

// jpeg is one picture, being made until done is closed.
type jpeg struct {
	at   time.Time // of its key frame
	done chan struct{}
	b    []byte
	err  error
}

func newJPEGs() *jpegs {
	return &jpegs{hands: make(chan struct{}, jpegHands), have: map[string]*jpeg{}}
}

// of returns the picture of a key frame.
func (j *jpegs) of(ctx context.Context, key string, at time.Time, mp4 []byte) ([]byte, error) {
	j.mu.Lock()
	x := j.have[key]
	mine := x == nil || !x.at.Equal(at)
	if mine {
		if len(j.have) >= jpegCache && j.have[key] == nil {
			clear(j.have)
		}
		x = &jpeg{at: at, done: make(chan struct{})}
		j.have[key] = x
	}
	j.mu.Unlock()
	if mine {
		x.b, x.err = j.make(ctx, mp4)
		if x.err != nil { // the next one tries again
			j.mu.Lock()
			if j.have[key] == x {
				delete(j.have, key)
			}
			j.mu.Unlock()
		}
		close(x.done)
		return x.b, x.err
	}
	select {
	case <-x.done:
		return x.b, x.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (j *jpegs) make(ctx context.Context, mp4 []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jpegWait) // others may wait for it
	defer cancel()
	select {
	case j.hands <- struct{}{}:
		defer func() { <-j.hands }()
	case <-ctx.Done():
		return nil, errBusy
	}
	b, err := FFmpeg(ctx, bytes.NewReader(mp4), jpegMost, "-f", "mp4", "-i", "pipe:0", "-frames:v", "1", "-q:v", "3", "-f", "mjpeg", "pipe:1")
	if err == nil && len(b) == 0 {
		err = errors.New("ffmpeg: no picture came out")
	}
	return b, err
}

// SnapshotJPEG returns the newest key frame as a JPEG, and when it came.
func (s *Streams) SnapshotJPEG(ctx context.Context, id string, q Quality) ([]byte, time.Time, error) {
	mp4, at, err := s.Snapshot(ctx, id, q)
	if err != nil {
		return nil, time.Time{}, err
	}
	b, err := s.jpegs.of(ctx, id+"/"+string(q), at, mp4)
	return b, at, err
}

// snapshotJPEG serves it.
func (s *Streams) snapshotJPEG(w http.ResponseWriter, r *http.Request) {
	b, at, err := s.SnapshotJPEG(r.Context(), r.PathValue("id"), quality(r))
	if err != nil {
		web.WriteProblem(w, s.noSnapshot(r, err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	h.Set("Last-Modified", at.UTC().Format(http.TimeFormat))
	_, _ = w.Write(b) //nolint:gosec // G705: a picture, not markup; who has gone needs none
}

// quality is the stream that a request asks for.
func quality(r *http.Request) Quality {
	if r.URL.Query().Get("stream") == string(Sub) {
		return Sub
	}
	return Main
}

// noSnapshot says why there is no picture.
func (s *Streams) noSnapshot(r *http.Request, err error) *web.Problem {
	switch {
	case isUnknown(err):
		return web.Fail(http.StatusNotFound, "camera.unknown", "no camera has this id: GET /api/v1/cameras lists them")
	case errors.Is(err, ErrNoFFmpeg):
		return web.Fail(http.StatusNotImplemented, "snapshot.no_ffmpeg", fmt.Sprintf("a JPEG needs the program ffmpeg on the hub's machine, which is not there: install it (Debian: apt-get install ffmpeg), or take /api/v1/cameras/%s/snapshot.mp4", r.PathValue("id")))
	case errors.Is(err, errBusy):
		return web.Fail(http.StatusServiceUnavailable, "snapshot.busy", "too many pictures are being made: try again in a moment")
	case errors.Is(err, errNoPicture), errors.Is(err, ErrNotRunning), errors.Is(err, ErrGone):
		return web.Fail(http.StatusServiceUnavailable, "camera.no_signal", "the camera sends no picture: GET /api/v1/cameras/{id}/why tells the cause")
	}
	s.log.WarnContext(r.Context(), "snapshot failed", "camera_id", r.PathValue("id"), "err", err)
	return web.Fail(http.StatusServiceUnavailable, "snapshot.failed", "the picture could not be decoded; the hub's log says why")
}
