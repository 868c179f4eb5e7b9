package rtsp

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// mend rewrites headers of an answer that cameras are known to get wrong.
func mend(r *base.Response, of asked) {
	switch of.method {
	case base.Describe:
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
			r.Header["Transport"] = base.HeaderValue{mendTransport(of.transport[0], got)}
		}
	default:
	}
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
