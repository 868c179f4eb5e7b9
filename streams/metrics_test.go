package streams

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

// However many cameras and viewers there are, the number of series is the same:
// what concerns one camera is asked of the API, not of the metrics.
func TestMetricsDoNotGrowWithTheSite(t *testing.T) {
	count := func(cameras, viewers int) (series int) {
		ctx := context.Background()
		d, err := db.Open(ctx, filepath.Join(t.TempDir(), "hub.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		feed, err := web.NewFeed(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		reg := prometheus.NewRegistry()
		s, err := New(Options{DB: d, Feed: feed, Puller: never, Metrics: reg})
		if err != nil {
			t.Fatal(err)
		}
		var cs []Camera
		for i := range cameras {
			cs = append(cs, Camera{ID: fmt.Sprintf("cam-%d", i), URL: URL(fmt.Sprintf("rtsp://10.0.%d.%d/main", i/250, i%250+1)), SubURL: URL(fmt.Sprintf("rtsp://10.0.%d.%d/sub", i/250, i%250+1))})
		}
		if err := s.Seed(ctx, cs); err != nil {
			t.Fatal(err)
		}
		run, cancel := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); _ = s.Run(run) }()
		for i := 0; i < viewers; {
			if l, err := s.Open(cs[i%cameras].ID, Sub); err == nil {
				defer l.Close()
				i++
			}
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			series += len(f.GetMetric())
		}
		cancel()
		<-done
		return series
	}
	few, many := count(1, 1), count(400, 500)
	if few != many || many > 20 {
		t.Errorf("%d series with one camera, %d with 400", few, many)
	}
}
