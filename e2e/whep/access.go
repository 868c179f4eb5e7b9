package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// talk is a session that is only talked to.
type talk struct {
	at, etag, offer string
}

func (v *visit) open() (s talk, err error) {
	if s.offer, err = v.offer(); err != nil {
		return s, err
	}
	r, err := v.post(s.offer)
	if err := created(r, err); err != nil {
		return s, err
	}
	s.etag = r.header.Get("ETag")
	s.at, err = v.locate(r)
	return s, err
}

func authChecks() []check {
	// as wants what a request is answered under other credentials.
	as := func(auth func(*visit) string, do func(v *visit, auth string) (*reply, error), codes ...int) func(*visit) (string, error) {
		return func(v *visit) (string, error) {
			if v.token == "" {
				return "", skipped("no -token is given")
			}
			r, err := do(v, auth(v))
			return refused(r, err, codes...)
		}
	}
	post := func(v *visit, auth string) (*reply, error) {
		o, err := v.offer()
		if err != nil {
			return nil, err
		}
		return v.post(o, "Authorization", auth)
	}
	on := func(method string) func(v *visit, auth string) (*reply, error) {
		return func(v *visit, auth string) (*reply, error) {
			if auth == "Bearer " {
				return nil, skipped("no -other token is given")
			}
			s, err := v.open()
			if err != nil {
				return nil, err
			}
			return v.to(method, s.at, typeFrag, fragment(s.offer, nowhere), "Authorization", auth, "If-Match", s.etag)
		}
	}
	says := func(s string) func(*visit) string { return func(*visit) string { return s } }
	other := func(v *visit) string { return "Bearer " + v.other }
	return []check{
		{level: must, clause: "RFC 9725 4.7", what: "an offer without token is 401", run: as(says(""), post, 401)},
		{level: must, clause: "RFC 9725 4.7", what: "an offer with a wrong token is 401", run: as(says("Bearer not-the-token"), post, 401, 403)},
		{level: must, clause: "RFC 6750 2.1", what: "the right token under another scheme is refused", run: as(func(v *visit) string { return "Basic " + v.token }, post, 401, 403)},
		{level: must, clause: "RFC 6750 2.1", what: "a token cut short is refused", run: as(func(v *visit) string { return "Bearer " + v.token[:len(v.token)-1] }, post, 401, 403)},
		{level: must, clause: "RFC 9110 11.6.1", what: "401 says how to sign in", run: challenge},
		{level: must, clause: "RFC 9725 4.7", what: "nobody can't end a session", run: as(says(""), on(http.MethodDelete), 401, 403, 404)},
		{level: must, clause: "RFC 9725 4.7", what: "nobody can't send candidates to a session", run: as(says(""), on(http.MethodPatch), 401, 403, 404)},
		{level: must, clause: "RFC 9725 4.7", what: "somebody else can't end a session", run: as(other, on(http.MethodDelete), 401, 403, 404)},
		{level: must, clause: "RFC 9725 4.7", what: "somebody else can't send candidates to a session", run: as(other, on(http.MethodPatch), 401, 403, 404)},
		{level: must, clause: "RFC 9725 4.7", what: "who is refused is told nothing of the session", run: same},
	}
}

func challenge(v *visit) (string, error) {
	if v.token == "" {
		return "", skipped("no -token is given")
	}
	r, err := v.post("v=0", "Authorization", "")
	if err != nil {
		return "", err
	}
	if r.status != http.StatusUnauthorized || r.header.Get("WWW-Authenticate") == "" {
		return "", fmt.Errorf("answered %s with WWW-Authenticate: %q", r, r.header.Get("WWW-Authenticate"))
	}
	return r.header.Get("WWW-Authenticate"), nil
}

// same compares the answer to somebody else for a session that is there and for one that is not.
func same(v *visit) (string, error) {
	if v.other == "" {
		return "", skipped("no -other token is given")
	}
	s, err := v.open()
	if err != nil {
		return "", err
	}
	there, err := v.to(http.MethodDelete, s.at, "", "", "Authorization", "Bearer "+v.other)
	if err != nil {
		return "", err
	}
	gone, err := v.to(http.MethodDelete, stranger(s.at), "", "", "Authorization", "Bearer "+v.other)
	if err != nil {
		return "", err
	}
	if there.status != gone.status {
		return "", fmt.Errorf("%d for a session that is there, %d for one that is not", there.status, gone.status)
	}
	return fmt.Sprintf("%d for both", there.status), nil
}

// stranger is the address of a session that is not there, of the same form as one that is.
func stranger(at string) string {
	i := strings.LastIndexAny(at, "/=")
	return at[:i+1] + strings.Repeat("0", len(at)-i-1)
}

const origin = "https://player.example"

