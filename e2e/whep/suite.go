package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"
)

// level is the word of RFC 2119 behind a check.
type level string

const (
	must   level = "MUST"
	should level = "SHOULD"
)

// check is one question to a server.
type check struct {
	id     string // group and number
	level  level
	clause string // of the standard that asks for it
	what   string
	run    func(*visit) (seen string, err error)
	slow   bool // takes half a minute or more; runs beside the others
}

// checks are all of them, in the order in which they are asked.
func checks() []check {
	var all []check
	for _, group := range []struct {
		name string
		list []check
	}{
		{"post", postChecks()},
		{"auth", authChecks()},
		{"cors", corsChecks()},
		{"offer", offerChecks()},
		{"bad", badOfferChecks()},
		{"answer", answerChecks()},
		{"trickle", trickleChecks()},
		{"restart", restartChecks()},
		{"end", endChecks()},
		{"media", mediaChecks()},
		{"rtcp", feedbackChecks()},
		{"abuse", abuseChecks()},
	} {
		for i, c := range group.list {
			c.id = fmt.Sprintf("%s-%02d", group.name, i+1)
			all = append(all, c)
		}
	}
	return all
}

func pick(all []check, only *regexp.Regexp, slow bool) (some []check) {
	for _, c := range all {
		if only.MatchString(c.id+" "+c.what) && (slow || !c.slow) {
			some = append(some, c)
		}
	}
	return some
}

// The outcomes of a check.
const (
	pass = "pass"
	fail = "fail"
	skip = "skip"
)

// result is the answer to one check.
type result struct {
	ID      string `json:"id"`
	What    string `json:"what"`
	Level   level  `json:"level"`
	Clause  string `json:"clause"`
	Outcome string `json:"outcome"`
	Seen    string `json:"seen,omitempty"`
	TookMS  int64  `json:"took_ms"`
}

func (r result) failed() bool { return r.Outcome == fail && r.Level == must }

func (r result) String() string {
	return fmt.Sprintf("%-4s  %-10s %-6s %s (%s)\n%18s%s", r.Outcome, r.ID, r.Level, r.What, r.Clause, "→ ", r.Seen)
}

func summary(all []result) string {
	n := map[string]int{}
	for _, r := range all {
		n[r.Outcome]++
		if r.failed() {
			n["must"]++
		}
	}
	return fmt.Sprintf("%d checks: %d passed, %d failed (%d of them a MUST), %d skipped", len(all), n[pass], n[fail], n["must"], n[skip])
}

// skipped is what a check returns that can't be asked here.
type skipped string

func (s skipped) Error() string { return string(s) }

// visit is what one check works with: the server, and what has to be put away after it.
type visit struct {
	*target
	ctx   context.Context //nolint:containedctx // of the one check that it is made for
	after []func()
}

func (v *visit) cleanup(f func()) { v.after = append(v.after, f) }

func (v *visit) leave() {
	for _, f := range slices.Backward(v.after) {
		f()
	}
}

// within bounds one check; the slow ones wait for a server's own times.
const within = 150 * time.Second

// ask asks the checks, so many at a time, and reports in their order; the slow ones
// run beside the others and come last.
func ask(ctx context.Context, t *target, list []check, atOnce int, report func(result)) {
	var quick, slow []check
	for _, c := range list {
		if c.slow {
			slow = append(slow, c)
		} else {
			quick = append(quick, c)
		}
	}
	queue := start(ctx, t, quick, atOnce)
	late := start(ctx, t, slow, max(1, len(slow)))
	for _, got := range append(queue, late...) {
		if r, ok := <-got; ok {
			report(r)
		}
	}
}

// start asks checks, so many at a time; what was not asked before ctx ends is not reported.
func start(ctx context.Context, t *target, list []check, atOnce int) []chan result {
	got := make([]chan result, len(list))
	for i := range got {
		got[i] = make(chan result, 1)
	}
	var next atomic.Int64
	for range atOnce {
		go func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(list) {
					return
				}
				if ctx.Err() == nil {
					got[i] <- one(ctx, t, list[i])
				}
				close(got[i])
			}
		}()
	}
	return got
}

// one asks one check; what trips over an answer of the server is that check's failure.
func one(ctx context.Context, t *target, c check) (r result) {
	r = result{ID: c.id, What: c.what, Level: c.level, Clause: c.clause, Outcome: pass}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	began := time.Now()
	v := &visit{target: t, ctx: ctx}
	seen, err := func() (seen string, err error) {
		defer v.leave()
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%v\n%s", p, debug.Stack())
			}
		}()
		return c.run(v)
	}()
	r.Seen, r.TookMS = seen, time.Since(began).Milliseconds()
	var s skipped
	switch {
	case errors.As(err, &s):
		r.Outcome, r.Seen = skip, s.Error()
	case err != nil:
		r.Outcome, r.Seen = fail, err.Error()
	}
	return r
}
