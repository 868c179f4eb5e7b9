package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/simulator/camera"
	"dongyue/internal/web"
	"dongyue/streams"
	"dongyue/streams/rtsp"
	"dongyue/streams/whep"
)

// everybody may do everything: who may is not what is measured.
type everybody struct{}

func (everybody) Authenticate(*http.Request) (web.Principal, bool) {
	return web.Principal{ID: "soak"}, true
}
func (everybody) Allowed(web.Principal, web.Action) bool { return true }

// site is cameras and hub.
type site struct {
	sim     *camera.Server
	streams *streams.Streams
	whep    *whep.Server
	url     string
	ids     []string
	feed    *web.Feed
	db      *db.DB
	close   func() error
}

// start starts all of it, and close ends all of it.
func start(ctx context.Context, cameras int) (s *site, err error) {
	dir, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return nil, err
	}
	s = &site{}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	run := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
	s.close = func() error {
		cancel()
		wg.Wait()
		return errors.Join(append(failed, os.RemoveAll(dir))...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	scenes := camera.Scenes()
	var sims []camera.Camera
	for i := range cameras {
		s.ids = append(s.ids, fmt.Sprintf("cam-%d", i+1))
		sims = append(sims, camera.Camera{ID: s.ids[i], Scene: scenes[i%len(scenes)]})
	}
	if s.sim, err = camera.New(camera.Options{Addr: "127.0.0.1:0", Cameras: sims}); err != nil {
		return nil, err
	}
	run(s.sim.Run)
	<-s.sim.Ready()
	if err := s.room(ctx, filepath.Join(dir, "hub.db"), run); err != nil {
		return nil, err
	}
	return s, s.door(ctx, run)
}

// room is the streams, with their database.
func (s *site) room(ctx context.Context, file string, run func(func(context.Context) error)) error {
	d, err := db.Open(ctx, file)
	if err != nil {
		return err
	}
	feed, err := web.NewFeed(ctx, d)
	if err != nil {
		return errors.Join(err, d.Close())
	}
	s.db, s.feed = d, feed
	pull, err := rtsp.New(rtsp.Options{})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	s.streams, err = streams.New(streams.Options{DB: d, Feed: feed, Puller: pull, LeaveOff: 200 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return errors.Join(err, d.Close())
	}
	for _, id := range s.ids {
		base := "rtsp://admin:secret@" + s.sim.Addr().String() + "/" + id
		if err := s.streams.Seed(ctx, []streams.Camera{{ID: id, Name: id, URL: streams.URL(base + "/main"), SubURL: streams.URL(base + "/sub")}}); err != nil {
			return errors.Join(err, d.Close())
		}
	}
	run(func(ctx context.Context) error { return errors.Join(s.streams.Run(ctx), d.Close()) })
	<-s.streams.Ready()
	return nil
}

// fillFeed fills what the feed keeps in memory, which is bounded but takes a thousand
// flaps to fill: that is no growth.
func (s *site) fillFeed(ctx context.Context) error {
	why, err := s.streams.Why(s.ids[0]) // about as large as what is told
	if err != nil {
		return err
	}
	for range entries / 100 {
		err := s.db.Tx(ctx, func(tx *sql.Tx) error {
			for range 100 {
				if _, err := s.feed.Append(ctx, tx, "soak", why); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := s.feed.Committed(ctx); err != nil {
			return err
		}
	}
	return nil
}

// entries are more than the feed keeps in memory.
const entries = 5_000

// door is WHEP over HTTP.
func (s *site) door(ctx context.Context, run func(func(context.Context) error)) (err error) {
	if s.whep, err = whep.New(whep.Options{Addr: "127.0.0.1:0", Streams: s.streams}); err != nil {
		return err
	}
	run(s.whep.Run)
	<-s.whep.Ready()
	api := web.NewAPI("soak", everybody{}, slog.New(slog.DiscardHandler))
	s.whep.Register(api)
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.url = "http://" + l.Addr().String()
	h := &http.Server{Handler: api, ReadHeaderTimeout: time.Minute}
	run(func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = h.Close() })
		defer stop()
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return nil
}