func corsChecks() []check {
	preflight := func(session bool, ask, want string) func(*visit) (string, error) {
		return func(v *visit) (string, error) {
			at := v.url.String()
			if session {
				s, err := v.open()
				if err != nil {
					return "", err
				}
				at = s.at
			}
			r, err := v.to(http.MethodOptions, at, "", "", "Authorization", "", "Origin", origin,
				"Access-Control-Request-Method", ask, "Access-Control-Request-Headers", "authorization,content-type,if-match")
			if err != nil {
				return "", err
			}
			return permits(r, ask, want)
		}
	}
	return []check{
		{level: must, clause: "WHEP 4.2", what: "a page of another origin may post, without a token in the question before it", run: preflight(false, "POST", "authorization,content-type")},
		{level: must, clause: "WHEP 4.2", what: "it may send candidates", run: preflight(true, "PATCH", "authorization,content-type,if-match")},
		{level: must, clause: "WHEP 4.2", what: "it may end the session", run: preflight(true, "DELETE", "authorization")},
		{level: should, clause: "WHEP 4.2", what: "OPTIONS says in Accept-Post what may be posted", run: func(v *visit) (string, error) {
			r, err := v.to(http.MethodOptions, v.url.String(), "", "", "Origin", origin)
			if err != nil || !strings.Contains(r.header.Get("Accept-Post"), typeSDP) {
				return "", errors.Join(err, fmt.Errorf("Accept-Post: %q", r.header.Get("Accept-Post")))
			}
			return r.header.Get("Accept-Post"), nil
		}},
		{level: must, clause: "Fetch 3.3.3", what: "it can read the answer", run: readable(func(v *visit) (*reply, error) { return v.posted("Origin", origin) })},
		{level: must, clause: "Fetch 3.3.3", what: "it can read Location and ETag", run: exposes},
		{level: should, clause: "Fetch 3.3.3", what: "it can read a refusal", run: readable(func(v *visit) (*reply, error) { return v.post("hello", "Origin", origin) })},
		{level: should, clause: "Fetch 3.3.3", what: "it can read that it must sign in", run: func(v *visit) (string, error) {
			if v.token == "" {
				return "", skipped("no -token is given")
			}
			return readable(func(v *visit) (*reply, error) { return v.post("v=0", "Origin", origin, "Authorization", "") })(v)
		}},
		{level: must, clause: "Fetch 3.3.5", what: "no page is trusted with the user's cookies", run: func(v *visit) (string, error) {
			r, err := v.posted("Origin", origin)
			if err == nil && r.header.Get("Access-Control-Allow-Credentials") == "true" {
				err = errors.New("Access-Control-Allow-Credentials: true for " + origin)
			}
			return "cookies stay away", err
		}},
	}
}

func (v *visit) posted(header ...string) (*reply, error) {
	o, err := v.offer()
	if err != nil {
		return nil, err
	}
	r, err := v.post(o, header...)
	return r, created(r, err)
}

func permits(r *reply, method, headers string) (string, error) {
	if a := r.header.Get("Access-Control-Allow-Origin"); r.status/100 != 2 || a != "*" && a != origin {
		return "", fmt.Errorf("answered %s with Access-Control-Allow-Origin: %q", r, a)
	}
	methods, allowed := r.header.Get("Access-Control-Allow-Methods"), strings.ToLower(r.header.Get("Access-Control-Allow-Headers"))
	if !strings.Contains(methods, method) && method != http.MethodPost {
		return "", fmt.Errorf("Access-Control-Allow-Methods: %q", methods)
	}
	for h := range strings.SplitSeq(headers, ",") {
		if !strings.Contains(allowed, h) {
			return "", fmt.Errorf("Access-Control-Allow-Headers: %q lacks %s", allowed, h)
		}
	}
	return fmt.Sprintf("%d %s; %s", r.status, methods, allowed), nil
}

func readable(do func(*visit) (*reply, error)) func(*visit) (string, error) {
	return func(v *visit) (string, error) {
		r, err := do(v)
		if err != nil {
			return "", err
		}
		if a := r.header.Get("Access-Control-Allow-Origin"); a != "*" && a != origin {
			return "", fmt.Errorf("%d with Access-Control-Allow-Origin: %q", r.status, a)
		}
		return fmt.Sprintf("%d, %s", r.status, r.header.Get("Access-Control-Allow-Origin")), nil
	}
}

func exposes(v *visit) (string, error) {
	r, err := v.posted("Origin", origin)
	if err != nil {
		return "", err
	}
	e := r.header.Get("Access-Control-Expose-Headers")
	for _, h := range []string{"location", "etag"} {
		if !strings.Contains(strings.ToLower(e), h) && e != "*" {
			return "", fmt.Errorf("Access-Control-Expose-Headers: %q", e)
		}
	}
	return e, nil
}
