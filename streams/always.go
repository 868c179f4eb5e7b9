package streams

// steadily has a camera that is always on pulled, and one that no longer is let go.
// Before Run begins and after it has ended it does nothing.
func (s *Streams) steadily(id string) {
	s.mu.Lock()
	held := s.steady[id]
	delete(s.steady, id)
	c := s.cameras[id]
	var want []Quality
	if c != nil && c.AlwaysOn {
		if want = []Quality{Main}; c.sub != nil {
			want = append(want, Sub)
		}
	}
	s.mu.Unlock()
	var now []*Lease
	for _, q := range want {
		if l, err := s.Keep(id, q); err == nil {
			now = append(now, l)
		}
	}
	s.mu.Lock()
	if len(now) > 0 && s.base != nil && s.cameras[id] == c {
		s.steady[id], now = now, nil
	}
	s.mu.Unlock()
	for _, l := range append(held, now...) {
		l.Close()
	}
}
