package clip

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"dongyue/streams/evidence"
)

// atOnce is how many clips that end together are committed in one transaction.
const atOnce = 64

// ending is a clip as it is stored when it ends.
type ending struct {
	clip     *clip
	row      Clip
	manifest []byte
	reels    []string
}

// finish ends clips until ctx ends, and then those that are waiting.
func (r *Recorder) finish(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			r.running.Wait() // the writers hand over what has ended
			for len(r.ended) > 0 {
				r.finishSome(context.WithoutCancel(ctx), <-r.ended)
			}
			return
		case c := <-r.ended:
			r.finishSome(ctx, c)
		}
	}
}

// finishSome ends a clip and those that wait behind it.
func (r *Recorder) finishSome(ctx context.Context, c *clip) {
	clips := []*clip{c}
	for len(clips) < atOnce && len(r.ended) > 0 { // nobody else takes
		clips = append(clips, <-r.ended)
	}
	clips = slices.DeleteFunc(clips, func(c *clip) bool { return !c.begun() })
	if len(clips) == 0 {
		return
	}
	list := r.concludeAll(clips)
	for tries := 1; ; tries++ {
		err := r.storeEndings(ctx, list)
		if err == nil {
			break
		}
		r.log.ErrorContext(ctx, "ends of clips were not stored", "err", err, "clips", len(list))
		if tries == storeTries || ctx.Err() != nil {
			break // they stay as being recorded; the next start ends them
		}
		time.Sleep(time.Second)
	}
	for _, e := range list {
		r.metrics.over(e.row.State)
		r.exit(e.clip)
	}
}

// hands is how many clips are put together side by side: most of the time goes into
// waiting for the disk.
const hands = 4

func (r *Recorder) concludeAll(clips []*clip) []*ending {
	list := make([]*ending, len(clips))
	var wg sync.WaitGroup
	for h := range hands {
		wg.Go(func() {
			for i := h; i < len(clips); i += hands {
				list[i] = r.conclude(clips[i])
			}
		})
	}
	wg.Wait()
	return list
}

// storeTries is how often it is tried, a second apart, to store ends: a database that
// is full may get space meanwhile.
const storeTries = 3

