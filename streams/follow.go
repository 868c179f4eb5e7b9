package streams

// handful is how many pictures a follower takes at once, so that it notices in time
// that what it was to read next is gone.
const handful = 16

// Follower reads a stream for a viewer that is sent files, not packets: from the
// newest key frame on, every picture as it was taken, in decoding order. A viewer that is slower than the
// cache is long goes on at the first key frame that is still there. It belongs to one
// goroutine.
type Follower struct {
	s       *Stream
	era     uint64
	at      uint64
	needKey bool
	leads   bool // leading pictures of the key frame that it began with may come
}

// Follow begins at the newest key frame, or the next one where there is none.
func (s *Stream) Follow() *Follower {
	return &Follower{s: s, era: s.coding(), needKey: true}
}

// Next returns the pictures that have come, and how many were left out before them;
// or a channel that closes when there is news.
func (f *Follower) Next() (fs []*Frame, skipped uint64, wake <-chan struct{}, err error) {
	if f.s.coding() != f.era {
		return nil, 0, nil, ErrCoding
	}
	fs, first, wake, err := f.s.from(f.at)
	if err != nil || wake != nil {
		return nil, 0, wake, err
	}
	if first > f.at && f.at > 0 {
		skipped = first - f.at
		f.needKey = true
	}
	f.at = first
	for len(fs) > 0 && (f.needKey && !fs[0].Key || f.leads && fs[0].leading) {
		fs = fs[1:]
		f.at++
	}
	if len(fs) > 0 {
		// What leads up to the key frame that one begins with can't be decoded (H.265, 3.111).
		f.leads = f.needKey && (fs[0].clean || fs[0].broken)
		if f.leads {
			fs = fs[:1]
		}
	}
	fs = fs[:min(len(fs), handful)]
	f.at += uint64(len(fs))
	f.needKey = f.needKey && len(fs) == 0
	return fs, skipped, nil, nil
}
