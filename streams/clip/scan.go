package clip

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
)

// Limits of what is read from a reel, in bytes: the file may be damaged.
const (
	maxHead     = 64 << 10
	maxFragment = 64 << 20
)

var errReel = errors.New("this is not a reel of the hub")

// headOf reads the parameter sets of a reel, and its header as it is.
func headOf(path string) (params, []byte, error) {
	f, err := os.Open(path) //nolint:gosec // G703: folder and name are ours, from the database
	if err != nil {
		return params{}, nil, fmt.Errorf("read reel: %w", err)
	}
	defer func() { _ = f.Close() }()
	return readHead(f)
}

func readHead(r io.Reader) (params, []byte, error) {
	var head []byte
	for _, kind := range []string{"ftyp", "moov"} {
		b, err := readBox(r, maxHead)
		if err != nil {
			return params{}, nil, err
		}
		if string(b[4:8]) != kind {
			return params{}, nil, errReel
		}
		head = append(head, b...)
	}
	p, err := paramsOf(head)
	return p, head, err
}

// paramsOf finds the parameter sets in a header. The file may be damaged, and the
// library may not be ready for that.
func paramsOf(head []byte) (p params, err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("%w: %v", errReel, x)
		}
	}()
	plain, laws, err := unname(head)
	if err != nil {
		return params{}, err
	}
	var i fmp4.Init
	if err := i.Unmarshal(bytes.NewReader(plain)); err != nil {
		return params{}, fmt.Errorf("%w: %w", errReel, err)
	}
	if len(i.Tracks) == 0 || i.Tracks[0].ID != track {
		return params{}, fmt.Errorf("%w: it has no pictures", errReel)
	}
	p, ok := paramsIn(i.Tracks[0].Codec)
	if !ok {
		return params{}, fmt.Errorf("%w: it holds neither H.264 nor H.265", errReel)
	}
	for _, t := range i.Tracks[1:] {
		if h, ok := heardIn(t, laws[t.ID]); ok {
			p.sounds = append(p.sounds, h)
		}
	}
	return p, nil
}

// readBox reads one whole box. io.EOF means that there is none.
func readBox(r io.Reader, most uint32) ([]byte, error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head)
	if size < 8 || size > most {
		return nil, errReel
	}
	var b bytes.Buffer // grows with what is there, not with what is said
	b.Write(head)
	if n, err := io.CopyN(&b, r, int64(size)-8); err != nil || n != int64(size)-8 {
		return nil, io.ErrUnexpectedEOF
	}
	return b.Bytes(), nil
}

// scan reads the fragments of a reel up to the first that is not whole; good is where
// it begins, or the end of the file.
func scan(r io.Reader, name string) (p params, ps []*piece, good int64, err error) {
	p, head, err := readHead(r)
	if err != nil {
		return params{}, nil, 0, err
	}
	good = int64(len(head))
	for {
		b, err := readFragment(r)
		if err != nil {
			return p, ps, good, nil //nolint:nilerr // what follows was not written to its end
		}
		x, err := parseFragment(b)
		if err != nil {
			return p, ps, good, nil //nolint:nilerr // the same
		}
		x.reel, x.at, x.size, x.sum = name, good, int64(len(b)), sha256.Sum256(b)
		ps = append(ps, x)
		good += x.size
	}
}

// readFragment reads the boxes up to the next mdat.
func readFragment(r io.Reader) (out []byte, err error) {
	for {
		b, err := readBox(r, maxFragment)
		if err != nil {
			return nil, err
		}
		if out = append(out, b...); len(out) > maxFragment {
			return nil, errReel
		}
		if string(b[4:8]) == "mdat" {
			return out, nil
		}
	}
}

// parseFragment reads what encode has written.
func parseFragment(b []byte) (p *piece, err error) {
	defer func() {
		if x := recover(); x != nil {
			p, err = nil, fmt.Errorf("%w: %v", errReel, x)
		}
	}()
	list, err := boxes(b, 0, len(b))
	if err != nil {
		return nil, err
	}
	p = &piece{}
	from := -1
	for _, x := range list {
		body := b[x.body:x.to]
		switch x.kind {
		case "uuid":
			if text, ok := strings.CutPrefix(string(body), noteID); ok {
				_ = json.Unmarshal([]byte(text), &p.notes) // only helpful
			}
		case "prft":
			if len(body) < 24 {
				return nil, errReel
			}
			stamp := binary.BigEndian.Uint64(body[8:])
			p.start = time.Unix(int64(stamp>>32)-since1900, int64(stamp&0xffffffff*1e9>>32)).UTC().Round(time.Microsecond)
			p.pts = int64(binary.BigEndian.Uint64(body[16:]))
		case "moof":
			from = x.from
		}
	}
	if from < 0 || p.start.IsZero() || p.pts < 0 || p.pts > maxTime {
		return nil, errReel
	}
	return p, p.measure(b[from:])
}

// maxTime keeps sums of times from running over (ticks): a century.
const maxTime = 100 * 366 * 86400 * clockRate

// measure reads times and number of a fragment's pictures.
func (p *piece) measure(b []byte) error {
	part, err := samplesOf(b)
	if err != nil {
		return err
	}
	t := part.Tracks[0]
	samples := t.Samples
	if len(part.Tracks) > 1 {
		p.sound = part.Tracks[1].ID
	}
	if t.BaseTime > maxTime {
		return errReel
	}
	p.seq, p.frames, p.dts, p.key = part.SequenceNumber, len(samples), int64(t.BaseTime), !samples[0].IsNonSyncSample
	at, low, end := p.dts, p.pts, int64(0)
	for _, s := range samples {
		low, end = min(low, at+int64(s.PTSOffset)), max(end, at+int64(s.PTSOffset))
		at += int64(s.Duration)
	}
	end += (at - p.dts) / int64(len(samples)) // the last picture lasts as the others do
	if at > maxTime || end > maxTime {
		return errReel
	}
	p.length, p.low, p.end = at-p.dts, p.start.Add(span(low-p.pts)), p.start.Add(span(end-p.pts))
	return nil
}

// samplesOf reads the pictures of moof and mdat, and the sound behind them.
func samplesOf(b []byte) (*fmp4.Part, error) {
	var parts fmp4.Parts
	if err := parts.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("%w: %w", errReel, err)
	}
	if len(parts) != 1 {
		return nil, errReel
	}
	ts := parts[0].Tracks
	if len(ts) < 1 || len(ts) > 2 || ts[0].ID != track || len(ts[0].Samples) == 0 {
		return nil, errReel
	}
	if len(ts) == 2 && (ts[1].ID == track || ts[1].BaseTime > maxTime) {
		return nil, errReel
	}
	return parts[0], nil
}