func (r *Recorder) storeEndings(ctx context.Context, list []*ending) error {
	err := r.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		for _, e := range list {
			if err := storeEnd(ctx, tx, e); err != nil {
				return err
			}
			if _, err := r.o.Feed.Append(ctx, tx, topic, Change{e.row, "end"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := r.o.Feed.Committed(ctx); err != nil { // they have ended all the same
		r.log.WarnContext(ctx, "feed not told", "err", err)
	}
	return nil
}

// conclude puts together what there is of a clip and signs it.
func (r *Recorder) conclude(c *clip) *ending {
	ps := c.pieces()
	now := time.Now().UTC().Truncate(time.Millisecond)
	e := &ending{clip: c, row: c.row}
	row := &e.row
	row.EndedAt, row.Problem, row.Interrupted = &now, c.problem, c.resumed
	if len(ps) == 0 {
		row.State, row.Gaps = Failed, gaps(nil, c.from, c.to, "", c.silence)
		if row.Problem == "" {
			row.Problem = problemEmpty
		}
		row.ProblemText = explain(row.Problem)
		return e
	}
	var s *evidence.Signed
	var err error
	r.turn(func() { s, err = r.sign(c, ps, row, true) })
	if err != nil {
		r.log.Error("clip was not signed", "clip_id", row.ID, "err", err)
		row.State, row.Problem, row.ProblemText = Failed, problemDisk, explain(problemDisk)
		return e
	}
	e.manifest = s.Raw()
	for _, p := range ps {
		if !slices.Contains(e.reels, p.reel) {
			e.reels = append(e.reels, p.reel)
		}
	}
	if err := r.writeManifest(row, e.manifest); err != nil {
		r.log.Error("manifest was not written beside its reels; the database has it", "clip_id", row.ID, "err", err)
	}
	return e
}

// describe fills in what a clip shows.
func (c *clip) describe(row *Clip, ps []*piece, head params, final bool) cut {
	k := cutOf(ps, c.from, c.to)
	from, to := k.from.UTC().Truncate(time.Millisecond), k.to.UTC().Truncate(time.Millisecond)
	row.From, row.To, row.DurationMS = &from, &to, k.length.Milliseconds()
	row.Codec = head.codec()
	row.Width, row.Height = head.size()
	row.Sound = head.sound(ps)
	row.Frames = 0
	for _, p := range ps {
		row.Frames += p.frames
	}
	if d, ok := skew(ps); ok {
		ms := d.Milliseconds()
		row.SkewMS = &ms
	}
	before := codeMemory
	if g := ps[0].Gap; g != "" {
		before = g
	}
	if !final { // its writer goes on meanwhile
		row.Gaps = gaps(ps, c.from, k.to, before, "")
		return k
	}
	row.Gaps = gaps(ps, c.from, c.to, before, c.silence)
	row.State = Complete
	if row.Interrupted || row.Problem != "" {
		row.State = Interrupted
	}
	row.ProblemText = explainProblem(row.Problem)
	return k
}

// sign makes the manifest of what there is of a clip. With final, the bytes are read
// back from the disk, so that the signature is never given to something else than
// what was recorded.
func (r *Recorder) sign(c *clip, ps []*piece, row *Clip, final bool) (*evidence.Signed, error) {
	dir := filepath.Join(r.o.Dir, row.Camera)
	head, raw, err := headOf(filepath.Join(dir, ps[len(ps)-1].reel))
	if err != nil {
		return nil, err
	}
	k := c.describe(row, ps, head, final)
	first, err := header(raw, k, ps)
	if err != nil {
		return nil, err
	}
	total := sha256.New()
	total.Write(first)
	sum := sha256.Sum256(first)
	parts := []evidence.Part{{Size: int64(len(first)), SHA256: hex.EncodeToString(sum[:])}}
	disk := &pieceReader{dir: dir}
	defer disk.close()
	for _, p := range ps {
		part := evidence.Part{
			Size: p.size, SHA256: hex.EncodeToString(p.sum[:]), From: p.start.UTC().Truncate(time.Millisecond), MS: span(p.length).Milliseconds(),
			File: p.reel, FileAt: p.at,
		}
		parts = append(parts, part)
		same, err := disk.hash(p, total)
		if err != nil {
			return nil, err
		}
		if !same && row.Problem == "" {
			row.Problem, row.State, row.ProblemText = problemSpoilt, Interrupted, explain(problemSpoilt)
		}
	}
	size, err := evidence.Chain(parts)
	if err != nil {
		return nil, err
	}
	row.Bytes, row.SHA256 = size, hex.EncodeToString(total.Sum(nil))
	m := r.manifest(row, ps)
	m.Video = evidence.Video{Size: size, SHA256: row.SHA256, Head: base64.StdEncoding.EncodeToString(first)}
	m.Parts = parts
	return evidence.Sign(m, r.key)
}

// manifest is what a manifest says of a clip, without its bytes.
func (r *Recorder) manifest(row *Clip, ps []*piece) evidence.Manifest {
	m := evidence.Manifest{
		Format: evidence.Format, Kind: evidence.Original, Clip: row.ID, Camera: row.Camera, CameraName: row.CameraName, Alarm: row.Alarm,
		Reason: row.Reason, Stream: string(r.quality(row.Camera)), Wanted: evidence.Span{From: row.WantedFrom, To: row.WantedTo},
		Shows: evidence.Span{From: *row.From, To: *row.To}, Codec: row.Codec, Sound: row.Sound, Width: row.Width, Height: row.Height, State: string(row.State),
		Interrupted: row.Interrupted, Problem: row.Problem, Software: "dongyue " + r.o.Version, SignedAt: time.Now().UTC().Truncate(time.Millisecond),
	}
	for _, g := range row.Gaps {
		m.Gaps = append(m.Gaps, evidence.Gap{Span: evidence.Span{From: g.From, To: g.To}, Reason: g.Reason})
	}
	m.First = evidence.Clocks{Server: ps[0].start.UTC().Truncate(time.Millisecond)}
	if d, ok := skew(ps); ok {
		at := ps[0].start.Add(d).UTC().Truncate(time.Millisecond)
		m.First.Camera, m.First.SkewMS = &at, d.Milliseconds()
	}
	return m
}

// skew is the camera's clock less the server's. Cameras tell theirs some seconds after
// they began to send.
func skew(ps []*piece) (d time.Duration, ok bool) {
	for _, p := range ps {
		if p.NTP != nil {
			return p.NTP.Sub(p.start), true
		}
	}
	return 0, false
}

// writeManifest puts a manifest beside the reels, so that the folder can be checked
// without the hub.
func (r *Recorder) writeManifest(row *Clip, b []byte) error {
	dir := filepath.Join(r.o.Dir, row.Camera)
	tmp := filepath.Join(dir, row.ID+".tmp")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(dir, row.ID+".json"))
	}
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return syncDir(dir)
}

// pieceReader reads fragments back; it keeps the file of the last one open.
type pieceReader struct {
	dir  string
	name string
	f    *os.File
	buf  bytes.Buffer
}

func (d *pieceReader) read(p *piece) ([]byte, error) {
	if d.name != p.reel {
		d.close()
		f, err := os.Open(filepath.Join(d.dir, p.reel))
		if err != nil {
			return nil, fmt.Errorf("read reel: %w", err)
		}
		d.f, d.name = f, p.reel
	}
	d.buf.Reset()
	if _, err := d.buf.ReadFrom(io.NewSectionReader(d.f, p.at, p.size)); err != nil {
		return nil, fmt.Errorf("read reel: %w", err)
	}
	return d.buf.Bytes(), nil
}

// hash adds a fragment to the hash of the whole and tells whether it is the one that
// was written.
func (d *pieceReader) hash(p *piece, total io.Writer) (same bool, err error) {
	b, err := d.read(p)
	if err != nil {
		return false, err
	}
	_, _ = total.Write(b) // a hash takes everything
	if !p.read.Load() && sha256.Sum256(b) == p.sum {
		p.read.Store(true)
	}
	return p.read.Load(), nil
}

func (d *pieceReader) close() {
	if d.f != nil {
		_ = d.f.Close()
	}
	d.f, d.name = nil, ""
}
