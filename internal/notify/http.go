package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// HTTP is the client of the channels that speak it. It follows no redirect, uses
// no proxy of the environment, and connects through the dialer only.
func HTTP(d *net.Dialer) *http.Client {
	return &http.Client{
		Timeout: 30 * time.Second, // the lane's own limit is shorter
		Transport: &http.Transport{
			DialContext: d.DialContext, MaxIdleConnsPerHost: atOnce, IdleConnTimeout: time.Minute,
			TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 20 * time.Second, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

const mostAnswer = 64 << 10 // bytes of an answer that are read

// post sends JSON and returns the answer of a success. What it says of a failure
// holds no address, since robots have their key in it.
func post(ctx context.Context, c *http.Client, to string, header http.Header, body any) ([]byte, error) {
	b, ok := body.([]byte)
	if !ok {
		var err error
		if b, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encode letter: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("%w: the address is none", ErrRefused)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "dongyue")
	resp, err := c.Do(req)
	if err != nil {
		return nil, bare(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", bare(err))
	}
	return answer, judge(resp)
}

// bare takes the address out of an error.
func bare(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if errors.Is(err, errPrivate) {
		return fmt.Errorf("%w: %w", ErrRefused, errPrivate)
	}
	return err
}

// judge says what a status means: nil, another time, or never.
func judge(resp *http.Response) error {
	code := resp.StatusCode
	switch {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		return &SlowDown{For: retryAfter(resp.Header.Get("Retry-After")), What: fmt.Sprintf("answered %d", code)}
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly || code >= 500:
		return fmt.Errorf("answered %d", code)
	case code >= 300 && code < 400:
		return fmt.Errorf("%w: answered %d; redirects are not followed, configure the final address", ErrRefused, code)
	}
	return fmt.Errorf("%w: answered %d", ErrRefused, code)
}

// retryAfter reads seconds; a date is rare and read as the longest pause. No more
// than ten minutes: life goes on.
func retryAfter(s string) time.Duration {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return longPause
	}
	return min(time.Duration(max(n, 0))*time.Second, 10*time.Minute)
}

// host is what may be shown of an address.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
