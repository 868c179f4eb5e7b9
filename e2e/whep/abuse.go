package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/pion/stun/v4"
)

func abuseChecks() []check {
	ask := func(edit func(q *question), granted bool) func(*visit) (string, error) {
		return func(v *visit) (string, error) { return v.stun(edit, granted) }
	}
	return []check{
		{level: must, clause: "RFC 5763 6.2", what: "who has not the key of the offer's fingerprint gets no picture", run: imposter},
		{level: must, clause: "RFC 5764 5.1.2", what: "two thousand datagrams of rubbish to the port disturb nobody", run: rubbish},
		{level: must, clause: "RFC 8445 7.3", what: "a STUN request with the right password is answered", run: ask(func(*question) {}, true)},
		{level: must, clause: "RFC 8489 9.1.3", what: "one with a wrong password is not", run: ask(func(q *question) { q.password = "0123456789abcdefghijklmn" }, false)},
		{level: must, clause: "RFC 8489 9.1.3", what: "one without integrity is not", run: ask(func(q *question) { q.password = "" }, false)},
		{level: must, clause: "RFC 8489 9.1.3", what: "one for an unknown user is not", run: ask(func(q *question) { q.user = "nobody:else" }, false)},
		{level: must, clause: "RFC 9147 4.5.1", what: "a ClientHello that is sent again disturbs nobody", run: replayed},
		{level: must, clause: "RFC 3711 3.3.2", what: "packets of the viewer that are sent again, or changed, disturb nobody", run: mirrored},
		{level: must, clause: "WHEP 4.5", what: "a hundred offers that nobody follows are answered or refused with 4xx or 503, and leave room", run: hundred},
		{level: must, clause: "RFC 6544 11", what: "rubbish over TCP disturbs nobody", run: rubbishTCP},
		{level: must, clause: "RFC 9112 9.5", what: "twenty offers that are never sent to the end do not keep others waiting", run: slow},
	}
}

// imposter posts a fingerprint that is not its own.
func imposter(v *visit) (string, error) {
	x, err := v.watch(way{offer: func(o string) string {
		return regexp.MustCompile(`(a=fingerprint:sha-256 )\S+`).ReplaceAllString(o, "${1}"+strings.TrimSuffix(strings.Repeat("AB:", 32), ":"))
	}})
	if err != nil {
		return "", err
	}
	time.Sleep(4 * time.Second)
	if n := x.count(); n > 0 {
		return "", fmt.Errorf("it got %d packets", n)
	}
	return "nothing in 4 s", nil
}

// undimmed wants a viewer's pictures without a hole while something is done.
func (v *visit) undimmed(w way, do func(x *viewer) error) (string, error) {
	x, err := v.playing(w, 10)
	if err != nil {
		return "", err
	}
	n := x.count()
	if err := do(x); err != nil {
		return "", err
	}
	if err := x.more(v.ctx, 40, v.patience); err != nil {
		return "", err
	}
	return contiguous(x, x.got(n))
}

func rubbish(v *visit) (string, error) {
	return v.undimmed(way{}, func(x *viewer) error {
		at := udp(x.answer)
		if at == "" {
			return skipped("the answer has no UDP candidate")
		}
		c, err := net.Dial("udp4", at) //nolint:noctx // it does not wait
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // rubbish
		for i := range 2000 {
			b := make([]byte, r.IntN(1472))
			for j := range b {
				b[j] = byte(r.Uint32())
			}
			if len(b) > 0 { // of all kinds that share the port: STUN, ZRTP, DTLS, TURN, SRTP
				b[0] = []byte{0, 1, 16, 22, 23, 64, 128, 144, 255}[i%9]
			}
			_, _ = c.Write(b)
			if i%100 == 99 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		return nil
	})
}

// question is a STUN binding request to a session.
type question struct{ user, password string }

func (v *visit) stun(edit func(*question), granted bool) (string, error) {
	s, err := v.offer()
	if err != nil {
		return "", err
	}
	r, err := v.post(s)
	if err := created(r, err); err != nil {
		return "", err
	}
	_, a, err := parse(s, r.body)
	if err != nil {
		return "", err
	}
	at := udp(r.body)
	if at == "" {
		return "", skipped("the answer has no UDP candidate")
	}
	theirs, _ := attr(a, a.MediaDescriptions[0], "ice-ufrag")
	password, _ := attr(a, a.MediaDescriptions[0], "ice-pwd")
	mine := regexp.MustCompile(`a=ice-ufrag:(\S+)`).FindStringSubmatch(s)[1]
	q := question{theirs + ":" + mine, password}
	edit(&q)
	with := []stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(q.user),
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x6e, 0, 0x1e, 0xff}}, stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)}}
	if q.password != "" {
		with = append(with, stun.NewShortTermIntegrity(q.password))
	}
	m, err := stun.Build(append(with, stun.Fingerprint)...)
	if err != nil {
		return "", err
	}
	answer, err := exchange(at, m)
	switch {
	case err != nil:
		return "", err
	case granted != (answer == "success"):
		return "", fmt.Errorf("the answer is: %s", answer)
	}
	return answer, nil
}

