package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/pion/sdp/v3"
)

// answered is an offer and its answer, with the video that was accepted.
type answered struct {
	offer, answer *sdp.SessionDescription
	video         *sdp.MediaDescription
}

// role offers one DTLS role and wants the other.
func role(offered, want string) func(*visit) (string, error) {
	return func(v *visit) (string, error) {
		o, err := v.offer()
		if err != nil {
			return "", err
		}
		_, a, err := v.play(strings.ReplaceAll(o, "a=setup:actpass", "a=setup:"+offered))
		if err != nil {
			return "", err
		}
		m, err := section(a)
		if err != nil {
			return "", err
		}
		if s, _ := attr(a, m, "setup"); s != want {
			return "", fmt.Errorf("setup:%s", s)
		}
		return "setup:" + want, nil
	}
}

func bundle(o, a *sdp.SessionDescription) (string, error) {
	group, ok := a.Attribute("group")
	if !ok || !strings.HasPrefix(group, "BUNDLE") {
		return "", fmt.Errorf("group: %q", group)
	}
	in := strings.Fields(group)[1:]
	for i, m := range a.MediaDescriptions {
		mid, _ := o.MediaDescriptions[i].Attribute("mid")
		accepted := m.MediaName.Port.Value != 0
		if _, only := m.Attribute("bundle-only"); only {
			accepted = true
		}
		if accepted != slices.Contains(in, mid) {
			return "", fmt.Errorf("section %q has port %d and the group is %q", mid, m.MediaName.Port.Value, group)
		}
	}
	return group, nil
}

// remote is a candidate of the server.
type remote struct {
	network, host, port, kind string
}

// addresses are the candidates of an answer, each once.
func addresses(a *sdp.SessionDescription) (list []remote) {
	all := a.Attributes
	for _, m := range a.MediaDescriptions {
		all = append(slices.Clip(all), m.Attributes...)
	}
	for _, x := range all {
		if f := strings.Fields(x.Value); x.Key == "candidate" && len(f) >= 8 {
			r := remote{strings.ToLower(f[2]), f[4], f[5], f[7]}
			if !slices.Contains(list, r) {
				list = append(list, r)
			}
		}
	}
	return list
}

// candidates wants at least one, and no name that only a browser could resolve.
func candidates(a answered) (string, error) {
	list := addresses(a.answer)
	if len(list) == 0 {
		return "", errors.New("no candidate")
	}
	for _, r := range list {
		if net.ParseIP(r.host) == nil {
			return "", fmt.Errorf("%s is no address", r.host)
		}
	}
	return fmt.Sprint(list), nil
}

func subset(o *sdp.SessionDescription, m *sdp.MediaDescription) (string, error) {
	for _, pt := range m.MediaName.Formats {
		ok := false
		for _, x := range o.MediaDescriptions {
			ok = ok || x.MediaName.Media == m.MediaName.Media && slices.Contains(x.MediaName.Formats, pt)
		}
		if !ok {
			return "", fmt.Errorf("payload type %s was not offered", pt)
		}
	}
	if len(m.MediaName.Formats) == 0 {
		return "", errors.New("no payload type")
	}
	return strings.Join(m.MediaName.Formats, " "), nil
}

// h264 are the parameters of H.264 in a section by payload type.
func h264(m *sdp.MediaDescription) map[string]string {
	is := map[string]string{}
	for _, a := range m.Attributes {
		if pt, codec, _ := strings.Cut(a.Value, " "); a.Key == "rtpmap" && strings.HasPrefix(strings.ToUpper(codec), "H264/") {
			is[pt] = ""
		}
	}
	for _, a := range m.Attributes {
		if pt, p, _ := strings.Cut(a.Value, " "); a.Key == "fmtp" {
			if _, ok := is[pt]; ok {
				is[pt] = p
			}
		}
	}
	return is
}

func parameter(params, name string) string {
	for p := range strings.SplitSeq(params, ";") {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, name) {
			return strings.ToLower(v)
		}
	}
	return ""
}

// profile compares profile_idc and constraints by payload type; the level may be another.
func profile(o *sdp.SessionDescription, m *sdp.MediaDescription) (string, error) {
	offered := map[string]string{}
	for _, x := range o.MediaDescriptions {
		maps.Copy(offered, h264(x))
	}
	answered := h264(m)
	if len(answered) == 0 {
		return "", errors.New("H.264 is not in the answer")
	}
	var ids []string
	for pt, p := range answered {
		a, b := parameter(p, "profile-level-id"), parameter(offered[pt], "profile-level-id")
		if len(a) != 6 || len(b) != 6 || a[:4] != b[:4] {
			return "", fmt.Errorf("payload type %s: profile %q, offered %q", pt, a, b)
		}
		if x, y := parameter(p, "packetization-mode"), parameter(offered[pt], "packetization-mode"); x != y {
			return "", fmt.Errorf("payload type %s: packetization mode %q, offered %q", pt, x, y)
		}
		ids = append(ids, a)
	}
	slices.Sort(ids)
	return strings.Join(ids, " "), nil
}

func extensions(o *sdp.SessionDescription, m *sdp.MediaDescription) (string, error) {
	offered := map[string]bool{}
	for _, x := range o.MediaDescriptions {
		for _, a := range x.Attributes {
			if a.Key == "extmap" {
				offered[uri(a.Value)] = true
			}
		}
	}
	n := 0
	for _, a := range m.Attributes {
		if a.Key == "extmap" {
			if n++; !offered[uri(a.Value)] {
				return "", fmt.Errorf("extmap:%s was not offered", a.Value)
			}
		}
	}
	return fmt.Sprintf("%d of %d", n, len(offered)), nil
}

// uri is an extension's name, with the number that it goes by.
func uri(extmap string) string {
	id, name, _ := strings.Cut(extmap, " ")
	id, _, _ = strings.Cut(id, "/")
	return id + " " + strings.Fields(name + " ")[0]
}

func oneStream(a *sdp.SessionDescription) (string, error) {
	streams := map[string]bool{}
	for _, m := range a.MediaDescriptions {
		if m.MediaName.Port.Value == 0 || m.MediaName.Media == "application" {
			continue
		}
		id, ok := m.Attribute("msid")
		if _, sends := attr(a, m, "sendonly"); !sends {
			continue
		}
		if !ok {
			return "", fmt.Errorf("a %s section without msid", m.MediaName.Media)
		}
		streams[strings.Fields(id + " ")[0]] = true
	}
	if len(streams) != 1 {
		return "", fmt.Errorf("%d streams", len(streams))
	}
	return fmt.Sprint(streams), nil
}

func fresh(v *visit) (string, error) {
	seen := map[string]bool{}
	for range 3 {
		o, err := v.offer()
		if err != nil {
			return "", err
		}
		_, a, err := v.play(o)
		if err != nil {
			return "", err
		}
		for _, name := range []string{"ice-ufrag", "ice-pwd"} {
			s, _ := attr(a, a.MediaDescriptions[0], name)
			if s == "" || seen[s] {
				return "", fmt.Errorf("%s %q came before", name, s)
			}
			seen[s] = true
		}
	}
	return "3 of 3 differ", nil
}
