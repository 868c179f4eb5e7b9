package clip

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dongyue/streams"
	"dongyue/streams/evidence"
)

// Watermark says what goes with an export beside the evidence. The evidence itself has
// none: that would mean to encode it again.
type Watermark string

// The watermarks.
const (
	MarkNone   Watermark = "none"
	MarkViewer Watermark = "viewer" // a page that lays it over the picture
	MarkCopy   Watermark = "copy"   // and a copy with it in the picture, which is no evidence
)

func (w Watermark) ok() bool {
	return w == "" || w == MarkNone || w == MarkViewer || w == MarkCopy
}

const (
	// maxCopy is the longest clip of which a copy is made: it is encoded while somebody waits.
	maxCopy = 5 * time.Minute
	// copyWait is how long that may take.
	copyWait = 4 * time.Minute
)

var (
	// ErrCopyLength means that a clip is too long for a copy.
	ErrCopyLength = errors.New("clips: a copy with a watermark is made of up to 5 minutes")
	errCopy       = errors.New("clips: the copy with a watermark was not made")
)

//go:embed page/viewer.html
var viewerText string

// viewer makes the page of an export: it needs no network, and shows the clip beside it.
func viewer(c *Clip, s *evidence.Signed) ([]byte, error) {
	t, err := template.New("viewer").Parse(viewerText)
	if err != nil {
		return nil, fmt.Errorf("make viewer: %w", err)
	}
	key, _ := base64.StdEncoding.DecodeString(s.PublicKey) // as it was just signed
	when := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000 UTC") }
	x := s.Exported
	page := map[string]any{
		"Clip": s.Clip, "Camera": s.Camera, "CameraName": s.CameraName, "Video": evidence.VideoName, "Readme": evidence.ReadmeName,
		"From": when(s.Shows.From), "To": when(s.Shows.To), "FromMS": s.Shows.From.UnixMilli(), "Reason": s.Reason, "Alarm": s.Alarm,
		"By": fmt.Sprintf("%s (%s)", x.Name, x.By), "At": when(x.At), "Why": x.Reason, "SHA256": s.Video.SHA256, "Key": evidence.Fingerprint(key),
		"Mark": markOf(s), "MarkReason": x.Reason, "Six": make([]struct{}, 6),
	}
	var gaps []string
	for _, g := range c.Gaps {
		gaps = append(gaps, fmt.Sprintf("%s – %s  %s / %s", when(g.From), when(g.To), g.Text.ZH, g.Text.EN))
	}
	page["Gaps"] = gaps
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return nil, fmt.Errorf("make viewer: %w", err)
	}
	return b.Bytes(), nil
}

// markOf is the watermark in one line: who, when, and the beginning of the hash.
func markOf(s *evidence.Signed) string {
	return fmt.Sprintf("%s · %s · %.8s", s.Exported.Name, s.Exported.At.UTC().Format("2006-01-02 15:04 UTC"), s.Video.SHA256)
}

// copyOf encodes a copy with the watermark in its pictures.
func (r *Recorder) copyOf(ctx context.Context, x *export) (path string, err error) {
	if x.signed.Shows.To.Sub(x.signed.Shows.From) > maxCopy {
		return "", ErrCopyLength
	}
	ctx, cancel := context.WithTimeout(ctx, copyWait)
	defer cancel()
	dir, err := os.MkdirTemp(r.o.Dir, "export-*.tmp")
	if err != nil {
		return "", fmt.Errorf("copy with watermark: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	text := strings.Join([]string{"副本，非证据 / COPY, NOT THE EVIDENCE", markOf(x.signed), strings.Join(strings.Fields(x.signed.Exported.Reason), " ")}, "\n")
	note := filepath.Join(dir, "mark.txt")
	if err := os.WriteFile(note, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("copy with watermark: %w", err)
	}
	// The folder's name is ours, so it has nothing that the filter would take for its own.
	mark := func(y string) string {
		return "drawtext=font='Noto Sans CJK SC':expansion=none:textfile=mark.txt:fontsize=h/26:fontcolor=white@0.55:borderw=1:bordercolor=black@0.5:x=(w-text_w)/2:y=" + y
	}
	path = filepath.Join(dir, evidence.CopyName)
	source, err := filepath.Abs(x.file.Name())
	if err != nil {
		return "", fmt.Errorf("copy with watermark: %w", err)
	}
	out, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("copy with watermark: %w", err)
	}
	_, err = streams.FFmpegIn(ctx, dir, nil, 1<<10, "-f", "mp4", "-i", source, "-map", "0:v:0", "-map", "0:a?", "-c:a", "aac", "-vf", mark("h*0.12")+","+mark("h*0.72"),
		"-c:v", "libx264", "-preset", "veryfast", "-crf", "27", "-pix_fmt", "yuv420p", "-threads", "1", "-movflags", "+faststart",
		"-metadata", "title=COPY, NOT THE EVIDENCE", "-metadata", "comment="+markOf(x.signed), "-y", out)
	if errors.Is(err, streams.ErrNoFFmpeg) {
		return "", err
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", errCopy, err)
	}
	return path, nil
}
