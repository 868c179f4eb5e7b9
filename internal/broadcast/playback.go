package broadcast

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"dongyue/internal/sound"
)

// playback reads a programme with its repeats, from any position on, as bytes of PCM.
type playback struct {
	f     *os.File
	once  int64 // bytes of the programme
	pause int64 // bytes of silence after it
	at    int64 // bytes from the beginning
	end   int64
}

func (b *Broadcasts) openProgram(bc *Broadcast, from time.Duration) (*playback, error) {
	f, err := os.Open(filepath.Join(b.o.Dir, programs, filepath.Base(bc.program)))
	if err != nil {
		return nil, fmt.Errorf("broadcast %s: %w", bc.ID, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("broadcast %s: %w", bc.ID, err)
	}
	p := &playback{f: f, once: info.Size() &^ 1, pause: int64(2 * sound.Samples(gap))}
	p.end = int64(bc.Repeat)*(p.once+p.pause) - p.pause
	p.at = min(max(int64(2*sound.Samples(from)), 0), p.end)
	return p, nil
}

// left is how many samples there are still.
func (p *playback) left() int { return int((p.end - p.at) / 2) }

// Read implements io.Reader.
func (p *playback) Read(b []byte) (int, error) {
	if p.at >= p.end {
		return 0, io.EOF
	}
	in := p.at % (p.once + p.pause)
	if in >= p.once {
		n := int(min(int64(len(b)), p.once+p.pause-in))
		clear(b[:n])
		p.at += int64(n)
		return n, nil
	}
	n, err := p.f.ReadAt(b[:min(int64(len(b)), p.once-in)], in)
	p.at += int64(n)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// Close gives the file back.
func (p *playback) Close() error { return p.f.Close() }
