package main

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/pion/webrtc/v4"
)

// newcomer is a fragment with credentials that the session does not know: an ICE restart.
const newcomer = "a=ice-options:trickle ice2\r\na=group:BUNDLE 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" +
	"a=ice-ufrag:RsTr\r\na=ice-pwd:0123456789abcdefghijklmn\r\n" + nowhere + "\r\n"

func restartChecks() []check {
	return []check{
		{level: must, clause: "WHEP 4.3.3", what: "new credentials are answered 200 with the server's new ones, or refused", run: func(v *visit) (string, error) {
			s, err := v.open()
			if err != nil {
				return "", err
			}
			_, r, err := v.restart(s.at, s.etag)
			if err != nil {
				return "", err
			}
			return r.String(), nil
		}},
		{level: must, clause: "WHEP 4.3.1", what: "what is refused of trickle and restart is refused with 422", run: func(v *visit) (string, error) {
			s, err := v.open()
			if err != nil {
				return "", err
			}
			ok, r, err := v.restart(s.at, s.etag)
			if err == nil && !ok && r.status != http.StatusUnprocessableEntity {
				err = fmt.Errorf("answered %s", r)
			}
			if err != nil {
				return "", err
			}
			return r.String(), nil
		}},
		{level: must, clause: "WHEP 4.3.3", what: "a refused restart leaves the session as it was", run: afterRefusal},
		{level: must, clause: "RFC 8838 14", what: "half of the credentials are no restart, and no fault of the server", run: civilly(func(v *visit) (*reply, error) {
			s, err := v.open()
			if err != nil {
				return nil, err
			}
			return v.to(http.MethodPatch, s.at, typeFrag, strings.Replace(newcomer, "a=ice-pwd", "a=x-pwd", 1), "If-Match", "*")
		})},
		{level: must, clause: "WHEP 4.3.3", what: "pictures go on after a restart", run: restarted},
		{level: must, clause: "RFC 9110 13.1.1", what: "after a restart the old entity tag is refused with 412", run: func(v *visit) (string, error) {
			s, err := v.open()
			if err != nil {
				return "", err
			}
			ok, _, err := v.restart(s.at, s.etag)
			if err != nil {
				return "", err
			}
			if !ok {
				return "", skipped("the server restarts nothing")
			}
			r, err := v.to(http.MethodPatch, s.at, typeFrag, newcomer, "If-Match", s.etag)
			return refused(r, err, 412)
		}},
	}
}

// restart asks for one; ok tells that it was granted, and then its form is right.
func (v *visit) restart(at, etag string) (ok bool, r *reply, err error) {
	r, err = v.to(http.MethodPatch, at, typeFrag, newcomer, "If-Match", "*")
	if err != nil {
		return false, nil, err
	}
	if r.status != http.StatusOK {
		if r.status >= 400 && r.status < 500 || r.status == http.StatusNotImplemented {
			return false, r, nil
		}
		return false, r, fmt.Errorf("answered %s", r)
	}
	return true, r, granted(r, etag)
}

func granted(r *reply, etag string) error {
	switch tag := r.header.Get("ETag"); {
	case !strings.HasPrefix(r.header.Get("Content-Type"), typeFrag):
		return fmt.Errorf("200 of type %q", r.header.Get("Content-Type"))
	case tag == "" || tag == etag:
		return fmt.Errorf("200 with ETag %q, before it was %q", tag, etag)
	case !regexp.MustCompile(`(?m)^a=ice-ufrag:\S{4}`).MatchString(r.body) || !regexp.MustCompile(`(?m)^a=ice-pwd:\S{22}`).MatchString(r.body):
		return errors.New("200 without ICE credentials")
	}
	return nil
}

func afterRefusal(v *visit) (string, error) {
	s, err := v.open()
	if err != nil {
		return "", err
	}
	ok, _, err := v.restart(s.at, s.etag)
	if err != nil {
		return "", err
	}
	if ok {
		return "", skipped("the server grants restarts")
	}
	x, err := v.playing(way{}, 5)
	if err != nil {
		return "", err
	}
	if _, _, err := v.restart(x.at, x.etag); err != nil {
		return "", err
	}
	r, err := v.to(http.MethodPatch, x.at, typeFrag, fragment(x.offer, nowhere), "If-Match", x.etag)
	if _, err := taken(r, err); err != nil {
		return "", err
	}
	return "it plays and takes candidates", x.more(v.ctx, 20, v.patience)
}

// restarted does it wholly: new credentials of the client, the answer's applied, pictures again.
func restarted(v *visit) (string, error) {
	s, err := v.open()
	if err != nil {
		return "", err
	}
	if ok, _, err := v.restart(s.at, s.etag); err != nil {
		return "", err
	} else if !ok {
		return "", skipped("the server restarts nothing")
	}
	x, err := v.playing(way{}, 5)
	if err != nil {
		return "", err
	}
	o, err := x.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		return "", err
	}
	if err := x.pc.SetLocalDescription(o); err != nil {
		return "", err
	}
	r, err := v.to(http.MethodPatch, x.at, typeFrag, fragment(o.SDP), "If-Match", "*")
	if err != nil {
		return "", err
	}
	if r.status != http.StatusOK {
		return "", fmt.Errorf("a session that plays is answered %s", r)
	}
	if err := granted(r, x.etag); err != nil {
		return "", err
	}
	if err := x.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: merge(x.answer, r.body)}); err != nil {
		return "", fmt.Errorf("the new credentials can't be used: %w", err)
	}
	return "they do", x.more(v.ctx, 50, v.patience)
}

// merge puts what a fragment says about ICE in the place of what the answer said.
func merge(answer, frag string) string {
	var keep, cands []string
	for l := range strings.SplitSeq(strings.ReplaceAll(frag, "\r\n", "\n"), "\n") {
		switch {
		case strings.HasPrefix(l, "a=ice-ufrag"), strings.HasPrefix(l, "a=ice-pwd"):
			keep = append(keep, l)
		case strings.HasPrefix(l, "a=candidate"):
			cands = append(cands, l)
		}
	}
	drop := []string{"a=ice-ufrag", "a=ice-pwd"}
	if len(cands) > 0 {
		drop = append(drop, "a=candidate")
	}
	return with(without(answer, drop...), "a=mid", strings.Join(append(keep, cands...), "\r\n"))
}
