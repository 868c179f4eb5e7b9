package streams

import (
	"testing"
	"time"
)

func TestALateReaderLosesNothingAtAKeyFrame(t *testing.T) {
	s := NewStream()
	base := time.Now()
	put := func(key bool, at time.Duration) { s.put(&Frame{Key: key, At: base.Add(at), Bytes: 10}) }
	for i := range 50 { // one key frame in 2 s
		put(i == 0, time.Duration(i)*40*time.Millisecond)
	}
	put(true, 2*time.Second)
	put(false, 2040*time.Millisecond)
	if fs, first, _, _ := s.from(45); first != 45 || len(fs) != 7 {
		t.Fatalf("a reader 200 ms late gets %d frames from %d on", len(fs), first)
	}
	if fs, first, _, _ := s.from(0); first != 50 || len(fs) != 2 || !fs[0].Key {
		t.Fatalf("who joins gets %d frames from %d on", len(fs), first)
	}
	if _, first, _, _ := s.from(3); first != 25 {
		t.Fatalf("a reader 1.9 s late goes on at %d", first)
	}
	if f, _, _ := s.key(); f == nil || !f.Key || f.At != base.Add(2*time.Second) {
		t.Fatalf("the newest key frame is %+v", f)
	}
	s.cut()
	if f, wake, _ := s.key(); f != nil || wake == nil {
		t.Fatal("a key frame after the cut")
	}
	if fs, _, wake, _ := s.from(0); len(fs) != 0 || wake == nil {
		t.Fatal("frames after the cut")
	}
}
