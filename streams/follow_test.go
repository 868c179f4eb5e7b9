package streams

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// take reads all that is there and returns how many pictures, how many were left
// out, and whether the first was a key frame.
func take(t *testing.T, f *Follower) (n int, skipped uint64, key bool) {
	t.Helper()
	for {
		fs, gone, wake, err := f.Next()
		if err != nil {
			t.Fatal(err)
		}
		skipped += gone
		if wake != nil {
			return n, skipped, key
		}
		if n == 0 && len(fs) > 0 {
			key = fs[0].Key
		}
		n += len(fs)
	}
}

func TestFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream()
		g := newIngest(s, "", func() {}, func() {})
		ts := uint32(0)
		send := func(n, gop int) {
			for i := range n {
				g.Unit(unit(i%gop == 0, 100), ts, time.Time{})
				ts += 3600
				time.Sleep(40 * time.Millisecond)
			}
		}
		f := s.Follow()
		if n, _, _ := take(t, f); n != 0 {
			t.Fatalf("%d pictures of nothing", n)
		}
		send(5, 25)
		if n, skipped, key := take(t, f); n != 5 || skipped != 0 || !key {
			t.Fatalf("%d pictures, %d skipped, key %v", n, skipped, key)
		}
		send(60, 25)
		if n, skipped, key := take(t, s.Follow()); n != 10 || skipped != 0 || !key {
			t.Fatalf("from the newest key frame: %d pictures, %d skipped, key %v", n, skipped, key)
		}
		// The cache reaches back to a second before the newest key frame.
		if n, skipped, key := take(t, f); n != 35 || skipped != 25 || !key {
			t.Fatalf("too late: %d pictures, %d skipped, key %v", n, skipped, key)
		}
		send(20, 25) // a little late costs nothing
		if n, skipped, _ := take(t, f); n != 20 || skipped != 0 {
			t.Fatalf("%d pictures, %d skipped", n, skipped)
		}
		s.end(ErrGone)
		if _, _, _, err := f.Next(); !errors.Is(err, ErrGone) {
			t.Fatal(err)
		}
	})
}
