package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
)

// API is the hub's API for somebody who has signed in.
type API struct {
	root   string
	client *http.Client
}

// SignIn opens a session.
func (h *Hub) SignIn(ctx context.Context, user, password string) (*API, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	a := &API{root: h.HTTP, client: &http.Client{Jar: jar}}
	return a, a.Post(ctx, "/session", map[string]string{"username": user, "password": password}, nil)
}

// Post sends body and reads the answer into out, which may be nil.
func (a *API) Post(ctx context.Context, path string, body, out any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return a.call(ctx, http.MethodPost, path, "application/json", b, out)
}

// Get reads the answer into out.
func (a *API) Get(ctx context.Context, path string, out any) error {
	return a.call(ctx, http.MethodGet, path, "", nil, out)
}

// Register imports devices of a kind with one secret for all of them; zone tells
// where each stands.
func (a *API) Register(ctx context.Context, kind, secret string, ids []string, zone func(i int) string) error {
	var b strings.Builder
	b.WriteString("id,kind,name,zone,secret\n")
	for i, id := range ids {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", id, kind, id, zone(i), secret)
	}
	return a.call(ctx, http.MethodPost, "/devices/import", "text/csv", []byte(b.String()), nil)
}

func (a *API) call(ctx context.Context, method, path, typ string, body []byte, out any) error {
	_, answer, err := a.Do(ctx, method, "/api/v1"+path, typ, body)
	if err != nil || out == nil || len(answer) == 0 {
		return err
	}
	return json.Unmarshal(answer, out)
}

// Do sends a request to a path of the hub and returns what it answers.
func (a *API) Do(ctx context.Context, method, path, typ string, body []byte) (http.Header, []byte, error) {
	q, err := http.NewRequestWithContext(ctx, method, a.root+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if typ != "" {
		q.Header.Set("Content-Type", typ)
	}
	resp, err := a.client.Do(q)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, nil, fmt.Errorf("%s %s: %s: %.300s", method, path, resp.Status, answer)
	}
	return resp.Header, answer, nil
}
