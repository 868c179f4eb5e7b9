package clip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"dongyue/internal/web"
	"dongyue/streams/evidence"
)

// ErrNothing means that nothing was recorded in a time.
var ErrNothing = errors.New("recordings: nothing was recorded in this time")

// maxPlay is how much is played in one piece.
const maxPlay = 2 * time.Hour

// Headers of what is played: what it shows, by the server's clock. It may be less than
// was asked for; what follows is asked for anew.
const (
	headerFrom = "Dongyue-From"
	headerTo   = "Dongyue-To"
)

// servePlay serves a time of a recording as a file that any player shows, also in
// ranges.
func (r *Recorder) servePlay(w http.ResponseWriter, req *http.Request) {
	camera := req.PathValue("id")
	from, to, err := spanIn(req)
	if err != nil {
		r.problem(w, req, err)
		return
	}
	v, k, err := r.play(req.Context(), camera, from, to)
	if err != nil {
		r.problem(w, req, err)
		return
	}
	defer v.close()
	if err := r.watched(req.Context(), camera, from, to); err != nil {
		r.problem(w, req, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("ETag", strconv.Quote(v.tag()))
	h.Set("Cache-Control", "private, no-cache")
	h.Set(headerFrom, k.from.UTC().Format(stampForm))
	h.Set(headerTo, k.to.UTC().Format(stampForm))
	h.Set("Content-Disposition", `inline; filename="`+camera+`.mp4"`)
	http.ServeContent(w, req, "", time.Time{}, v)
}

const stampForm = "2006-01-02T15:04:05.000Z07:00"

// errSpan means that a time is not given as it must be.
var errSpan = errors.New("recordings: from and to are needed")

// spanIn reads from and to of a request.
func spanIn(req *http.Request) (from, to time.Time, err error) {
	q := req.URL.Query()
	if from, err = time.Parse(time.RFC3339, q.Get("from")); err != nil {
		return from, to, errSpan
	}
	if to, err = time.Parse(time.RFC3339, q.Get("to")); err != nil {
		return from, to, errSpan
	}
	if d := to.Sub(from); d <= 0 || d > maxPlay {
		return from, to, errSpan
	}
	return from, to, nil
}

// play puts a time of a recording together as a file, up to the first longer gap.
func (r *Recorder) play(ctx context.Context, camera string, from, to time.Time) (*video, cut, error) {
	if !r.o.Streams.Known(camera) && !r.hasRecordings(ctx, camera) {
		return nil, cut{}, fmt.Errorf("%w: %q", ErrNoCamera, camera)
	}
	s, err := r.spanOf(ctx, camera, from, to)
	if err != nil {
		return nil, cut{}, err
	}
	ps := upToGap(s.pieces, from)
	if len(ps) == 0 {
		return nil, cut{}, ErrNothing
	}
	dir := filepath.Join(r.o.Dir, camera)
	_, raw, err := headOf(filepath.Join(dir, ps[len(ps)-1].reel))
	if err != nil {
		return nil, cut{}, err
	}
	k := cutOf(ps, from, to)
	first, err := header(raw, k, ps)
	if err != nil {
		return nil, cut{}, err
	}
	v := &video{dir: dir, head: first, size: int64(len(first)), parts: []evidence.Part{{Size: int64(len(first))}}}
	for i, p := range ps {
		v.parts = append(v.parts, evidence.Part{N: i + 1, At: v.size, Size: p.size, File: p.reel, FileAt: p.at})
		v.size += p.size
	}
	if err := v.rebase(); err != nil {
		v.close()
		return nil, cut{}, err
	}
	return v, k, nil
}

// tag names the bytes of a file that is put together: its header and where the rest
// lies. Reels are only ever added to.
func (v *video) tag() string {
	h := sha256.New()
	h.Write(v.head)
	for _, p := range v.parts {
		_, _ = fmt.Fprintf(h, "%s %d %d\n", p.File, p.FileAt, p.Size)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// hasRecordings tells whether there are recordings of a camera, which may be gone.
func (r *Recorder) hasRecordings(ctx context.Context, camera string) bool {
	ts, err := r.reels(ctx, "WHERE camera = ? LIMIT 1", camera)
	return err == nil && len(ts) > 0
}

// watched puts a look at a recording into the audit.
func (r *Recorder) watched(ctx context.Context, camera string, from, to time.Time) error {
	who, _ := web.Who(ctx)
	if !r.looks.fresh(who.ID, "recording/"+camera, time.Now()) {
		return nil
	}
	err := r.o.Audit.Audit(ctx, nil, who.ID, "recording.viewed", camera, map[string]any{"from": from.UTC(), "to": to.UTC()})
	if err != nil {
		r.looks.forget(who.ID, "recording/"+camera)
		return err
	}
	r.metrics.views.Add(1)
	return nil
}
