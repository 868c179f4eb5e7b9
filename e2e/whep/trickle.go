package main

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
)

// nowhere is a candidate in a network for documentation (RFC 5737).
const nowhere = "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host"

// fragment is the body of a PATCH (RFC 8840, 4.4), with the credentials of the offer.
func fragment(offer string, more ...string) string {
	find := func(re string) string { return regexp.MustCompile(`(?m)^a=` + re + `\S+`).FindString(offer) }
	return strings.Join(append([]string{find("ice-ufrag:"), find("ice-pwd:"), "m=video 9 UDP/TLS/RTP/SAVPF 0", find("mid:")}, more...), "\r\n") + "\r\n"
}

func trickleChecks() []check {
	// patch sends a body to a session that was just opened.
	patch := func(body func(talk) string, header ...string) func(*visit) (*reply, error) {
		return func(v *visit) (*reply, error) {
			s, err := v.open()
			if err != nil {
				return nil, err
			}
			h := append([]string{"If-Match", s.etag}, header...)
			return v.to(http.MethodPatch, s.at, typeFrag, body(s), h...)
		}
	}
	takes := func(lines ...string) func(*visit) (string, error) {
		do := patch(func(s talk) string { return fragment(s.offer, lines...) })
		return func(v *visit) (string, error) { return taken(do(v)) }
	}
	refuses := func(do func(*visit) (*reply, error), codes ...int) func(*visit) (string, error) {
		return func(v *visit) (string, error) {
			r, err := do(v)
			return refused(r, err, codes...)
		}
	}
	one := func(s talk) string { return fragment(s.offer, nowhere) }
	says := func(body string) func(talk) string { return func(talk) string { return body } }
	return []check{
		{level: must, clause: "WHEP 4.3.2", what: "a candidate is taken: 204 without content and without ETag", run: takes(nowhere)},
		{level: must, clause: "RFC 8838 14", what: "the end of candidates is taken", run: takes("a=end-of-candidates")},
		{level: must, clause: "RFC 8840 4.4", what: "several at once, over UDP and TCP, IPv4 and IPv6", run: takes(nowhere,
			"a=candidate:2 1 udp 2130706430 2001:db8::1 9 typ host", "a=candidate:3 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
			"a=candidate:4 1 udp 1694498815 198.51.100.1 40000 typ srflx raddr 192.0.2.1 rport 9", "a=end-of-candidates")},
		{level: must, clause: "WHEP 4.3.2", what: "a candidate of a hidden address (mDNS) is passed over, and at once", run: hurry(takes("a=candidate:5 1 udp 2130706431 7a3c1f2e-0000-4000-8000-000000000000.local 50000 typ host"))},
		{level: must, clause: "WHEP 4.3.2", what: "a name that can't be resolved is passed over, and at once", run: hurry(takes("a=candidate:6 1 udp 2130706431 nobody.invalid 50000 typ host"))},
		{level: must, clause: "WHEP 4.3.2", what: "an unknown transport is passed over", run: takes("a=candidate:7 1 sctp 2130706431 192.0.2.1 9 typ host")},
		{level: should, clause: "RFC 8839 5.1", what: "unknown attributes of a candidate are passed over", run: takes(nowhere + " generation 0 network-id 3 network-cost 999 x-future 1")},
		{level: must, clause: "RFC 9110 13.1.1", what: "another entity tag is refused with 412", run: refuses(patch(one, "If-Match", `"another"`), 412)},
		{level: must, clause: "WHEP 4.3.1", what: "no entity tag is refused with 428, or let pass", run: func(v *visit) (string, error) {
			r, err := patch(one, "If-Match", "")(v)
			if err == nil && r.status == http.StatusPreconditionRequired {
				return "428", nil
			}
			return taken(r, err)
		}},
		{level: must, clause: "WHEP 4.3.1", what: "another content type is refused", run: refuses(patch(one, "Content-Type", typeSDP))},
		{level: should, clause: "RFC 5789 2.2", what: "and Accept-Patch says which one is wanted", run: func(v *visit) (string, error) {
			r, err := patch(one, "Content-Type", typeSDP)(v)
			if err == nil && !strings.Contains(r.header.Get("Accept-Patch"), typeFrag) {
				err = fmt.Errorf("Accept-Patch: %q", r.header.Get("Accept-Patch"))
			}
			return typeFrag, err
		}},
		{level: must, clause: "WHEP 4.3.1", what: "text that is no fragment is refused", run: refuses(patch(says("hello\r\n")))},
		{level: must, clause: "WHEP 4.3.1", what: "bytes that are no text are refused", run: refuses(patch(says("\x00\xff\x01\r\n\x02")))},
		{level: must, clause: "RFC 9110 15.5.14", what: "a body of 8 MiB is refused", run: func(v *visit) (string, error) {
			r, err := patch(says(strings.Repeat("a=x-filler:0123456\r\n", 8<<20/20)))(v)
			if err != nil && v.ctx.Err() == nil {
				return "hung up", nil //nolint:nilerr // a refusal too
			}
			return refused(r, err)
		}},
		{level: must, clause: "RFC 9110 15.6", what: "a thousand candidates are no fault of the server", run: civilly(patch(func(s talk) string { return fragment(s.offer, strings.Repeat(nowhere+"\r\n", 1000)) }))},
		{level: must, clause: "RFC 9110 15.6", what: "nor a candidate that is none", run: civilly(patch(func(s talk) string { return fragment(s.offer, "a=candidate:nonsense") }))},
		{level: must, clause: "RFC 9110 15.6", what: "nor a candidate of a section that is not there", run: civilly(patch(func(s talk) string { return strings.Replace(fragment(s.offer, nowhere), "a=mid:0", "a=mid:99", 1) }))},
		{level: must, clause: "RFC 9110 15.6", what: "nor an empty body", run: civilly(patch(says("")))},
		{level: should, clause: "RFC 9110 15.5.5", what: "an unknown session is not there", run: func(v *visit) (string, error) {
			s, err := v.open()
			if err != nil {
				return "", err
			}
			r, err := v.to(http.MethodPatch, stranger(s.at), typeFrag, one(s), "If-Match", s.etag)
			return refused(r, err, 404, 410)
		}},
		{level: must, clause: "WHEP 4.3.2", what: "who sends candidates by PATCH only gets pictures", run: trickled},
		{level: must, clause: "WHEP 4.3.2", what: "pictures go on whatever candidates come", run: undisturbed},
	}
}

