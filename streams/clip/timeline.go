package clip

import (
	"cmp"
	"context"
	"slices"
	"time"

	"dongyue/internal/event"
)

// Span is a time that is recorded without a longer gap.
type Span struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Bytes int64     `json:"bytes"`
}

// Mark is an alarm on the time line.
type Mark struct {
	ID       string         `json:"id"`
	At       time.Time      `json:"at"`
	Title    event.Text     `json:"title"`
	Priority event.Priority `json:"priority"`
	Open     bool           `json:"open"`
}

// Timeline is what there is of a camera in a time.
type Timeline struct {
	Camera string    `json:"camera"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to" doc:"as asked for; nothing after now counts as a gap"`
	Spans  []Span    `json:"spans"`
	Gaps   []Gap     `json:"gaps"`
	Alarms []Mark    `json:"alarms"`
	Clips  []Clip    `json:"clips"`
	State  Taping    `json:"recording"`
}

// fresh is how far the end of a recording may be behind now without a gap.
const fresh = 4 * time.Second

// Timeline tells what there is of a camera in a time.
func (r *Recorder) Timeline(ctx context.Context, camera string, from, to time.Time) (t Timeline, err error) {
	t = Timeline{Camera: camera, From: from.UTC(), To: to.UTC(), Spans: []Span{}, Gaps: []Gap{}, Alarms: []Mark{}, Clips: []Clip{}}
	if t.State, err = r.Taping(ctx, camera); err != nil {
		return t, err
	}
	rows, err := r.reels(ctx, "WHERE camera = ? AND from_ms < ? AND (to_ms > ? OR to_ms = 0) ORDER BY from_ms, reel", camera, to.UnixMilli(), from.UnixMilli())
	if err != nil {
		return t, err
	}
	g, err := r.gapper(ctx, camera, from, to)
	if err != nil {
		return t, err
	}
	at := from
	for i := range rows {
		r.fillIn(&rows[i])
		at = t.lay(&rows[i], at, g)
	}
	if end := earliest(to, time.Now().Add(-fresh)); at.Before(end) {
		t.gap(at, earliest(to, time.Now()), g.reason(at, end, t.State.Problem))
	}
	if t.Clips, err = r.clipsIn(ctx, camera, from, to); err != nil {
		return t, err
	}
	if r.o.Alarms != nil {
		if t.Alarms, err = r.o.Alarms(ctx, camera, from, to); err != nil {
			return t, err
		}
	}
	return t, nil
}

// fillIn completes a row whose reel is still being written.
func (r *Recorder) fillIn(t *taped) {
	if !t.to.IsZero() {
		return
	}
	ps, err := r.piecesOf(t.camera, t.reel)
	if err != nil || len(ps) == 0 {
		t.to = t.from
		return
	}
	size := ps[0].at
	for _, p := range ps {
		size += p.size
	}
	*t = r.rowOf(t.camera, t.reel, size, ps)
}

// lay puts a reel onto the time line behind what lies there up to a moment, and
// returns the moment up to which it lies there now.
func (t *Timeline) lay(x *taped, at time.Time, g *gapper) time.Time {
	a, b := later(x.from, at), earliest(x.to, t.To)
	if !b.After(a) {
		return at
	}
	if a.Sub(at) > pause || x.Gap != "" && a.After(at) {
		t.gap(at, a, g.reason(at, a, x.Gap))
		at = a
	}
	if len(t.Spans) == 0 {
		at = a
	}
	share := float64(x.bytes) / max(1, float64(x.to.Sub(x.from).Milliseconds()))
	for _, h := range x.Gaps {
		from, to := clamp(time.UnixMilli(h.From), a, b), clamp(time.UnixMilli(h.To), a, b)
		if !to.After(from) {
			continue
		}
		t.span(at, from, share)
		t.gap(from, to, g.reason(from, to, h.Reason))
		at = to
	}
	t.span(at, b, share)
	return b
}

// span adds recorded time; what follows at once is the same span.
func (t *Timeline) span(from, to time.Time, bytesPerMS float64) {
	if !to.After(from) {
		return
	}
	bytes := int64(bytesPerMS * float64(to.Sub(from).Milliseconds()))
	if n := len(t.Spans); n > 0 && !from.After(t.Spans[n-1].To) {
		t.Spans[n-1].To = to.UTC()
		t.Spans[n-1].Bytes += bytes
		return
	}
	t.Spans = append(t.Spans, Span{from.UTC().Truncate(time.Millisecond), to.UTC().Truncate(time.Millisecond), bytes})
}

func (t *Timeline) gap(from, to time.Time, reason string) {
	if to.Sub(from) >= time.Millisecond {
		t.Gaps = append(t.Gaps, Gap{from.UTC().Truncate(time.Millisecond), to.UTC().Truncate(time.Millisecond), reason, explain(reason)})
	}
}

// codeIdle is the code of a camera that was not pulled before a picture.
const codeIdle = "camera.not_pulled"

// gapper knows why nothing was recorded.
type gapper struct {
	marks  []mark
	pruned time.Time
}

func (r *Recorder) gapper(ctx context.Context, camera string, from, to time.Time) (*gapper, error) {
	marks, err := r.marks(ctx, camera, from, to)
	if err != nil {
		return nil, err
	}
	pruned, err := r.pruned(ctx, camera)
	return &gapper{marks, pruned}, err
}

// reason says why a time is missing: it was deleted, or recording stood for a reason
// that was noted, or what the fragment behind it says.
func (g *gapper) reason(from, to time.Time, told string) string {
	if !g.pruned.IsZero() && from.Before(g.pruned) {
		return codePruned
	}
	code, known := "", false
	for _, m := range g.marks {
		if m.at.Before(to) && (m.code != "" || !m.at.After(from)) {
			code, known = m.code, true
		}
	}
	if told == codeIdle { // which every recording begins with
		told = ""
	}
	if !known && told == "" {
		return codeOff // nothing was ever recorded before it
	}
	return cmp.Or(code, told, codeUnknown)
}

// clipsIn are the clips of a camera that show something of a time.
func (r *Recorder) clipsIn(ctx context.Context, camera string, from, to time.Time) ([]Clip, error) {
	low, high := newID("", from.Add(-maxLength)), newID("", to)
	cs, err := query(ctx, r.o.DB.Read(), "WHERE camera = ? AND id >= ? AND id <= ? ORDER BY id LIMIT 1000", camera, low[:10], high[:10]+"~")
	if err != nil {
		return nil, err
	}
	cs = slices.DeleteFunc(cs, func(c Clip) bool { return !c.WantedTo.After(from) || !c.WantedFrom.Before(to) })
	if cs == nil {
		cs = []Clip{}
	}
	return cs, nil
}
