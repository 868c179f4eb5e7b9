package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"
	"unicode/utf8"

	"dongyue/internal/sound"
)

// source opens the sound of a message.
type source func(ctx context.Context) (sound.Source, io.Closer, error)

// What went wrong with the sound, as it is told.
const (
	codeFetch  = "fetch"
	codeDecode = "decode"
	codeStream = "stream" // it broke off
)

const (
	ahead     = 200 * time.Millisecond // of a file, before it is heard
	aheadLive = 40 * time.Millisecond  // of a voice, which nobody wants to hear late
	levelOf   = 100 * time.Millisecond // one level
	character = 240 * time.Millisecond // of a text, in a world as fast as ours; see Times.Speak
	fetchIn   = 2 * time.Second
	longestMS = 10 * 60 * 1000
)

// sound plays a message from its beginning to its end, and says so.
func (s *Speaker) sound(ctx context.Context, p *playing, open source, back func(func())) {
	src, c, err := open(ctx)
	if err != nil {
		if ctx.Err() == nil {
			code := codeFetch
			if errors.Is(err, sound.ErrFormat) || errors.Is(err, sound.ErrBroken) {
				code = codeDecode
			}
			s.log.Debug("loudspeaker got no sound", "message", p.args.Message, "err", err)
			back(func() { s.lost(p, code) })
		}
		return
	}
	defer func() { _ = c.Close() }()
	want := ahead
	if p.args.Stream != "" || p.args.RTP != nil {
		want = aheadLive
	}
	var buffer []sound.PCM
	for have := time.Duration(0); have < want; {
		pcm, err := src.Next()
		if errors.Is(err, io.EOF) && len(buffer) > 0 {
			break
		}
		if err != nil {
			if ctx.Err() == nil {
				back(func() { s.lost(p, codeDecode) })
			}
			return
		}
		buffer = append(buffer, append(sound.PCM(nil), pcm...))
		have += pcm.Length()
	}
	back(func() { s.happen("buffered", "", messageData{p.args.Message}) })
	var all sound.PCM
	for _, b := range buffer {
		all = append(all, b...)
	}
	p.hear(round(sound.Level(all, p.args.Volume), 1))
	back(func() { s.heard(p) })
	err = s.pass(ctx, p, buffer, src)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		back(func() { s.brokeOff(p) })
	default:
		back(s.end)
	}
}

// pass lets the sound go by in time and measures it. A faster world has faster sound.
func (s *Speaker) pass(ctx context.Context, p *playing, buffer []sound.PCM, src sound.Source) error {
	began, window := time.Now(), make(sound.PCM, 0, 2*sound.Samples(levelOf))
	for i := 0; ; i++ {
		var pcm sound.PCM
		if i < len(buffer) {
			pcm = buffer[i]
		} else {
			var err error
			if pcm, err = src.Next(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
		if window = append(window, pcm...); window.Length() >= levelOf {
			p.hear(round(sound.Level(window, p.args.Volume), 1))
			window = window[:0]
		}
		heard := time.Duration(p.heard.Add(int64(len(pcm)))) * time.Second / sound.Rate
		if rest := time.Until(began.Add(heard * s.times.Speak / character)); rest > 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(rest):
			}
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was displaced or stopped
		}
	}
}

// heard says that it plays.
func (s *Speaker) heard(p *playing) {
	p.begun = true
	s.happen("playing", "", heardData{p.args.Message, p.args.Position, p.db()})
	s.finish(p.command, nil)
	s.tell()
	s.after(levelOf*5, func() {
		if s.now == p {
			s.tell()
		}
	})
}

// lost says that there is nothing to be heard.
func (s *Speaker) lost(p *playing, code string) {
	s.now = nil
	s.fail(p.command, code)
	s.following()
}

// brokeOff says that it ended before its end.
func (s *Speaker) brokeOff(p *playing) {
	s.now = nil
	s.happen("broken", "", brokenData{p.args.Message, codeStream, p.position()})
	s.following()
}

// source is where a message's sound comes from: fetched, sent, or spoken by itself.
func (s *Speaker) source(p *playing) source {
	a := &p.args
	switch {
	case a.Stream != "" && a.Back != "":
		return overheard(a.Stream, a.Back)
	case a.Stream != "":
		return fetch(a.Stream)
	case a.URL != "":
		return fetch(a.URL)
	case a.RTP != nil:
		return func(ctx context.Context) (sound.Source, io.Closer, error) {
			if s.rtp == nil {
				return nil, nil, errors.New("no port")
			}
			return s.rtp.expect(ctx, a.RTP)
		}
	}
	return func(context.Context) (sound.Source, io.Closer, error) {
		return &babble{left: min(utf8.RuneCountInString(a.Text)*a.Repeat*int(character.Milliseconds()), longestMS) * sound.Rate / 1000}, io.NopCloser(nil), nil
	}
}

// fetch gets sound over HTTP.
func fetch(address string) source {
	return fetched(address, func(_ context.Context, r io.Reader) io.Reader { return r })
}

func fetched(address string, tap func(context.Context, io.Reader) io.Reader) source {
	return func(ctx context.Context) (sound.Source, io.Closer, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, nil, err
		}
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: fetchIn}}
		resp, err := c.Do(req) //nolint:bodyclose // the caller closes it
		if err != nil {
			return nil, nil, err
		}
		if resp.StatusCode != http.StatusOK {
			return nil, nil, errors.Join(fmt.Errorf("status %d", resp.StatusCode), resp.Body.Close())
		}
		src, err := sound.NewSource(tap(ctx, resp.Body))
		if err != nil {
			return nil, nil, errors.Join(err, resp.Body.Close())
		}
		return src, resp.Body, nil
	}
}

// babble is what a loudspeaker without a synthesiser makes of a text: a tone that comes
// and goes as syllables do, for as long as it takes to say it.
type babble struct{ at, left int }

// Next implements sound.Source.
func (b *babble) Next() (sound.PCM, error) {
	if b.left <= 0 {
		return nil, io.EOF
	}
	p := make(sound.PCM, min(sound.Samples(20*time.Millisecond), b.left))
	for i := range p {
		t := float64(b.at+i) / sound.Rate
		p[i] = int16(12000 * math.Abs(math.Sin(math.Pi*t/character.Seconds())) * math.Sin(2*math.Pi*220*t))
	}
	b.at += len(p)
	b.left -= len(p)
	return p, nil
}
