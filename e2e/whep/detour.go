package main

import (
	"context"
	"net"
	"strings"

	"github.com/pion/sdp/v3"

	"dongyue/internal/simulator/network"
)

// detour leads a viewer to the server over a path that a check can see into and cut.
type detour struct {
	v    *visit
	tap  func(up bool, b []byte)
	path *network.Path // nil before an answer, or when it has no address over UDP
}

func (v *visit) through() *detour { return &detour{v: v} }

// answer is for way.answer: the answer with the path's address in place of the server's.
func (d *detour) answer(answer string) string {
	at := udp(answer)
	if at == "" {
		return answer
	}
	p, err := network.New(network.Options{Server: at, Tap: d.tap})
	if err != nil {
		return answer
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(d.v.ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Run(ctx)
	}()
	d.v.cleanup(func() {
		cancel()
		<-done
	})
	d.path = p
	return p.Through(answer)
}

// udp is the first address of an answer for UDP over IPv4, "" without one.
func udp(answer string) string { return address(answer, "udp") }

func address(answer, network string) string {
	var a sdp.SessionDescription
	if a.UnmarshalString(answer) != nil {
		return ""
	}
	for _, r := range addresses(&a) {
		if ip := net.ParseIP(r.host); r.network == network && ip != nil && ip.To4() != nil && !strings.HasPrefix(r.port, "0") && r.port != "9" {
			return net.JoinHostPort(r.host, r.port)
		}
	}
	return ""
}
