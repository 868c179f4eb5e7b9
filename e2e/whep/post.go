package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
)

func postChecks() []check {
	return []check{
		{level: must, clause: "WHEP 4.2", what: "an offer is answered 201", run: func(v *visit) (string, error) {
			r, err := v.good()
			return "201", created(r, err)
		}},
		{level: must, clause: "WHEP 4.2", what: "the answer is application/sdp", run: header("Content-Type", func(s string) bool { return strings.HasPrefix(s, typeSDP) })},
		{level: must, clause: "WHEP 4.2", what: "Location names the session, by a reference that can be resolved", run: location},
		{level: should, clause: "WHEP 4.3.1", what: "ETag is a strong entity tag", run: header("ETag", regexp.MustCompile(`^"[!#-~]+"$`).MatchString)},
		{level: should, clause: "RFC 5789 3.1", what: "Accept-Patch names the fragments that may be sent", run: header("Accept-Patch", func(s string) bool { return strings.Contains(s, typeFrag) })},
		{level: must, clause: "RFC 9725 4.6", what: "Link headers, where there are any, name ICE servers by stun: or turn: addresses", run: links},
		{level: should, clause: "RFC 9111 5.2", what: "the answer, which holds keys, is not stored by caches", run: header("Cache-Control", func(s string) bool { return strings.Contains(s, "no-store") })},
		{level: must, clause: "WHEP 4.2", what: "each offer has a session and an entity tag of its own", run: distinct},
		{level: must, clause: "RFC 8826 4.1", what: "the address of a session can't be guessed from others", run: unguessable},
		{level: must, clause: "RFC 9110 8.3.1", what: "the content type may have parameters", run: typed("application/sdp; charset=utf-8", 201)},
		{level: must, clause: "RFC 9110 8.3.1", what: "the content type may be in capitals", run: typed("Application/SDP", 201)},
		{level: must, clause: "WHEP 4.2", what: "another content type is refused", run: typed("application/json", 4)},
		{level: must, clause: "WHEP 4.2", what: "a body without content type is refused", run: typed("", 4)},
		{level: must, clause: "RFC 9110 8.3", what: "a content type that can't be read is refused", run: typed(`a/b/c;;="`, 4)},
		{level: must, clause: "RFC 9112 7.1", what: "an offer of unknown length (chunked) is taken", run: chunked},
		{level: must, clause: "RFC 9110 15.5.14", what: "an endless body is refused before it is read to the end", run: oversize},
		{level: must, clause: "RFC 9110 15.5.5", what: "an unknown stream is not there", run: unknown},
		{level: must, clause: "RFC 9110 15.5.5", what: "an address that tries to climb is not there", run: climbing},
		{level: must, clause: "RFC 9725 4.1", what: "GET on the endpoint is 405, or 2xx without content", run: onEndpoint(http.MethodGet)},
		{level: must, clause: "RFC 9725 4.1", what: "HEAD on the endpoint is 405, or 2xx without content", run: onEndpoint(http.MethodHead)},
		{level: must, clause: "RFC 9110 15.5.6", what: "PUT on the endpoint is 405", run: onEndpoint(http.MethodPut)},
		{level: must, clause: "RFC 9110 15.5.6", what: "405 says in Allow what is allowed", run: allow},
		{level: should, clause: "RFC 9457", what: "a refusal says in application/problem+json what is wrong", run: problem},
		{level: must, clause: "WHEP 4.2", what: "eight offers at once are all answered", run: together},
	}
}

// good posts an offer that everything is right with.
func (v *visit) good() (*reply, error) {
	o, err := v.offer()
	if err != nil {
		return nil, err
	}
	return v.post(o)
}

// header looks at a header of 201.
func header(name string, ok func(string) bool) func(*visit) (string, error) {
	return func(v *visit) (string, error) {
		r, err := v.good()
		if err := created(r, err); err != nil {
			return "", err
		}
		s := r.header.Get(name)
		if !ok(s) {
			return "", fmt.Errorf("%s: %q", name, s)
		}
		return s, nil
	}
}

func location(v *visit) (string, error) {
	r, err := v.good()
	if err := created(r, err); err != nil {
		return "", err
	}
	at, err := v.locate(r)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path == v.url.Path {
		return "", fmt.Errorf("the Location is %q", r.header.Get("Location"))
	}
	return r.header.Get("Location"), nil
}

func links(v *visit) (string, error) {
	r, err := v.good()
	if err := created(r, err); err != nil {
		return "", err
	}
	ice := regexp.MustCompile(`^<(stun|stuns|turn|turns):[^>]+>.*;\s*rel="?ice-server"?`)
	n := 0
	for _, l := range r.header.Values("Link") {
		if strings.Contains(l, "ice-server") {
			if n++; !ice.MatchString(l) {
				return "", fmt.Errorf("the Link is %s", l)
			}
		}
	}
	return fmt.Sprintf("%d ICE servers", n), nil
}

func distinct(v *visit) (string, error) {
	seen := map[string]bool{}
	for range 3 {
		r, err := v.good()
		if err := created(r, err); err != nil {
			return "", err
		}
		for _, s := range []string{r.header.Get("Location"), r.header.Get("ETag")} {
			if s != "" && seen[s] {
				return "", fmt.Errorf("%s came twice", s)
			}
			seen[s] = true
		}
	}
	return "3 of 3 differ", nil
}

