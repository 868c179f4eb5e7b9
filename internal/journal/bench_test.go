package journal

import (
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// BenchmarkAppend is the way of an event from Append to done, with many on the
// way at once; groups is how many were synced together.
func BenchmarkAppend(b *testing.B) {
	for _, flying := range []int{1, 32, 1600} {
		b.Run("in flight "+strconv.Itoa(flying), func(b *testing.B) {
			j, err := Open(b.Context(), Options{Path: filepath.Join(b.TempDir(), "journal.db")})
			if err != nil {
				b.Fatal(err)
			}
			stop := run(b, j)
			room := make(chan struct{}, flying)
			var wg sync.WaitGroup
			b.ReportAllocs()
			for i := range b.N {
				room <- struct{}{}
				wg.Add(1)
				j.Append(ev("charger-1", strconv.Itoa(i)), func(_ uint64, _ bool, err error) {
					if err != nil {
						b.Error(err)
					}
					<-room
					wg.Done()
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/float64(j.commits.Load()), "events/sync")
			stop()
			if err := j.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkRecord(b *testing.B) {
	e := normal(ev("charger-1", "b7-12345"))
	e.Seq = 123456
	b.Run("encode", func(b *testing.B) {
		var buf []byte
		for b.Loop() {
			buf = appendRecord(buf[:0], &e, 4096)
		}
	})
	b.Run("decode", func(b *testing.B) {
		buf, w := appendRecord(nil, &e, 4096), words{}
		b.ReportAllocs()
		for b.Loop() {
			body, _, _ := bodyOf(buf)
			if _, err := decode(body, w); err != nil {
				b.Fatal(err)
			}
		}
	})
}
