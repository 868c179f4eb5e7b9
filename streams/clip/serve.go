package clip

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"dongyue/internal/web"
)

// problem answers with an error outside huma.
func (r *Recorder) problem(w http.ResponseWriter, req *http.Request, err error) {
	var p *web.Problem
	if !errors.As(refusal(err), &p) {
		r.log.ErrorContext(req.Context(), "request failed", "path", req.URL.Path, "err", err)
		p = web.Fail(http.StatusInternalServerError, "internal", "the hub could not do this; its log says why")
	}
	web.WriteProblem(w, p)
}

// serveVideo serves a clip's file, also in ranges, and what is there so far of one
// that is being recorded. With view its times begin at 0, for players; these are then
// not the bytes that were signed.
func (r *Recorder) serveVideo(w http.ResponseWriter, req *http.Request) {
	row, s, err := r.signed(req.Context(), req.PathValue("id"))
	if err != nil {
		r.problem(w, req, err)
		return
	}
	if err := r.looked(req.Context(), &row); err != nil {
		r.problem(w, req, err)
		return
	}
	v, err := newVideo(r.dirOf(&row), s)
	if err != nil {
		r.problem(w, req, err)
		return
	}
	defer v.close()
	tag := s.Video.SHA256
	if req.URL.Query().Get("view") != "" {
		if err := v.rebase(); err != nil {
			r.problem(w, req, err)
			return
		}
		tag += "-view"
	}
	h := w.Header()
	h.Set("Content-Type", "video/mp4")
	h.Set("ETag", strconv.Quote(tag)) // a clip that grows is another file each time
	h.Set("Content-Disposition", `inline; filename="`+row.ID+`.mp4"`)
	http.ServeContent(w, req, "", time.Time{}, v)
}

func (r *Recorder) serveManifest(w http.ResponseWriter, req *http.Request) {
	_, s, err := r.signed(req.Context(), req.PathValue("id"))
	if err != nil {
		r.problem(w, req, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.Raw()) //nolint:gosec // G705: JSON, not markup; who has gone needs no manifest
}

// reasonOf is a reason as it is kept.
func reasonOf(text string) (string, error) {
	if text = strings.TrimSpace(text); text == "" || len(text) > 500 {
		return "", web.Fail(http.StatusUnprocessableEntity, "clip.reason", `say why, in up to 500 bytes: {"reason": "…"}; it goes into the audit and the export`)
	}
	return text, nil
}

const maxExports = 2 // at one time: each fills a temporary file

var errTooMany = errors.New("too many exports")

// serveExport gives a clip out, with who and why in the audit before the first byte.
func (r *Recorder) serveExport(w http.ResponseWriter, req *http.Request) {
	var in struct {
		Reason    string    `json:"reason"`
		Watermark Watermark `json:"watermark"`
	}
	d := json.NewDecoder(http.MaxBytesReader(w, req.Body, 16<<10))
	d.DisallowUnknownFields()
	err := d.Decode(&in)
	if err != nil {
		in.Reason = ""
	}
	reason, err := reasonOf(in.Reason)
	if err != nil {
		r.problem(w, req, err)
		return
	}
	if !in.Watermark.ok() {
		web.WriteProblem(w, web.Fail(http.StatusUnprocessableEntity, "clip.watermark", "watermark is none, viewer (a page that shows it, the usual) or copy (also a copy with it in its pictures)"))
		return
	}
	if n := r.exporting.Add(1); n > maxExports {
		r.exporting.Add(-1)
		r.problem(w, req, errTooMany)
		return
	}
	defer r.exporting.Add(-1)
	who, _ := web.Who(req.Context())
	x, err := r.prepare(req.Context(), req.PathValue("id"), Taken{By: who.ID, Name: who.Name, Reason: reason, Watermark: cmp.Or(in.Watermark, MarkViewer)})
	if err != nil {
		r.problem(w, req, err)
		return
	}
	defer x.close()
	err = r.o.Audit.Audit(req.Context(), nil, who.ID, "clip.exported", x.row.ID, map[string]any{
		"camera": x.row.Camera, "alarm": x.row.Alarm, "reason": x.signed.Exported.Reason, "sha256": x.signed.Video.SHA256, "watermark": cmp.Or(in.Watermark, MarkViewer),
	})
	if err != nil {
		r.problem(w, req, err)
		return
	}
	r.metrics.exports.Add(1)
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", "attachment; filename="+strconv.Quote("clip-"+x.row.ID+".zip"))
	if err := x.write(w); err != nil {
		panic(http.ErrAbortHandler) // half an archive must not look like a whole one
	}
}

const (
	// lookAgain is how long further requests for a clip are the same look: a player
	// asks for a piece at a time.
	lookAgain = 10 * time.Minute
	maxLooks  = 4096
)

// looks remembers who has looked at what.
type looks struct {
	mu   sync.Mutex
	last map[string]time.Time // by person and clip
}

// fresh tells whether this is a look of its own.
func (l *looks) fresh(who, clip string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := who + "\x00" + clip
	if t, ok := l.last[id]; ok && now.Sub(t) < lookAgain {
		return false
	}
	if l.last == nil || len(l.last) >= maxLooks {
		l.last = map[string]time.Time{}
	}
	l.last[id] = now
	return true
}

// forget is for a look that could not be put down.
func (l *looks) forget(who, clip string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.last, who+"\x00"+clip)
}

// looked puts a look at a clip into the audit.
func (r *Recorder) looked(ctx context.Context, c *Clip) error {
	who, _ := web.Who(ctx)
	if !r.looks.fresh(who.ID, c.ID, time.Now()) {
		return nil
	}
	err := r.o.Audit.Audit(ctx, nil, who.ID, "clip.viewed", c.ID, map[string]any{"camera": c.Camera, "alarm": c.Alarm})
	if err != nil {
		r.looks.forget(who.ID, c.ID)
		return err
	}
	r.metrics.views.Add(1)
	return nil
}

func randomKey() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}
