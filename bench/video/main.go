// Command video starts the hub for a load generator that plays cameras and
// viewers and brings no credentials: it registers the cameras and stands before
// the hub as a viewer's proxy that adds a token. The hub itself is what users run,
// with nothing switched off. Only signalling passes the proxy; pictures go from
// the hub to the viewers.
//
//	video CAMERAS HUB     CAMERAS: a file with "id rtsp-address" in each line
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	front    = "127.0.0.1:9000" // for the viewers
	back     = "127.0.0.1:9001" // the hub
	media    = "127.0.0.1:9002"
	api      = "http://" + back + "/api/v1"
	password = "bench-password"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: video CAMERAS HUB")
		os.Exit(2) //nolint:forbidigo // this is main
	}
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "bench video:", err)
		stop()
		os.Exit(1) //nolint:gocritic,forbidigo // this is main, and stop was called
	}
}

func run(ctx context.Context, cameras, hub string) error {
	dir, err := os.MkdirTemp("", "bench-video-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	conf := filepath.Join(dir, "hub.yaml")
	text := "log: {level: error}\nidentity: {admin_password: " + password + "}\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, hub, "serve", "--config", conf, "--data", filepath.Join(dir, "data"), "--http", back, "--webrtc", media, "--mqtt", "off", "--mqtts", "off") //nolint:gosec // the program is the argument
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 3 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { _ = cmd.Wait() }()
	tokens, err := prepare(ctx, cameras)
	if err != nil {
		_ = cmd.Process.Kill()
		return err
	}
	return serve(ctx, tokens)
}

// users is how many share the viewers: the hub bounds what one user may open.
const users = 16

// prepare signs in as the hub comes up, adds the cameras and gets tokens.
func prepare(ctx context.Context, cameras string) ([]string, error) {
	list, err := os.ReadFile(cameras) //nolint:gosec // the file is the argument
	if err != nil {
		return nil, err
	}
	var cookie string
	for {
		var err error
		cookie, err = call(ctx, "/session", "", map[string]string{"username": "admin", "password": password}, nil)
		if err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) == 2 {
			if _, err := call(ctx, "/cameras", cookie, map[string]string{"id": f[0], "name": f[0], "zone": "east", "url": f[1]}, nil); err != nil {
				return nil, err
			}
		}
	}
	tokens := make([]string, users)
	for i := range tokens {
		var t struct{ Token string }
		if _, err := call(ctx, "/tokens", cookie, map[string]string{"name": fmt.Sprint("bench-", i), "role": "admin"}, &t); err != nil {
			return nil, err
		}
		tokens[i] = t.Token
	}
	return tokens, nil
}

// call posts in and returns the cookie that was set, if any.
func call(ctx context.Context, path, cookie string, in, out any) (set string, err error) {
	b, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, api+path, bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Cookie", cookie)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= http.StatusMultipleChoices {
		return "", fmt.Errorf("%s: %s", path, res.Status)
	}
	if out != nil {
		err = json.NewDecoder(res.Body).Decode(out)
	}
	set, _, _ = strings.Cut(res.Header.Get("Set-Cookie"), ";")
	return set, err
}

// serve lets viewers in, each with the next token.
func serve(ctx context.Context, tokens []string) error {
	var n atomic.Uint64
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: back})
		r.Out.Header.Set("Authorization", "Bearer "+tokens[n.Add(1)%uint64(len(tokens))])
	}}
	srv := &http.Server{Addr: front, Handler: proxy, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
