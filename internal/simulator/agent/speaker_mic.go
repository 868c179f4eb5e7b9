package agent

import (
	"context"
	"io"
	"net/http"
)

// heardAhead is how much of what a microphone hears may wait for the network: some
// seconds of Opus; what does not fit ends the way back, not the sound.
const heardAhead = 256

// overheard plays a voice and lets its speaker hear the place: the microphone of the
// simulated loudspeaker hears what the loudspeaker plays, as a real one on the same pole
// does.
func overheard(stream, back string) source {
	return fetched(stream, func(ctx context.Context, r io.Reader) io.Reader {
		m := &ambience{heard: make(chan []byte, heardAhead)}
		go m.send(ctx, back)
		return io.TeeReader(r, m)
	})
}

// ambience is sound on its way from a microphone.
type ambience struct {
	heard chan []byte
	full  bool
}

// Write never waits.
func (m *ambience) Write(b []byte) (int, error) {
	if !m.full {
		select {
		case m.heard <- append([]byte(nil), b...):
		default:
			m.full = true
			close(m.heard)
		}
	}
	return len(b), nil
}

// send posts what is heard until the talk ends.
func (m *ambience) send(ctx context.Context, to string) {
	r, w := io.Pipe()
	go func() {
		for {
			select {
			case b, ok := <-m.heard:
				if !ok {
					_ = w.Close()
					return
				}
				if _, err := w.Write(b); err != nil {
					return
				}
			case <-ctx.Done():
				_ = w.Close()
				return
			}
		}
	}()
	defer func() { _ = r.Close() }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, r)
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "audio/ogg; codecs=opus")
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if resp, err := c.Do(req); err == nil {
		_ = resp.Body.Close()
	}
}
