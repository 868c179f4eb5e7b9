package clip

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"dongyue/streams/evidence"
)

// ErrSpoilt means that the bytes on disk are not those that were recorded, so nothing
// is made of them.
var ErrSpoilt = errors.New("clips: the recording on disk was changed")

// Taken says who takes a clip out, and why.
type Taken struct {
	By, Name, Reason string
	Watermark        Watermark
}

// export is a clip as it leaves the hub: one MP4 with its index in front, the manifest
// of that file, and how to check them. The pictures are the recorded ones, byte for
// byte.
type export struct {
	file   *os.File
	signed *evidence.Signed
	row    Clip
	viewer []byte // nil: none
	copied string // file of the copy with a watermark, alone in its folder; "": none
}

func (x *export) close() {
	_ = x.file.Close()
	_ = os.Remove(x.file.Name()) //nolint:gosec // G703: the name that CreateTemp gave it
	if x.copied != "" {
		_ = os.RemoveAll(filepath.Dir(x.copied)) //nolint:gosec // G703: the name that MkdirTemp gave it
	}
}

// adorn makes what goes with the evidence.
func (r *Recorder) adorn(ctx context.Context, x *export, w Watermark) (err error) {
	if w == MarkNone {
		return nil
	}
	if x.viewer, err = viewer(&x.row, x.signed); err != nil || w != MarkCopy {
		return err
	}
	x.copied, err = r.copyOf(ctx, x)
	return err
}

// prepare makes the file in a temporary place, since its hash stands in the manifest
// in front of it.
func (r *Recorder) prepare(ctx context.Context, id string, t Taken) (*export, error) {
	row, s, err := r.signed(ctx, id)
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(r.o.Dir, "export-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("export clip %s: %w", id, err)
	}
	x := &export{file: f, row: row}
	if x.signed, err = r.fill(ctx, f, &row, s, t); err != nil {
		x.close()
		return nil, fmt.Errorf("export clip %s: %w", id, err)
	}
	if err := r.adorn(ctx, x, t.Watermark); err != nil {
		x.close()
		return nil, fmt.Errorf("export clip %s: %w", id, err)
	}
	return x, nil
}

// fill writes the file and signs what it is.
func (r *Recorder) fill(ctx context.Context, f *os.File, row *Clip, s *evidence.Signed, t Taken) (*evidence.Signed, error) {
	v, err := newVideo(r.dirOf(row), s)
	if err != nil {
		return nil, err
	}
	defer v.close()
	m, err := remux(ctx, v, s, f)
	if err != nil {
		return nil, err
	}
	last := s.Parts[len(s.Parts)-1]
	m.Exported = &evidence.Exported{
		By: t.By, Name: t.Name, Reason: t.Reason, At: time.Now().UTC().Truncate(time.Millisecond), Of: s.Video.SHA256, Chain: last.Chain,
	}
	m.SignedAt = m.Exported.At
	return evidence.Sign(m, r.key)
}

// remux makes a file with its index in front of the fragments of a clip, each checked
// before it is used. It returns the manifest of that file, not yet signed.
func remux(ctx context.Context, v *video, s *evidence.Signed, out *os.File) (evidence.Manifest, error) {
	m := s.Manifest
	m.Kind, m.Video, m.Parts = evidence.Export, evidence.Video{}, nil
	head, err := paramsOf(v.head)
	if err != nil {
		return m, err
	}
	x := newExtract(head)
	if err := x.collect(ctx, v); err != nil {
		return m, err
	}
	if err := (pmp4.Presentation{Tracks: x.tracks}).Marshal(out); err != nil {
		return m, err
	}
	list, err := tracksIn(v.head)
	if err != nil || len(list) == 0 {
		return m, errors.Join(err, errBoxes)
	}
	media, err := editOf(v.head, &list[0])
	if err != nil {
		return m, err
	}
	front, err := x.trim(out, media, s.Shows.To.Sub(s.Shows.From))
	if err != nil {
		return m, err
	}
	return m, measure(&m, s.Parts, out, append([]int64{front}, x.sizes()...))
}

// part reads a fragment and checks it.
func (v *video) part(p *evidence.Part) ([]byte, error) {
	b := make([]byte, p.Size)
	if _, err := v.Seek(p.At, io.SeekStart); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(v, b); err != nil {
		return nil, fmt.Errorf("%w: fragment %d: %w", ErrSpoilt, p.N, err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != p.SHA256 {
		return nil, fmt.Errorf("%w: fragment %d", ErrSpoilt, p.N)
	}
	return b, nil
}

// measure describes the parts of a finished file: the header, and the pictures of
// each fragment of the original.
func measure(m *evidence.Manifest, of []evidence.Part, f *os.File, sizes []int64) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	all := sha256.New()
	for i, size := range sizes {
		sum := sha256.New()
		if _, err := io.CopyN(io.MultiWriter(sum, all), f, size); err != nil {
			return fmt.Errorf("read what was written: %w", err)
		}
		m.Parts = append(m.Parts, evidence.Part{Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)), From: of[i].From, MS: of[i].MS})
	}
	size, err := evidence.Chain(m.Parts)
	m.Video = evidence.Video{Size: size, SHA256: hex.EncodeToString(all.Sum(nil))}
	return err
}

// write writes the zip. Video does not get smaller, so nothing is compressed.
func (x *export) write(w io.Writer) error {
	z := zip.NewWriter(w)
	put := func(name string, r io.Reader) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: x.signed.SignedAt})
		if err == nil {
			_, err = io.Copy(f, r)
		}
		return err
	}
	if _, err := x.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		r    io.Reader
	}{
		{evidence.ReadmeName, strings.NewReader(readme(&x.row, x.signed))},
		{evidence.ManifestName, bytes.NewReader(x.signed.Raw())},
		{evidence.VideoName, x.file},
	} {
		if err := put(f.name, f.r); err != nil {
			return fmt.Errorf("write export: %w", err)
		}
	}
	if x.viewer != nil {
		if err := put(evidence.ViewerName, bytes.NewReader(x.viewer)); err != nil {
			return fmt.Errorf("write export: %w", err)
		}
	}
	if x.copied != "" {
		f, err := os.Open(x.copied)
		if err != nil {
			return fmt.Errorf("write export: %w", err)
		}
		defer func() { _ = f.Close() }()
		if err := put(evidence.CopyName, f); err != nil {
			return fmt.Errorf("write export: %w", err)
		}
	}
	return z.Close()
}
