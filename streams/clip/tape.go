package clip

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A tape is continuous recording: every fragment of a camera is wanted, as if by a
// clip without an end. It goes through the same writer into the same reels, so a clip
// of a camera that is recorded anyway stores nothing twice.

// Codes of why nothing was recorded.
const (
	codeOff    = "recording.off"    // nobody wanted it
	codePruned = "recording.pruned" // deleted for its age or for space
)

// again is after how long recording is tried anew when the disk refused it.
const again = 10 * time.Second

// wish is what a ring knows of continuous recording. The ring's lock guards it.
type wish struct {
	on      bool
	begun   bool // a key frame has come since
	wait    []*fragment
	problem string    // code of why it is not written although it should be
	after   time.Time // when it is tried again
}

// take adds a fragment where it is wanted. A recording begins with a key frame.
func (w *wish) take(f *fragment, at time.Time) {
	if !w.on || !f.key && !w.begun || w.problem != "" && at.Before(w.after) {
		return
	}
	w.begun, f.wanted = true, true
	w.wait = append(w.wait, f)
}

// stored forgets what lies on disk.
func (w *wish) stored() {
	w.wait = slices.DeleteFunc(w.wait, func(f *fragment) bool { return f.stored != nil })
}

// fail gives up what could not be written.
func (w *wish) fail(problem string, now time.Time) {
	if !w.on {
		return
	}
	w.wait, w.begun, w.problem, w.after = nil, false, problem, now.Add(again)
}

// setTape switches continuous recording. What was wanted until then is still written.
func (r *ring) setTape(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tape.on == on {
		return
	}
	r.tape.on, r.tape.begun, r.tape.problem = on, false, ""
	if !on && len(r.tape.wait) > 0 {
		r.close(0, "")
	}
	r.wake()
}

// taping tells whether recording is wanted, or something of it is still to be written,
// and why it is not written.
func (r *ring) taping() (on bool, problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tape.on || len(r.tape.wait) > 0, r.tape.problem
}

// live is the end of a camera's recording, which no row tells of yet.
type live struct {
	mu     sync.Mutex
	reel   string // "" while nothing is recorded
	pieces []*piece
	code   string // why it stopped; "" while it goes on
	first  bool   // the next fragment is the first since it stopped
}

// now returns what has been recorded into the open reel.
func (l *live) now() (reel string, ps []*piece) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reel, slices.Clone(l.pieces)
}

// follow has reels change where recording begins or ends, so that a file is either
// part of a recording or not.
func (a *armed) follow() {
	on, _ := a.ring.taping()
	if a.tape == on {
		return
	}
	if err := a.closeReel(); err != nil {
		a.r.wrote(a.camera, 0, 0, err)
	}
	a.tape = on
	if !on {
		a.stopped(codeOff)
	}
}

// began notes a new reel of a recording.
func (a *armed) began(name string, now time.Time) error {
	if err := a.r.insertReel(context.Background(), a.camera, name, now); err != nil {
		return err
	}
	a.live.mu.Lock()
	defer a.live.mu.Unlock()
	a.live.reel, a.live.pieces = name, nil
	return nil
}

// taped notes what was written into the open reel of a recording.
func (a *armed) taped(ps []*piece) {
	a.live.mu.Lock()
	a.live.pieces = append(a.live.pieces, ps...)
	begins := a.live.code != "" || a.live.first
	a.live.code, a.live.first = "", false
	a.live.mu.Unlock()
	if begins {
		a.mark(ps[0].start, "")
	}
	a.ring.mu.Lock()
	a.ring.tape.problem = ""
	a.ring.mu.Unlock()
}

// stopped notes that nothing is recorded from now on, and why.
func (a *armed) stopped(code string) {
	a.live.mu.Lock()
	same := a.live.code == code || a.live.first
	a.live.code = code
	a.live.mu.Unlock()
	if !same {
		a.mark(time.Now(), code)
	}
}

func (a *armed) mark(at time.Time, code string) {
	if err := a.r.insertMark(context.Background(), a.camera, at, code); err != nil {
		a.r.log.Error("recording: not noted why it stands", "camera_id", a.camera, "code", code, "err", err)
	}
}

// ended writes down what a reel of a recording holds.
func (a *armed) ended(name string, size int64) {
	a.live.mu.Lock()
	ps := a.live.pieces
	a.live.mu.Unlock()
	if err := a.r.endReel(context.Background(), a.camera, name, size, ps); err != nil {
		a.r.log.Error("recording: the end of a file was not noted; it is read again when it is needed", "camera_id", a.camera, "file", name, "err", err)
	}
	a.live.mu.Lock()
	defer a.live.mu.Unlock()
	a.live.reel, a.live.pieces = "", nil
}
