package streams

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// ErrNoFFmpeg means that the program is not installed. The hub works without it; what
// needs pictures decoded does not.
var ErrNoFFmpeg = errors.New("ffmpeg is not installed: install the package ffmpeg on the hub's machine (Debian: apt-get install ffmpeg)")

// maxComplaint is how much of what ffmpeg says of a failure is kept, in bytes.
const maxComplaint = 512

// FFmpeg runs the program with in as its standard input and returns at most so many
// bytes of its output. It uses one processor, and ends with ctx.
func FFmpeg(ctx context.Context, in io.Reader, most int64, args ...string) ([]byte, error) {
	return FFmpegIn(ctx, "", in, most, args...)
}

// FFmpegIn is FFmpeg with a folder in which names of files begin.
func FFmpegIn(ctx context.Context, dir string, in io.Reader, most int64, args ...string) ([]byte, error) {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return nil, ErrNoFFmpeg
	}
	cmd := exec.CommandContext(ctx, path, append([]string{"-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1"}, args...)...) //nolint:gosec // arguments are ours
	out, said := &limited{most: most}, &limited{most: maxComplaint}
	cmd.Dir = dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("ffmpeg took too long: %w", ctx.Err())
		}
		return nil, fmt.Errorf("ffmpeg: %w: %s", err, strings.TrimSpace(said.buf.String()))
	}
	if out.over {
		return nil, fmt.Errorf("ffmpeg: more than %d bytes came out", most)
	}
	return out.buf.Bytes(), nil
}

// limited keeps what is written up to a limit and drops the rest.
type limited struct {
	buf  bytes.Buffer
	most int64
	over bool
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	if rest := l.most - int64(l.buf.Len()); int64(len(b)) > rest {
		l.over = true
		_, _ = l.buf.Write(b[:rest])
		return len(b), nil
	}
	return l.buf.Write(b)
}
