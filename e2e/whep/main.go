// Command whep asks a WHEP server (draft-ietf-wish-whep, on the ground of RFC 9725)
// about a hundred questions from outside, and prints what it answered. It knows
// nothing of the server but the address of one stream:
//
//	go run ./e2e/whep -url http://host/whep/cam-1 [-token T] [-other T] [-list] [-only REGEXP] [-json]
//
// The exit code is 1 when something that MUST be is not. What a standard only
// recommends is printed and does not count. A check that needs what the server does
// not have (a TCP candidate, a second user's token) is skipped and says so.
//
// One check plays for seconds, since it looks at pictures: all of them take about
// two minutes on an idle machine.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"time"
)

type settings struct {
	url, token, other, only string
	list, json, slow        bool
	patience                time.Duration
	atOnce                  int
}

func main() {
	var s settings
	flag.StringVar(&s.url, "url", "", "the WHEP endpoint of a stream that sends H.264")
	flag.StringVar(&s.token, "token", "", "bearer token; without it the server is taken to be open to all")
	flag.StringVar(&s.other, "other", "", "bearer token of somebody else, who must not touch the first one's sessions")
	flag.StringVar(&s.only, "only", "", "regular expression on id and question")
	flag.BoolVar(&s.list, "list", false, "print the questions and ask none")
	flag.BoolVar(&s.json, "json", false, "print JSON instead of a table")
	flag.BoolVar(&s.slow, "slow", true, "wait for what takes the server half a minute to notice")
	flag.DurationVar(&s.patience, "patience", 10*time.Second, "within this the first picture of the stream comes")
	flag.IntVar(&s.atOnce, "parallel", 1, "ask so many at a time; more than one loads the server")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	failed, err := s.run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "whep:", err)
		os.Exit(2) //nolint:forbidigo // this is main
	}
	if failed > 0 {
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func (s *settings) run(ctx context.Context, out io.Writer) (failed int, err error) {
	only, err := regexp.Compile(s.only)
	if err != nil {
		return 0, fmt.Errorf("-only: %w", err)
	}
	list := pick(checks(), only, s.slow)
	if s.list {
		for _, c := range list {
			fmt.Fprintf(out, "%-12s %-6s %s (%s)\n", c.id, c.level, c.what, c.clause)
		}
		return 0, nil
	}
	u, err := url.Parse(s.url)
	if err != nil || u.Host == "" {
		return 0, errors.New("-url: give the address of a stream, such as http://host/whep/cam-1")
	}
	t := newTarget(u, s.token, s.other, s.patience)
	var all []result
	ask(ctx, t, list, max(1, s.atOnce), func(r result) {
		all = append(all, r)
		if r.failed() {
			failed++
		}
		if !s.json {
			fmt.Fprintln(out, r)
		}
	})
	if s.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return failed, e.Encode(all)
	}
	fmt.Fprintln(out, summary(all))
	return failed, nil
}