// unguessable compares names of sessions: what they all have in common at the
// same place is no secret, and 16 characters must be left.
func unguessable(v *visit) (string, error) {
	var names []string
	for range 8 {
		r, err := v.good()
		if err := created(r, err); err != nil {
			return "", err
		}
		u, err := url.Parse(r.header.Get("Location"))
		if err != nil {
			return "", err
		}
		if u.RawQuery != "" {
			names = append(names, u.RequestURI())
		} else {
			names = append(names, path.Base(u.Path))
		}
	}
	free := 0
	for i := range names[0] {
		for _, n := range names[1:] {
			if i >= len(n) || n[i] != names[0][i] {
				free++
				break
			}
		}
	}
	if free < 16 {
		return "", fmt.Errorf("only %d characters differ: %s, %s", free, names[0], names[1])
	}
	return fmt.Sprintf("%d characters differ", free), nil
}

// typed posts under a content type; want is a status or its first digit.
func typed(contentType string, want int) func(*visit) (string, error) {
	return func(v *visit) (string, error) {
		o, err := v.offer()
		if err != nil {
			return "", err
		}
		r, err := v.post(o, "Content-Type", contentType)
		if err != nil {
			return "", err
		}
		if r.status != want && r.status/100 != want {
			return "", fmt.Errorf("answered %s", r)
		}
		return r.String(), nil
	}
}

func chunked(v *visit) (string, error) {
	o, err := v.offer()
	if err != nil {
		return "", err
	}
	r, err := v.pour(io.MultiReader(strings.NewReader(o)))
	return "201", created(r, err)
}

// oversize sends 64 MiB; a server that hangs up while they come has refused too.
func oversize(v *visit) (string, error) {
	o, err := v.offer()
	if err != nil {
		return "", err
	}
	sent := &counter{r: io.MultiReader(strings.NewReader(o), io.LimitReader(forever("a=x-filler:0123456789\r\n"), 64<<20))}
	r, err := v.pour(sent)
	n := sent.n.Load() // what is still on its way to a server that has answered is not read
	if n >= 64<<20 {
		return "", errors.New("it reads 64 MiB")
	}
	if err != nil {
		return fmt.Sprintf("hung up after %d KiB", n>>10), nil //nolint:nilerr // a refusal too
	}
	_, err = refused(r, nil)
	return fmt.Sprintf("%d after %d KiB", r.status, n>>10), err
}

type counter struct {
	r io.Reader
	n atomic.Int64
}

// Read implements io.Reader.
func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

type forever string

// Read implements io.Reader.
func (f forever) Read(b []byte) (n int, err error) {
	for n < len(b) {
		n += copy(b[n:], f)
	}
	return n, nil
}

func unknown(v *visit) (string, error) {
	o, err := v.offer()
	if err != nil {
		return "", err
	}
	u := *v.url
	u.Path = path.Join(path.Dir(u.Path), "nobody-has-this-name")
	r, err := v.send(v.ctx, request{http.MethodPost, u.String(), typeSDP, strings.NewReader(o), nil})
	return refused(r, err)
}

func climbing(v *visit) (string, error) {
	o, err := v.offer()
	if err != nil {
		return "", err
	}
	at := v.url.Scheme + "://" + v.url.Host + v.url.Path + "%2f..%2f..%2fetc%2fpasswd%00"
	r, err := v.send(v.ctx, request{http.MethodPost, at, typeSDP, strings.NewReader(o), nil})
	return refused(r, err)
}

// onEndpoint takes what the RFC says now and what its drafts said.
func onEndpoint(method string) func(*visit) (string, error) {
	return func(v *visit) (string, error) {
		r, err := v.send(v.ctx, request{method: method, url: v.url.String()})
		return noContent(r, err, method)
	}
}

func noContent(r *reply, err error, method string) (string, error) {
	switch {
	case err != nil:
		return "", err
	case r.status == http.StatusMethodNotAllowed:
	case (method == http.MethodGet || method == http.MethodHead) && r.status/100 == 2 && r.body == "":
	default:
		return "", fmt.Errorf("answered %s", r)
	}
	return r.String(), nil
}

func allow(v *visit) (string, error) {
	r, err := v.send(v.ctx, request{method: http.MethodPut, url: v.url.String()})
	if err != nil {
		return "", err
	}
	if a := r.header.Get("Allow"); r.status == http.StatusMethodNotAllowed && strings.Contains(a, http.MethodPost) {
		return a, nil
	}
	return "", fmt.Errorf("%s with Allow: %q", r, r.header.Get("Allow"))
}

func problem(v *visit) (string, error) {
	r, err := v.post("hello")
	if _, err := refused(r, err); err != nil {
		return "", err
	}
	if t := r.header.Get("Content-Type"); !strings.HasPrefix(t, "application/problem+json") {
		return "", fmt.Errorf("the refusal is %q", t)
	}
	return r.String(), nil
}

func together(v *visit) (string, error) {
	o, err := v.offer()
	if err != nil {
		return "", err
	}
	var wg sync.WaitGroup
	replies, errs := make([]*reply, 8), make([]error, 8)
	for i := range replies {
		wg.Go(func() {
			replies[i], errs[i] = v.send(v.ctx, request{http.MethodPost, v.url.String(), typeSDP, strings.NewReader(o), nil})
		})
	}
	wg.Wait()
	for i, r := range replies {
		if errs[i] == nil && r.status == http.StatusCreated {
			if at, err := v.locate(r); err == nil {
				_, _ = v.to(http.MethodDelete, at, "", "")
			}
		}
		if err := created(r, errs[i]); err != nil {
			return "", err
		}
	}
	return "8 times 201", nil
}
