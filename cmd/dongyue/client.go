package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// client asks a running hub.
type client struct {
	url, token string
	asJSON     bool
}

// bind gives a command and those below it the flags of a client.
func (k *client) bind(c *cobra.Command) {
	f := c.PersistentFlags()
	f.StringVar(&k.url, "url", cmp.Or(os.Getenv("DONGYUE_URL"), "http://127.0.0.1:8080"), "address of the hub (DONGYUE_URL)")
	f.StringVar(&k.token, "token", "", "token of a program; better in DONGYUE_TOKEN, which other users of this machine can't see")
	f.BoolVar(&k.asJSON, "json", false, "answers as the hub gives them, one JSON value")
}

// callTime is how long one call may take; streams take longer.
const callTime = 30 * time.Second

// refusal is the hub's answer to what it does not do (RFC 9457).
type refusal struct {
	Status int
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Errors []struct{ Location, Message string }
}

func (r *refusal) Error() string {
	if r.Detail == "" {
		return fmt.Sprintf("the hub answered %d %s", r.Status, http.StatusText(r.Status))
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s (%s)", r.Detail, cmp.Or(r.Code, fmt.Sprint(r.Status)))
	for _, e := range r.Errors {
		text.WriteString("\n" + e.Location + ": " + e.Message)
	}
	return text.String()
}

// open sends a request and returns the answer when it is a good one.
func (k *client) open(ctx context.Context, method, path, kind string, body []byte) (*http.Response, error) {
	base, err := url.Parse(k.url)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, coded{fmt.Errorf("--url %q is no address: write http://host:8080", k.url), exitUsage}
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(k.url, "/")+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return nil, coded{err, exitUsage}
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	token := cmp.Or(k.token, os.Getenv("DONGYUE_TOKEN"))
	if token == "" {
		return nil, coded{errors.New("no token: make one with POST /api/v1/tokens and put it into DONGYUE_TOKEN, or pass --token"), exitUsage}
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, coded{fmt.Errorf("the hub at %s does not answer; is it running, and is --url right? %w", k.url, err), exitIll}
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	r := &refusal{Status: resp.StatusCode}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	_ = json.Unmarshal(text, r)
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, errors.New("the hub does not know the token: it may have been revoked; make another with POST /api/v1/tokens")
	case resp.StatusCode >= 500:
		return nil, coded{r, exitIll}
	}
	return nil, r
}

// call sends a request and decodes the answer into out, or with --json prints it.
func (k *client) call(ctx context.Context, method, path string, in, out any) (raw []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var body []byte
	kind := ""
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
		kind = "application/json"
	}
	resp, err := k.open(ctx, method, path, kind, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err = io.ReadAll(resp.Body)
	if err != nil {
		return nil, coded{fmt.Errorf("the answer broke off: %w", err), exitIll}
	}
	if out != nil && len(raw) > 0 {
		if err := json.Unmarshal(raw, out); err != nil {
			return nil, coded{fmt.Errorf("%s did not answer as a hub does; is --url right? %w", k.url, err), exitIll}
		}
	}
	return raw, nil
}

// follow reads the stream of changes until ctx ends or f has had enough (io.EOF).
func (k *client) follow(ctx context.Context, topics string, f func(topic string, data []byte) error) error {
	resp, err := k.open(ctx, http.MethodGet, "/stream?topics="+url.QueryEscape(topics), "", nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	topic := ""
	for lines.Scan() {
		switch name, value, _ := strings.Cut(lines.Text(), ": "); name {
		case "event":
			topic = value
		case "data":
			if err := f(topic, []byte(value)); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // somebody pressed Ctrl-C
	}
	return coded{fmt.Errorf("the hub has closed the stream: %w", cmp.Or(lines.Err(), io.ErrUnexpectedEOF)), exitIll}
}
