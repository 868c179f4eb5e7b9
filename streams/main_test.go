package streams

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pullFunc is a Puller.
type pullFunc func(ctx context.Context, u URL, to Sink) error

func (f pullFunc) Pull(ctx context.Context, from Source, to Sink) error { return f(ctx, from.URL, to) }

type guard struct{}

func (guard) Authenticate(*http.Request) (web.Principal, bool) {
	return web.Principal{ID: "u1", Role: web.Admin}, true
}
func (guard) Allowed(web.Principal, web.Action) bool { return true }

// room opens the room on a database file; the same path opens it again.
func room(t *testing.T, path string, p Puller) (*Streams, *web.API, *web.Feed) {
	t.Helper()
	ctx := context.Background()
	d, err := db.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	feed, err := web.NewFeed(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{DB: d, Feed: feed, Puller: p})
	if err != nil {
		t.Fatal(err)
	}
	api := web.NewAPI("test", guard{}, slog.New(slog.DiscardHandler))
	s.Register(api)
	return s, api, feed
}

func tempRoom(t *testing.T, p Puller) (*Streams, *web.API, *web.Feed) {
	return room(t, filepath.Join(t.TempDir(), "hub.db"), p)
}

// Parameter sets of a real encoder: main profile, 1280×720, 25 frames a second.
var (
	testSPS = []byte{0x67, 0x4d, 0x40, 0x1f, 0xec, 0xa0, 0x28, 0x02, 0xdd, 0x80, 0xb5, 0x01, 0x01, 0x01, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc6, 0x0c, 0x65, 0x80}
	testPPS = []byte{0x68, 0xef, 0xbc, 0x80}
)

// slice is a coded slice of n bytes.
func slice(kind byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + 1)
	}
	b[0] = 0x60 | kind
	return b
}

// unit is an access unit: a key frame with parameter sets, or a plain one.
func unit(key bool, size int) [][]byte {
	if key {
		return [][]byte{testSPS, testPPS, slice(nalIDR, size)}
	}
	return [][]byte{slice(nalSlice, size)}
}
