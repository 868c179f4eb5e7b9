package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
)

func endChecks() []check {
	// opened does something with a new session.
	opened := func(f func(v *visit, s talk) (string, error)) func(*visit) (string, error) {
		return func(v *visit) (string, error) {
			s, err := v.open()
			if err != nil {
				return "", err
			}
			return f(v, s)
		}
	}
	method := func(m string) func(*visit) (string, error) {
		return opened(func(v *visit, s talk) (string, error) {
			r, err := v.to(m, s.at, "", "")
			return noContent(r, err, m)
		})
	}
	return []check{
		{level: must, clause: "WHEP 4.2", what: "DELETE ends a session: 200 or 204", run: opened(func(v *visit, s talk) (string, error) { return v.end(s.at) })},
		{level: must, clause: "RFC 9110 15.5.5", what: "a second DELETE finds nothing", run: opened(func(v *visit, s talk) (string, error) {
			return v.gone(s, http.MethodDelete)
		})},
		{level: must, clause: "RFC 9110 15.5.5", what: "PATCH after DELETE finds nothing", run: opened(func(v *visit, s talk) (string, error) {
			return v.gone(s, http.MethodPatch)
		})},
		{level: must, clause: "WHEP 4.3.1", what: "DELETE does not look at the entity tag", run: opened(func(v *visit, s talk) (string, error) {
			r, err := v.to(http.MethodDelete, s.at, "", "", "If-Match", `"another"`)
			return ended(r, err)
		})},
		{level: should, clause: "RFC 9110 15.5.5", what: "DELETE of an unknown session finds nothing", run: opened(func(v *visit, s talk) (string, error) {
			r, err := v.to(http.MethodDelete, stranger(s.at), "", "")
			return refused(r, err, 404, 410)
		})},
		{level: must, clause: "RFC 9725 4.1", what: "GET on a session is 405, or 2xx without content", run: method(http.MethodGet)},
		{level: must, clause: "RFC 9725 4.1", what: "HEAD on a session is 405, or 2xx without content", run: method(http.MethodHead)},
		{level: must, clause: "RFC 9110 15.5.6", what: "PUT on a session is 405", run: method(http.MethodPut)},
		{level: must, clause: "RFC 9110 15.5.6", what: "an offer to a session is refused", run: opened(func(v *visit, s talk) (string, error) {
			r, err := v.to(http.MethodPost, s.at, typeSDP, s.offer)
			return refused(r, err)
		})},
		{level: must, clause: "WHEP 4.2", what: "pictures stop within 2 s of DELETE", run: func(v *visit) (string, error) {
			x, err := v.playing(way{}, 5)
			if err != nil {
				return "", err
			}
			if s, err := v.end(x.at); err != nil {
				return s, err
			}
			time.Sleep(2 * time.Second)
			return "they do", x.silent(v.ctx, time.Second)
		}},
		{level: should, clause: "RFC 7675 5.2", what: "the viewer is told at once (DTLS close)", run: func(v *visit) (string, error) {
			x, err := v.playing(way{}, 5)
			if err != nil {
				return "", err
			}
			began := time.Now()
			if s, err := v.end(x.at); err != nil {
				return s, err
			}
			err = x.until(v.ctx, 3*time.Second, "the viewer is not told", func() bool { return x.state == webrtc.PeerConnectionStateClosed })
			return since(began), err
		}},
		{level: should, clause: "WHEP 4.2", what: "the session of a viewer that says goodbye (DTLS close) ends within 5 s", run: goodbye},
		{level: must, clause: "RFC 7675 5.1", what: "the session of a viewer that vanishes ends within 45 s", run: vanish, slow: true},
		{level: should, clause: "RFC 8863 3", what: "the session of a viewer that never connects ends within 60 s", run: opened(func(v *visit, s talk) (string, error) {
			return v.ends(s, 60*time.Second)
		}), slow: true},
	}
}

func since(t time.Time) string { return "after " + time.Since(t).Round(time.Millisecond).String() }

func ended(r *reply, err error) (string, error) {
	if err == nil && r.status != http.StatusOK && r.status != http.StatusNoContent {
		err = fmt.Errorf("answered %s", r)
	}
	if err != nil {
		return "", err
	}
	return r.String(), nil
}

func (v *visit) end(at string) (string, error) {
	r, err := v.to(http.MethodDelete, at, "", "")
	return ended(r, err)
}

// gone ends a session and wants it not to be there for a while after.
func (v *visit) gone(s talk, method string) (string, error) {
	if seen, err := v.end(s.at); err != nil {
		return seen, err
	}
	r, err := v.to(method, s.at, typeFrag, fragment(s.offer, nowhere), "If-Match", s.etag)
	if method == http.MethodPatch {
		return refused(r, err, 404, 409, 410)
	}
	return refused(r, err, 404, 410)
}

// ends waits until a session is no longer there.
func (v *visit) ends(s talk, within time.Duration) (string, error) {
	began := time.Now()
	for {
		r, err := v.to(http.MethodPatch, s.at, typeFrag, fragment(s.offer, nowhere), "If-Match", s.etag)
		if err != nil {
			return "", err
		}
		if r.status == http.StatusNotFound || r.status == http.StatusGone {
			return since(began), nil
		}
		if time.Since(began) > within {
			return "", fmt.Errorf("it is still there after %s", within)
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-v.ctx.Done():
			return "", v.ctx.Err()
		}
	}
}

func goodbye(v *visit) (string, error) {
	x, err := v.playing(way{}, 5)
	if err != nil {
		return "", err
	}
	if err := x.pc.GracefulClose(); err != nil {
		return "", err
	}
	return v.ends(talk{x.at, x.etag, x.offer}, 5*time.Second)
}

// vanish plays through a path that is then cut, so that no goodbye arrives.
func vanish(v *visit) (string, error) {
	p := v.through()
	x, err := v.playing(way{answer: p.answer}, 5)
	if err != nil {
		return "", err
	}
	if p.path == nil {
		return "", errors.New("the answer has no candidate over UDP")
	}
	p.path.Cut()
	s, err := v.ends(talk{x.at, x.etag, x.offer}, 45*time.Second)
	return strings.Replace(s, "after", "after silence of", 1), err
}
