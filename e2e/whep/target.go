package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Media types of WHEP.
const (
	typeSDP  = "application/sdp"
	typeFrag = "application/trickle-ice-sdpfrag"
)

// target is the server that is asked.
type target struct {
	url          *url.URL
	token, other string
	patience     time.Duration
	http         *http.Client
}

func newTarget(u *url.URL, token, other string, patience time.Duration) *target {
	return &target{url: u, token: token, other: other, patience: patience, http: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 16},
		// What a server redirects is its answer: a check looks at it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// reply is an answer that has been read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r *reply) String() string {
	s := fmt.Sprint(r.status)
	if b := strings.Join(strings.Fields(r.body), " "); b != "" && r.status >= 300 {
		s += " " + b[:min(len(b), 120)]
	}
	return s
}

// request is what is sent; headers with an empty value are left out, and
// Authorization is added unless it is among them.
type request struct {
	method, url, contentType string
	body                     io.Reader
	header                   map[string]string
}

func (t *target) send(ctx context.Context, q request) (*reply, error) {
	r, err := http.NewRequestWithContext(ctx, q.method, q.url, q.body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.method, err)
	}
	if t.token != "" {
		r.Header.Set("Authorization", "Bearer "+t.token)
	}
	if q.contentType != "" {
		r.Header.Set("Content-Type", q.contentType)
	}
	for k, v := range q.header {
		r.Header.Del(k)
		if v != "" {
			r.Header.Set(k, v)
		}
	}
	res, err := t.http.Do(r) //nolint:gosec // G704: the address is what the caller wants asked
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.method, err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%s: read the answer: %w", q.method, err)
	}
	return &reply{res.StatusCode, res.Header, string(b)}, nil
}

// post sends an offer; header is name, value, name, value …
func (v *visit) post(offer string, header ...string) (*reply, error) {
	return v.pour(strings.NewReader(offer), header...)
}

// pour is post for a body that need not have a length.
func (v *visit) pour(body io.Reader, header ...string) (*reply, error) {
	r, err := v.send(v.ctx, request{http.MethodPost, v.url.String(), typeSDP, body, pairs(header)})
	if err == nil && r.status == http.StatusCreated {
		if at, err := v.locate(r); err == nil { // it is put away whatever the check thinks of it
			v.cleanup(func() { _, _ = v.send(context.WithoutCancel(v.ctx), request{method: http.MethodDelete, url: at}) })
		}
	}
	return r, err
}

// to sends to a session's address.
func (v *visit) to(method, at, contentType, body string, header ...string) (*reply, error) {
	return v.send(v.ctx, request{method, at, contentType, strings.NewReader(body), pairs(header)})
}

func pairs(list []string) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(list); i += 2 {
		m[list[i]] = list[i+1]
	}
	return m
}

// locate is where the session of a 201 is.
func (t *target) locate(r *reply) (string, error) {
	l := r.header.Get("Location")
	if l == "" {
		return "", fmt.Errorf("%s without Location", r)
	}
	u, err := t.url.Parse(l)
	if err != nil {
		return "", fmt.Errorf("the Location is %q: %w", l, err)
	}
	return u.String(), nil
}

// created makes an error of all but 201.
func created(r *reply, err error) error {
	if err == nil && r.status != http.StatusCreated {
		err = fmt.Errorf("the offer was answered %s", r)
	}
	return err
}

// refused wants an error of the client's making; codes narrows it.
func refused(r *reply, err error, codes ...int) (string, error) {
	if err != nil {
		return "", err
	}
	ok := r.status >= 400 && r.status < 500
	if len(codes) > 0 {
		ok = false
		for _, c := range codes {
			ok = ok || r.status == c
		}
	}
	if !ok {
		return "", fmt.Errorf("answered %s, not %v", r, orAny(codes))
	}
	return r.String(), nil
}

func orAny(codes []int) any {
	if len(codes) == 0 {
		return "4xx"
	}
	return codes
}
