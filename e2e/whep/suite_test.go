package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dongyue/internal/db"
	"dongyue/internal/simulator/camera"
	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/rtsp"
	"dongyue/streams/whep"
)

var mediamtx = flag.String("mediamtx", "", "MediaMTX's binary: the suite asks it too and prints what it answers")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// guard knows two people by their tokens.
type guard struct{}

func (guard) Authenticate(r *http.Request) (web.Principal, bool) {
	t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return web.Principal{ID: t}, ok && (t == "token-of-one" || t == "token-of-two")
}
func (guard) Allowed(web.Principal, web.Action) bool { return true }

// run starts something that ends with the test.
func run(t *testing.T, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

func must1[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// simulator is a camera on a real port.
func simulator(t *testing.T) string {
	s := must1[*camera.Server](t)(camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: []camera.Camera{{ID: "cam-1", Scene: "plaza"}}}))
	run(t, s.Run)
	<-s.Ready()
	return "rtsp://admin:secret@" + s.Addr().String() + "/cam-1/"
}

// hub is everything between a camera and a viewer, and returns the endpoint.
func hub(t *testing.T) *url.URL {
	cam := simulator(t)
	log := slog.New(slog.DiscardHandler)
	d := must1[*db.DB](t)(db.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db")))
	t.Cleanup(func() { _ = d.Close() })
	feed := must1[*web.Feed](t)(web.NewFeed(t.Context(), d))
	pull := must1[*rtsp.Puller](t)(rtsp.New(rtsp.Options{}))
	s := must1[*streams.Streams](t)(streams.New(streams.Options{DB: d, Feed: feed, Puller: pull, Log: log}))
	if err := s.Seed(t.Context(), []streams.Camera{{ID: "cam-1", Name: "cam-1", URL: streams.URL(cam + "main"), SubURL: streams.URL(cam + "sub")}}); err != nil {
		t.Fatal(err)
	}
	run(t, s.Run)
	<-s.Ready()
	w := must1[*whep.Server](t)(whep.New(whep.Options{Addr: "127.0.0.1:0", Streams: s, Log: log}))
	run(t, w.Run)
	<-w.Ready()
	api := web.NewAPI("test", guard{}, log)
	s.Register(api)
	w.Register(api)
	h := httptest.NewServer(api)
	t.Cleanup(func() {
		h.CloseClientConnections()
		h.Close()
	})
	return must1[*url.URL](t)(url.Parse(h.URL + "/whep/cam-1"))
}

// The hub passes every check, what is only recommended too.
func TestHub(t *testing.T) {
	u := hub(t)
	x := newTarget(u, "token-of-one", "token-of-two", 10*time.Second)
	defer x.http.CloseIdleConnections()
	var all []result
	ask(t.Context(), x, pick(checks(), regexp.MustCompile(""), !testing.Short()), 4, func(r result) {
		all = append(all, r)
		switch r.Outcome {
		case fail:
			t.Error(r)
		case skip:
			t.Log(r)
		}
	})
	t.Log(summary(all))
	if len(all) < 150 {
		t.Errorf("only %d checks", len(all))
	}
}

// The list has no question twice, and each says where it comes from.
func TestList(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range checks() {
		group, _, _ := strings.Cut(c.id, "-")
		if key := group + c.what; c.what == "" || c.clause == "" || c.level == "" || c.run == nil || seen[key] {
			t.Errorf("%+v", c)
		} else {
			seen[key] = true
		}
	}
}

// What another server answers is printed and judges nobody: the suite must only get to its end.
func TestMediaMTX(t *testing.T) {
	if *mediamtx == "" {
		t.Skip("no -mediamtx is given")
	}
	conf := filepath.Join(t.TempDir(), "mediamtx.yml")
	text := "logLevel: error\nrtmp: no\nhls: no\nsrt: no\nrtspAddress: 127.0.0.1:18554\nrtspTransports: [tcp]\nwebrtcAddress: 127.0.0.1:18889\n" +
		"webrtcLocalUDPAddress: 127.0.0.1:18189\nwebrtcLocalTCPAddress: 127.0.0.1:18189\npaths:\n  cam-1:\n    source: " + simulator(t) + "sub\n    sourceOnDemand: yes\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	crashes, ctx := atomic.Int64{}, t.Context()
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	running.Go(func() { // one question must not decide all that come behind it
		for ctx.Err() == nil {
			cmd := exec.CommandContext(ctx, *mediamtx, conf)
			cmd.Dir = filepath.Dir(conf) // it writes a certificate
			cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
			if err := cmd.Run(); ctx.Err() == nil {
				crashes.Add(1)
				t.Log("it ended and is started again:", err)
			}
		}
	})
	u := must1[*url.URL](t)(url.Parse("http://127.0.0.1:18889/cam-1/whep"))
	x := newTarget(u, "", "", 10*time.Second)
	defer x.http.CloseIdleConnections()
	var all []result
	for _, c := range checks() {
		listens(t, u.Host)
		x.http.CloseIdleConnections() // they may be of the one before
		ask(ctx, x, []check{c}, 1, func(r result) {
			all = append(all, r)
			t.Log(r)
		})
	}
	t.Log(summary(all), "crashes:", crashes.Load())
}

// listens waits for a server that has just been started.
func listens(t *testing.T, addr string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
