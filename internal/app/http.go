package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"dongyue/internal/web"
)

// server is the HTTP listener of screens and API.
type server struct {
	srv *http.Server
	ln  net.Listener
}

// newServer listens at once, so that a port in use is an error of the start.
func newServer(ctx context.Context, addr string, cert *tls.Config, api, screens http.Handler, log *slog.Logger) (*server, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if cert != nil {
		ln = tls.NewListener(ln, cert)
	}
	return &server{ln: ln, srv: &http.Server{
		Handler:           survive(sameSite(split(api, screens)), log),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// survive keeps a mistake in one request from being silent, or from being a closed
// connection without a word.
func survive(h http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			x := recover()
			if x == nil {
				return
			}
			if x == http.ErrAbortHandler { //nolint:errorlint // the value itself is the sign
				panic(x)
			}
			log.ErrorContext(r.Context(), "request panicked", "method", r.Method, "path", told(r.URL.Path), "panic", x, "stack", string(debug.Stack()))
			web.WriteProblem(w, web.Fail(http.StatusInternalServerError, "internal", "the hub could not do this; its log says why"))
		}()
		h.ServeHTTP(w, r)
	})
}

// told is a path as a log may have it: the rest of a visitor's link is a key.
func told(path string) string {
	if before, _, secret := strings.Cut(path, "/visit/"); secret {
		return before + "/visit/…"
	}
	return path
}

// sameSite keeps pages of other sites from acting with this one's cookie. A
// request that brings a token of its own carries no cookie's rights, so players
// and programs on other origins may come with one.
func sameSite(h http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		web.WriteProblem(w, web.Fail(http.StatusForbidden, "request.cross_site", "a page of another site may not do this; a program sends a bearer token"))
	}))
	guarded := guard.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			h.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// split sends what the API owns to it and the rest to the screens.
func split(api, screens http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first, _, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
		switch first {
		case "api", "whep", "whip", "mse", "livez", "readyz", "metrics", "open311":
			api.ServeHTTP(w, r)
		default:
			screens.ServeHTTP(w, r)
		}
	})
}

// close gives the port back when run was never called.
func (s *server) close() error {
	if err := s.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// run serves until ctx ends; streams are told to end, the rest may finish.
func (s *server) run(ctx context.Context) error {
	streams, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	s.srv.BaseContext = func(net.Listener) context.Context { return streams }
	done := make(chan error, 1)
	go func() { done <- s.srv.Serve(s.ln) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	end()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	err := s.srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.srv.Close()
	}
	if end := <-done; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}
