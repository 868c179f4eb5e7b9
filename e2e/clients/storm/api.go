package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// api is the hub's HTTP side, signed in as admin.
type api struct {
	base   string
	client http.Client
}

func signIn(ctx context.Context, base, password string) (*api, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	a := &api{base: base, client: http.Client{Jar: jar, Timeout: time.Minute}}
	body, err := json.Marshal(map[string]string{"username": "admin", "password": password})
	if err != nil {
		return nil, err
	}
	return a, a.call(ctx, http.MethodPost, "/session", "application/json", body, nil)
}

func (a *api) call(ctx context.Context, method, path, kind string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, a.base+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	r, err := a.client.Do(req)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Body.Close()); err != nil {
		return err
	}
	if r.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s %.300s", method, path, r.Status, b)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

func (a *api) register(ctx context.Context, n int) error {
	var csv bytes.Buffer
	csv.WriteString("id,kind,name,zone,secret\n" + doorID + ",door,door,east," + secret + "\n")
	for i := range n {
		fmt.Fprintf(&csv, "%s,charger,%s,east,%s\n", id(i), id(i), secret)
	}
	return a.call(ctx, http.MethodPost, "/devices/import", "text/csv", csv.Bytes(), nil)
}

// twins waits until 95 % of the twins are online with this boot, and says how
// long that took.
func (a *api) twins(ctx context.Context, boot string, n int, begin time.Time) (int64, error) {
	for time.Since(begin) < 5*time.Minute {
		there, err := a.count(ctx, boot)
		if err != nil {
			return 0, err
		}
		if there*100 >= n*95 {
			return time.Since(begin).Milliseconds(), nil
		}
		time.Sleep(250 * time.Millisecond)
	}
	return 0, fmt.Errorf("the twins did not come back with boot %s", boot)
}

func (a *api) count(ctx context.Context, boot string) (there int, err error) {
	for cursor := ""; ; {
		var page struct {
			Items []struct {
				Online bool   `json:"online"`
				Boot   string `json:"boot"`
			} `json:"items"`
			Next string `json:"next"`
		}
		if err := a.call(ctx, http.MethodGet, "/devices?kind=charger&online=true&limit=1000&cursor="+url.QueryEscape(cursor), "", nil, &page); err != nil {
			return 0, err
		}
		for _, d := range page.Items {
			if d.Online && d.Boot == boot {
				there++
			}
		}
		if cursor = page.Next; cursor == "" {
			return there, nil
		}
	}
}

// rss is the hub's resident memory in bytes, 0 if it does not say.
func (a *api) rss(ctx context.Context) float64 {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/metrics", nil)
	if err != nil {
		return 0
	}
	r, err := a.client.Do(req)
	if err != nil {
		return 0
	}
	defer func() { _ = r.Body.Close() }()
	for s := bufio.NewScanner(r.Body); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "process_resident_memory_bytes "); ok {
			x, _ := strconv.ParseFloat(v, 64) // 0 is as good as no answer
			return x
		}
	}
	return 0
}
