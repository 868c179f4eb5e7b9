package probe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"

	"dongyue/streams"
	"dongyue/streams/rtsp"
)

// Bounds of how long is looked.
const (
	Shortest = time.Second
	Longest  = 60 * time.Second
)

// Report is what was found. Code says how it went: "camera.live", or a cause as
// /why has them.
type Report struct {
	Code      string            `json:"code"`
	Answer    streams.Text      `json:"answer"`
	Detail    string            `json:"detail,omitempty"` // the technical error, without the address
	Transport streams.Transport `json:"transport,omitempty"`
	Seconds   float64           `json:"seconds"` // looked at
	AnswerMS  int64             `json:"answer_ms"`
	PictureMS int64             `json:"picture_ms"` // until the first whole key frame; 0: none came
	Lost      uint64            `json:"lost"`       // packets
	Tracks    []*Track          `json:"tracks"`
	Advice    []Advice          `json:"advice"`
}

// OK reports whether pictures came.
func (r *Report) OK() bool { return r.Code == "camera.live" }

// Options of Run.
type Options struct {
	Source   streams.Source
	For      time.Duration
	Networks streams.Networks
	HasSub   bool // another, smaller stream is known
}

// Run looks at a camera. What it finds wrong with the camera is in the report;
// the error is for what was asked wrongly.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := streams.CheckURL(o.Source.URL); err != nil {
		return nil, err
	}
	if o.For < Shortest || o.For > Longest {
		return nil, fmt.Errorf("look for %s to %s", Shortest, Longest)
	}
	pull, err := rtsp.New(rtsp.Options{Networks: o.Networks})
	if err != nil {
		return nil, err
	}
	v := &visit{began: time.Now(), tracks: map[format.Format]*Track{}, report: &Report{Tracks: []*Track{}, Advice: []Advice{}}}
	err = pull.Look(ctx, o.Source, o.For, v)
	if ctx.Err() != nil && err == nil {
		err = context.Cause(ctx)
	}
	return v.finish(err, o), nil
}

// visit watches one connection.
type visit struct {
	began  time.Time
	mu     sync.Mutex
	tracks map[format.Format]*Track
	played time.Time
	report *Report
}

// Offer implements rtsp.Visitor.
func (v *visit) Offer(d *description.Session, by streams.Transport) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.played = time.Now()
	v.report.Transport, v.report.AnswerMS = by, time.Since(v.began).Milliseconds()
	for _, m := range d.Medias {
		for _, f := range m.Formats {
			t := newTrack(m, f)
			v.tracks[f] = t
			v.report.Tracks = append(v.report.Tracks, t)
		}
	}
}

// Packet implements rtsp.Visitor.
func (v *visit) Packet(_ *description.Media, f format.Format, p *rtp.Packet) {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.tracks[f]
	if t == nil {
		return
	}
	if key := t.packet(p); key && v.report.PictureMS == 0 {
		v.report.PictureMS = max(1, time.Since(v.began).Milliseconds())
	}
}

// Lost implements rtsp.Visitor.
func (v *visit) Lost(n uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Lost += n
}

func (v *visit) finish(err error, o Options) *Report {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.report
	if !v.played.IsZero() {
		r.Seconds = time.Since(v.played).Round(10 * time.Millisecond).Seconds()
	}
	for _, t := range r.Tracks {
		t.sum(r.Seconds)
	}
	var known bool
	switch {
	case err != nil:
		if r.Code, r.Answer, known = streams.Explained(err); !known {
			r.Code, r.Answer = "camera.failed", streams.Explain("camera.failed")
		}
		r.Detail = streams.Scrub(err.Error(), o.Source.URL)
		return r
	case r.video() == nil:
		r.Code, r.Answer, _ = streams.Explained(streams.ErrNoVideo)
	case r.PictureMS == 0:
		r.Code, r.Answer, _ = streams.Explained(streams.ErrSilent)
		if r.video().packets > 0 {
			r.Detail = "packets came, but no key frame in this time: look longer with --for, or shorten the camera's key frame interval"
			r.Code = "camera.no_key_frame"
			r.Answer = streams.Text{ZH: "有数据但没有关键帧：延长检测时间，或缩短摄像机的关键帧间隔。", EN: "Packets came but no key frame: look longer, or shorten the camera's key frame interval."}
		}
	default:
		r.Code, r.Answer = "camera.live", streams.Text{ZH: "画面正常。", EN: "Pictures are coming."}
	}
	r.advise(o)
	return r
}

// video is the track that a wall would show.
func (r *Report) video() *Track {
	for _, t := range r.Tracks {
		if t.Media == "video" && (t.Codec == "h264" || t.Codec == "h265") {
			return t
		}
	}
	return nil
}
