package streams

import "slices"

// Tap hands every picture to f from now on until stop is called: in decoding order,
// and also those that are left out for browsers (B-frames). f runs in the camera's
// own goroutine, so it keeps what it wants and returns at once; it must not change
// the frame. A last call may still be under way when stop returns.
func (s *Stream) Tap(f func(*Frame)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := &f
	s.taps = append(slices.Clip(s.taps), mine)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taps = slices.DeleteFunc(slices.Clone(s.taps), func(x *func(*Frame)) bool { return x == mine })
	}
}

// tell hands a frame to the taps.
func (s *Stream) tell(f *Frame) {
	s.mu.Lock()
	taps := s.taps
	s.mu.Unlock()
	for _, t := range taps {
		(*t)(f)
	}
}

// TapSound is Tap for sound; f is also told how it is coded.
func (s *Stream) TapSound(f func(Sound, *SoundFrame)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := &f
	s.ears = append(slices.Clip(s.ears), mine)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ears = slices.DeleteFunc(slices.Clone(s.ears), func(x *func(Sound, *SoundFrame)) bool { return x == mine })
	}
}

// tellSound hands a piece of sound to the taps.
func (s *Stream) tellSound(sound Sound, f *SoundFrame) {
	s.mu.Lock()
	ears := s.ears
	s.mu.Unlock()
	for _, t := range ears {
		(*t)(sound, f)
	}
}

// Gone is the reason why this stream never gets another picture; nil while it may.
func (s *Stream) Gone() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}