// taken wants 204 as the draft words it.
func taken(r *reply, err error) (string, error) {
	switch {
	case err != nil:
		return "", err
	case r.status != http.StatusNoContent || r.body != "":
		return "", fmt.Errorf("answered %s", r)
	case r.header.Get("ETag") != "":
		return "", errors.New("204 with an ETag, as if it were another ICE session")
	}
	return "204", nil
}

// civilly wants anything but a fault of the server.
func civilly(do func(*visit) (*reply, error)) func(*visit) (string, error) {
	return func(v *visit) (string, error) {
		r, err := do(v)
		if err == nil && r.status >= 500 {
			err = fmt.Errorf("answered %s", r)
		}
		if err != nil {
			return "", err
		}
		return r.String(), nil
	}
}

func hurry(f func(*visit) (string, error)) func(*visit) (string, error) {
	return func(v *visit) (string, error) {
		began := time.Now()
		s, err := f(v)
		if d := time.Since(began); err == nil && d > 2*time.Second {
			err = fmt.Errorf("it takes %s", d.Round(time.Millisecond))
		}
		return s, err
	}
}

func trickled(v *visit) (string, error) {
	x, err := v.watch(way{offer: func(o string) string { return without(o, "a=candidate", "a=end-of-candidates") }})
	if err != nil {
		return "", err
	}
	select {
	case <-webrtc.GatheringCompletePromise(x.pc):
	case <-time.After(5 * time.Second):
	}
	var list []string
	for l := range strings.SplitSeq(x.pc.LocalDescription().SDP, "\r\n") {
		if strings.HasPrefix(l, "a=candidate") {
			list = append(list, l)
		}
	}
	r, err := v.to(http.MethodPatch, x.at, typeFrag, fragment(x.offer, append(list, "a=end-of-candidates")...), "If-Match", x.etag)
	if _, err := taken(r, err); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d candidates", len(list)), x.more(v.ctx, 5, v.patience)
}

func undisturbed(v *visit) (string, error) {
	x, err := v.playing(way{}, 5)
	if err != nil {
		return "", err
	}
	for _, body := range []string{
		fragment(x.offer, nowhere, "a=end-of-candidates"), fragment(x.offer, "a=candidate:nonsense"), "hello", "",
		fragment(x.offer, "a=candidate:5 1 udp 2130706431 nobody.invalid 50000 typ host"),
	} {
		if _, err := v.to(http.MethodPatch, x.at, typeFrag, body, "If-Match", x.etag); err != nil {
			return "", err
		}
	}
	return "they do", x.more(v.ctx, 20, v.patience)
}
