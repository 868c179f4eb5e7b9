package streams

import (
	"context"
	"errors"
	"time"
)

// learnWithin is how long a viewer waits for a camera that nobody has ever seen to
// say how its pictures are coded; it is known from then on.
const learnWithin = 1500 * time.Millisecond

// ErrNotPlayable means that the viewer can show neither of a camera's streams.
var ErrNotPlayable = errors.New("streams: the viewer can't show this camera's coding")

// Reason is a stable code of why a viewer gets what he has not asked for.
type Reason string

// The reasons; "" is none.
const (
	ReasonH265    Reason = "h265"     // the viewer does not take H.265
	ReasonBFrames Reason = "b_frames" // WebRTC can't show all pictures of a stream with B-frames
)

// Choice is the stream that a viewer gets. Close its lease.
type Choice struct {
	*Lease
	Reason Reason // why it is not the one asked for
}

// Choose opens the stream asked for if the viewer can show it, and the camera's
// other one if he can show only that, or shows it better. plays is asked with what
// is known of a coding, which may be nothing. Choose waits for a camera that is not
// known yet no longer than ctx lasts; who brings one that has ended gets what can be
// said now, and its readers end with ErrCoding should it turn out otherwise.
func (s *Streams) Choose(ctx context.Context, id string, want Quality, plays func(Codec) bool) (Choice, error) {
	return s.choose(ctx, id, want, plays, false)
}

// ChooseFile is Choose for who is sent files, which show B-frames as well as others.
func (s *Streams) ChooseFile(ctx context.Context, id string, want Quality, plays func(Codec) bool) (Choice, error) {
	return s.choose(ctx, id, want, plays, true)
}

func (s *Streams) choose(ctx context.Context, id string, want Quality, plays func(Codec) bool, file bool) (Choice, error) {
	ctx, cancel := context.WithTimeout(ctx, learnWithin)
	defer cancel()
	first, err := s.Open(id, want)
	if err != nil {
		return Choice{}, err
	}
	c := first.learn(ctx)
	fits := plays(c)
	if fits && (file || !c.BFrames || first.quality == Sub) {
		return Choice{Lease: first}, nil
	}
	other := Sub
	if first.quality == Sub {
		other = Main
	}
	second, err := s.Open(id, other)
	if err != nil || second.quality == first.quality {
		if second != nil {
			second.Close()
		}
		return first.orNot(fits)
	}
	d := second.learn(ctx)
	if !plays(d) || fits && (d.Codec == "" || d.BFrames) {
		second.Close()
		return first.orNot(fits)
	}
	first.Close()
	two := Choice{second, ReasonH265}
	if fits {
		two.Reason = ReasonBFrames
	}
	return two, nil
}

// orNot is the choice of a lease, which is closed where it does not fit.
func (l *Lease) orNot(fits bool) (Choice, error) {
	if fits {
		return Choice{Lease: l}, nil
	}
	l.Close()
	return Choice{}, ErrNotPlayable
}

// learn waits until the coding is known, the camera has failed or ctx ends.
func (l *Lease) learn(ctx context.Context) Codec {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		c := l.Codec()
		if c.Codec != "" || l.path.state().err != nil {
			return c
		}
		select {
		case <-ctx.Done():
			return c
		case <-look.C:
		}
	}
}
