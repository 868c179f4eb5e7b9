package clip

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"slices"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"dongyue/streams/evidence"
)

// extract is a clip on its way into one file: its pictures, then its sound.
type extract struct {
	params params
	tracks []*pmp4.Track
	first  []int64 // of each track: the decoding time that becomes 0
	until  []int64 // where the fragment before ends
	done   int64   // bytes of pictures and sound that were written
	begins []int64 // where those of each fragment begin among them
}

func newExtract(p params) *extract {
	x := &extract{params: p}
	x.track(&pmp4.Track{ID: track, TimeScale: clockRate, Codec: p.track()})
	return x
}

func (x *extract) track(t *pmp4.Track) {
	x.tracks, x.first, x.until = append(x.tracks, t), append(x.first, 0), append(x.until, 0)
}

// collect lists the samples of all fragments with their times.
func (x *extract) collect(ctx context.Context, v *video) error {
	for i := range v.parts[1:] {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p := &v.parts[i+1]
		b, err := v.part(p)
		if err != nil {
			return err
		}
		if err := x.add(v, p, b); err != nil {
			return err
		}
	}
	for i, t := range x.tracks[1:] { // sound that begins behind the pictures waits for them
		t.TimeOffset = int32(max(x.first[i+1]-x.first[0]*int64(t.TimeScale)/clockRate, 0)) //nolint:gosec // a clip's length
	}
	return nil
}

// add takes one fragment.
func (x *extract) add(v *video, p *evidence.Part, b []byte) error {
	list, err := boxes(b, 0, len(b))
	if err != nil {
		return err
	}
	var body, from int
	for _, y := range list {
		switch y.kind {
		case "moof":
			from = y.from
		case "mdat":
			body = y.body
		}
	}
	part, err := samplesOf(b[from:])
	if err != nil {
		return err
	}
	at := p.At + int64(body) // the bytes of a track follow those of the track before
	for _, t := range part.Tracks {
		k := x.of(t.ID)
		for i, s := range t.Samples {
			if k >= 0 {
				x.put(k, t, s, x.payload(v, at, len(s.Payload), k == 0 && i == 0))
			}
			at += int64(len(s.Payload))
		}
		if k >= 0 {
			x.until[k] = int64(t.BaseTime) + lengthOf(t) //nolint:gosec // at most maxTime
		}
	}
	return nil
}

// of is the place of a track, which is added where the clip's header has it; -1 for one
// that it does not have.
func (x *extract) of(id int) int {
	if i := slices.IndexFunc(x.tracks, func(t *pmp4.Track) bool { return t.ID == id }); i >= 0 {
		return i
	}
	for _, h := range x.params.sounds {
		if h.id == id {
			x.track(&pmp4.Track{ID: id, TimeScale: uint32(h.Rate), Codec: h.track()}) //nolint:gosec // Hz
			return len(x.tracks) - 1
		}
	}
	return -1
}

// put adds a sample. The last one of the fragment before stands until the next one's first.
func (x *extract) put(k int, t *fmp4.PartTrack, s *fmp4.Sample, payload func() ([]byte, error)) {
	to := x.tracks[k]
	at := int64(t.BaseTime) //nolint:gosec // at most maxTime
	switch n := len(to.Samples); {
	case n == 0:
		x.first[k] = at
	case s == t.Samples[0]:
		last := to.Samples[n-1]
		last.Duration = uint32(max(int64(last.Duration)+at-x.until[k], 0)) //nolint:gosec // a gap within a clip
	}
	to.Samples = append(to.Samples, &pmp4.Sample{
		Duration: s.Duration, PTSOffset: s.PTSOffset, IsNonSyncSample: s.IsNonSyncSample, PayloadSize: uint32(len(s.Payload)), GetPayload: payload,
	})
}

func lengthOf(t *fmp4.PartTrack) (n int64) {
	for _, s := range t.Samples {
		n += int64(s.Duration)
	}
	return n
}

// payload reads a sample when it is written, which is in the order of time.
func (x *extract) payload(v *video, at int64, size int, begins bool) func() ([]byte, error) {
	return func() ([]byte, error) {
		if begins {
			x.begins = append(x.begins, x.done)
		}
		x.done += int64(size)
		buf := make([]byte, size)
		if _, err := v.Seek(at, io.SeekStart); err != nil {
			return nil, err
		}
		_, err := io.ReadFull(v, buf)
		return buf, err
	}
}

// sizes are the bytes from each fragment's first picture to the next one's. Sound from
// before the first picture of all counts to it.
func (x *extract) sizes() (out []int64) {
	for i := range x.begins {
		from, to := x.begins[i], x.done
		if i == 0 {
			from = 0
		}
		if i+1 < len(x.begins) {
			to = x.begins[i+1]
		}
		out = append(out, to-from)
	}
	return out
}

// trim sets the edit lists and the lengths that depend on them: the library writes those
// of all that is there. media is where the clip begins, on the clock of the pictures;
// front is where pictures and sound begin in the file.
func (x *extract) trim(f *os.File, media int64, length time.Duration) (front int64, err error) {
	head, err := frontOf(f)
	if err != nil {
		return 0, err
	}
	ms := uint32(length.Milliseconds()) //nolint:gosec // up to 30 minutes
	way, err := find(head, "moov", "mvhd")
	if err != nil {
		return 0, err
	}
	if err := put32(head, way[1], 16, ms); err != nil {
		return 0, err
	}
	list, err := tracksIn(head)
	if err != nil || len(list) != len(x.tracks) {
		return 0, errBoxes
	}
	for i := range list {
		begin := media*list[i].scale/clockRate - x.first[i]
		if err := trimTrack(head, &list[i], begin, ms); err != nil {
			return 0, err
		}
	}
	if err := name(head, x.params.sounds); err != nil {
		return 0, err
	}
	_, err = f.WriteAt(head, 0)
	return int64(len(head)) + 8, err // and the header of mdat
}

// trimTrack shows a track from a time of its media on. Where that lies before the first
// of it, it waits: the library has written two edits then, the first of them empty.
func trimTrack(head []byte, t *trackBox, begin int64, ms uint32) error {
	x, err := t.find(head, "edts", "elst")
	if err != nil {
		return err
	}
	wait, shown := uint32(0), 8 // duration and beginning of what is shown
	if x.to-x.body >= 8+24 && binary.BigEndian.Uint32(head[x.body+4:]) == 2 {
		wait = min(uint32(max(-begin, 0)*1000/t.scale), ms) //nolint:gosec // a clip's length
		if err := put32(head, x, 8, wait); err != nil {
			return err
		}
		shown = 20
	}
	tkhd, err := t.find(head, "tkhd")
	if err != nil {
		return err
	}
	for _, y := range []struct {
		box   box
		at    int
		value uint32
	}{{tkhd, 20, ms}, {x, shown, ms - wait}, {x, shown + 4, uint32(max(begin, 0))}} { //nolint:gosec // a clip's length
		if err := put32(head, y.box, y.at, y.value); err != nil {
			return err
		}
	}
	return nil
}

// put32 sets a number in the content of a box of version 0.
func put32(head []byte, x box, at int, value uint32) error {
	if x.to-x.body < at+4 || head[x.body] != 0 {
		return errBoxes
	}
	binary.BigEndian.PutUint32(head[x.body+at:], value)
	return nil
}

// frontOf reads what stands in front of the pictures.
func frontOf(f io.ReadSeeker) (head []byte, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	for range 2 { // ftyp, moov
		b, err := readBox(f, maxFragment)
		if err != nil {
			return nil, err
		}
		head = append(head, b...)
	}
	return head, nil
}
