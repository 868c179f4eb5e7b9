package rtsp

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// mend rewrites headers of an answer that cameras are known to get wrong.
func (l *line) mend(r *base.Response, of asked) {
	switch of.method {
	case base.Describe:
		if r.StatusCode == base.StatusOK {
			r.Body, l.sets = mendSDP(r.Body)
			mendBase(r)
		}
		ct := r.Header["Content-Type"]
		switch {
		case len(ct) == 0 && bytes.HasPrefix(r.Body, []byte("v=0")):
			r.Header["Content-Type"] = base.HeaderValue{"application/sdp"}
		case len(ct) > 0:
			r.Header["Content-Type"] = base.HeaderValue{strings.ToLower(strings.TrimSpace(ct[0]))}
		}
	case base.Setup:
		if r.StatusCode == base.StatusOK && len(of.transport) == 1 {
			got := ""
			if t := r.Header["Transport"]; len(t) > 0 {
				got = t[0]
			}
			mended := mendTransport(of.transport[0], got)
			l.wire.agree(mended)
			r.Header["Transport"] = base.HeaderValue{mended}
		}
	default:
	}
}

// mendBase takes a Content-Base out that is no address: that of the request counts
// then (RFC 2326, C.1.1).
func mendBase(r *base.Response) {
	was, ok := r.Header["Content-Base"]
	if !ok {
		return
	}
	at := strings.TrimSpace(was[0])
	delete(r.Header, "Content-Base")
	if u, err := base.ParseURL(at); err == nil && u.Host != "" || strings.HasPrefix(at, "/") && !strings.HasPrefix(at, "//") && plainPath(at) {
		r.Header["Content-Base"] = base.HeaderValue{at}
	}
}

func plainPath(p string) bool {
	_, err := base.ParseURL("rtsp://camera" + p)
	return err == nil
}

// mendSession writes the session's name, and the time without a sign of life after
// which it ends where that is a number of seconds (RFC 2326, 12.37).
func mendSession(r *base.Response) {
	was := r.Header["Session"]
	if len(was) == 0 {
		return
	}
	name, rest, _ := strings.Cut(was[0], ";")
	out := strings.TrimSpace(name)
	for p := range strings.SplitSeq(rest, ";") {
		key, value, _ := strings.Cut(p, "=")
		if n, err := strconv.ParseUint(strings.Trim(value, ` "`), 10, 20); err == nil && n > 0 && strings.EqualFold(strings.TrimSpace(key), "timeout") {
			out = strings.Join([]string{out, ";timeout=", strconv.FormatUint(n, 10)}, "")
			break
		}
	}
	r.Header["Session"] = base.HeaderValue{out}
}

// mendTransport returns what a camera means by its Transport header (RFC 2326,
// 12.39), given what it was asked for. Only what is needed is kept. Left out are
// source and destination, which behind a NAT are wrong and which could name any
// host: packets come from and go to the one that was dialled.
func mendTransport(asked, got string) string {
	want, have := params(asked), params(got)
	// Some leave TCP out of the profile (Escam), or the whole profile.
	profile := want[""]
	if p := strings.ToUpper(have[""]); p != "" {
		profile = strings.TrimSuffix(p, "/UDP")
	}
	channels, tcp := want["interleaved"]
	if tcp && have["interleaved"] != "" && !strings.HasSuffix(profile, "/TCP") {
		profile += "/TCP"
	}
	out := []string{profile}
	for _, delivery := range []string{"unicast", "multicast"} {
		if _, ok := have[delivery]; ok {
			out = append(out, delivery)
		}
	}
	if tcp && strings.HasSuffix(profile, "/TCP") {
		out = append(out, "interleaved="+pair(have["interleaved"], channels))
	}
	for _, name := range []string{"client_port", "server_port"} {
		if v := pair(have[name], ""); v != "" {
			out = append(out, name+"="+v)
		}
	}
	return strings.Join(out, ";")
}

// params splits a header; the profile has the name "".
func params(s string) map[string]string {
	m := map[string]string{}
	for i, p := range strings.Split(s, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if strings.HasPrefix(name, "rtp/") {
			m[""] = strings.TrimSpace(p)
			continue
		}
		if _, twice := m[name]; !twice && name != "" && i < 32 {
			m[name] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return m
}

// pair writes two numbers of which the second follows the first: some cameras name
// one, some name two that are the same. What is no number is replaced.
func pair(s, instead string) string {
	first, _, _ := strings.Cut(s, "-")
	n, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	if err != nil {
		return instead
	}
	return strconv.FormatUint(n, 10) + "-" + strconv.FormatUint(n+1, 10)
}