// exchange sends a request three times and says what came back.
func exchange(at string, m *stun.Message) (string, error) {
	c, err := net.Dial("udp4", at) //nolint:noctx // it does not wait
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	b := make([]byte, 1500)
	for range 3 {
		if _, err := c.Write(m.Raw); err != nil {
			return "", err
		}
		_ = c.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		for {
			n, err := c.Read(b)
			if err != nil {
				break
			}
			var got stun.Message
			if got.Raw = b[:n]; got.Decode() != nil || got.TransactionID != m.TransactionID {
				continue // the server's own checks
			}
			if got.Type == stun.BindingSuccess {
				return "success", nil
			}
			return got.Type.String(), nil
		}
	}
	return "silence", nil
}

// replayed sends the viewer's own ClientHello again, when the connection stands.
func replayed(v *visit) (string, error) {
	var mu sync.Mutex
	var hello []byte
	d := v.through()
	d.tap = func(up bool, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		if up && len(b) > 13 && b[0] == 22 && b[13] == 1 {
			hello = bytes.Clone(b)
		}
	}
	return v.undimmed(way{answer: d.answer}, func(x *viewer) error {
		mu.Lock()
		again := hello
		mu.Unlock()
		if again == nil {
			return skipped("the viewer is the DTLS server: it sends no ClientHello")
		}
		return inject(d, [][]byte{again, again, again})
	})
}

// mirrored sends what the viewer has sent again, and once more with a bit turned.
func mirrored(v *visit) (string, error) {
	var mu sync.Mutex
	var sent [][]byte
	d := v.through()
	d.tap = func(up bool, b []byte) {
		mu.Lock()
		defer mu.Unlock()
		if up && len(sent) < 200 {
			turned := bytes.Clone(b)
			turned[len(turned)/2] ^= 4
			sent = append(sent, bytes.Clone(b), turned)
		}
	}
	return v.undimmed(way{answer: d.answer}, func(x *viewer) error {
		mu.Lock()
		defer mu.Unlock()
		return inject(d, sent)
	})
}

// inject sends packets to the server from the address that it knows the viewer by.
func inject(d *detour, packets [][]byte) error {
	if d.path == nil {
		return skipped("the answer has no UDP candidate")
	}
	for _, p := range packets {
		d.path.Inject(p)
	}
	return nil
}

// hundred opens sessions that nobody follows; afterwards a viewer must still be served.
func hundred(v *visit) (string, error) {
	o, err := v.offer()
	if err != nil {
		return "", err
	}
	var took, put int
	for range 100 {
		r, err := v.post(o)
		switch {
		case err != nil:
			return "", err
		case r.status == http.StatusCreated:
			took++
		case r.status >= 400 && r.status < 500 || r.status == http.StatusServiceUnavailable:
			put++
		default:
			return "", fmt.Errorf("answered %s", r)
		}
	}
	v.leave() // ends them
	v.after = nil
	x, err := v.playing(way{}, 10)
	if err != nil {
		return "", fmt.Errorf("afterwards: %w", err)
	}
	return fmt.Sprintf("%d taken, %d refused, then the first packet after %s", took, put, x.got(0)[0].came.Sub(x.posted).Round(time.Millisecond)), nil
}

func rubbishTCP(v *visit) (string, error) {
	return v.undimmed(way{}, func(x *viewer) error {
		at := address(x.answer, "tcp")
		if at == "" {
			return skipped("the answer has no TCP candidate")
		}
		for _, s := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x00\x00", "\xff\xff\x00\x01", "\x00\x14\x00\x01\x00\x00", strings.Repeat("\x16\xfe\xff", 1000), ""} {
			c, err := net.DialTimeout("tcp4", at, 3*time.Second) //nolint:noctx // bounded
			if err != nil {
				return err
			}
			_, _ = io.WriteString(c, s)
			v.cleanup(func() { _ = c.Close() })
		}
		return nil
	})
}

// slow leaves twenty offers unfinished while another is answered.
func slow(v *visit) (string, error) {
	var hung []*io.PipeWriter
	var wg sync.WaitGroup
	for range 20 {
		r, w := io.Pipe()
		hung = append(hung, w)
		wg.Go(func() { _, _ = v.send(v.ctx, request{http.MethodPost, v.url.String(), typeSDP, r, nil}) })
		if _, err := io.WriteString(w, "v=0\r\n"); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			return "", err
		}
	}
	began := time.Now()
	r, err := v.good()
	took := time.Since(began)
	for _, w := range hung {
		_ = w.CloseWithError(io.ErrUnexpectedEOF)
	}
	wg.Wait()
	if err := created(r, err); err != nil {
		return "", err
	}
	if took > 3*time.Second {
		return "", fmt.Errorf("it takes %s", took)
	}
	return "another is answered after " + took.Round(time.Millisecond).String(), nil
}
