package main

import (
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// After hundreds of sessions and some flaps the process holds what it held before.
// Memory is for the command, whose runs are long enough to tell growth from chance.
func TestNothingIsLeft(t *testing.T) {
	p := plan{sessions: 300, flaps: 50, parallel: 8, cameras: 8}
	before, after, did, err := p.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %+v, then %+v", did, before, after)
	if err := after.back(before); err != nil {
		buf := make([]byte, 1<<20)
		t.Fatalf("%v\n%s", err, buf[:runtime.Stack(buf, true)])
	}
}

// The parts are the whole.
func TestParts(t *testing.T) {
	p := plan{sessions: 1003, flaps: 16, parts: 10}
	var sum plan
	for i := range p.parts {
		q := p.part(i)
		sum.sessions, sum.flaps = sum.sessions+q.sessions, sum.flaps+q.flaps
	}
	if sum.sessions != p.sessions || sum.flaps != p.flaps {
		t.Fatalf("the parts are %d sessions and %d flaps", sum.sessions, sum.flaps)
	}
}
