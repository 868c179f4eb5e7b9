package rig

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Stream follows the hub's changes as a browser does. take gets each one with the
// time at which its last line was read; it runs on the stream's goroutine. Stream
// returns when the hub has said hello; end stops it and tells what went wrong.
func (a *API) Stream(ctx context.Context, topics string, take func(topic string, data []byte, at time.Time)) (end func() error, err error) {
	ctx, cancel := context.WithCancel(ctx)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, a.root+"/api/v1/stream?topics="+topics, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	resp, err := a.client.Do(q) //nolint:bodyclose // the goroutine below does
	if err != nil {
		cancel()
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		cancel()
		return nil, fmt.Errorf("stream: %s", resp.Status)
	}
	hello := make(chan struct{})
	var once sync.Once
	var broken error
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() { _ = resp.Body.Close() }()
		in := bufio.NewScanner(resp.Body)
		in.Buffer(make([]byte, 1<<20), 1<<20)
		topic := ""
		for in.Scan() {
			line := in.Text()
			if t, ok := strings.CutPrefix(line, "event: "); ok {
				topic = t
			} else if data, ok := strings.CutPrefix(line, "data: "); ok {
				if topic == "hello" {
					once.Do(func() { close(hello) })
				} else {
					take(topic, []byte(data), time.Now())
				}
			}
		}
		if broken = in.Err(); broken == nil {
			broken = fmt.Errorf("stream: the hub closed it")
		}
	}()
	end = func() error {
		ours := ctx.Err() == nil
		select {
		case <-over:
			ours = false
		default:
		}
		cancel()
		<-over
		if ours {
			return nil
		}
		return broken
	}
	select {
	case <-hello:
		return end, nil
	case <-over:
		cancel()
		return nil, broken
	}
}
