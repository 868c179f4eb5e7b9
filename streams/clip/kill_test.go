package clip

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dongyue/internal/simulator/camera"
	"dongyue/streams"
)

// The process to be killed: this test binary, told so by its environment.
const (
	victimDir    = "DONGYUE_TEST_CLIP_DIR"
	victimCamera = "DONGYUE_TEST_CLIP_CAMERA"
	victimTape   = "DONGYUE_TEST_CLIP_TAPE" // record all the time instead
)

// victim runs a hub that records, and says so on standard output.
func victim() {
	t := &process{}
	var more func(*Options)
	tape := os.Getenv(victimTape) != ""
	if tape {
		more = continuous(all)
	}
	h := open(t, os.Getenv(victimDir), more, streams.Camera{ID: "cam-1", Name: "东门", URL: streams.URL(os.Getenv(victimCamera))})
	if tape {
		h.taped("cam-1", 2*time.Second)
		fmt.Println("recording")
		select {}
	}
	h.filled("cam-1", 2*time.Second)
	for i, after := range []time.Duration{500 * time.Millisecond, 4 * time.Second, 12 * time.Second} {
		c := h.record(fmt.Sprint("kill-", i), "cam-1", 2*time.Second, after)
		fmt.Println(c.ID)
	}
	select {}
}

// process stands in for a test in a process that is none.
type process struct{ testing.TB }

func (*process) Helper()        {}
func (*process) Cleanup(func()) {}
func (*process) Fatal(args ...any) {
	fmt.Fprintln(os.Stderr, args...)
	os.Exit(1)
}
func (p *process) Fatalf(format string, args ...any) { p.Fatal(fmt.Sprintf(format, args...)) }
func (p *process) Errorf(format string, args ...any) { p.Fatal(fmt.Sprintf(format, args...)) }

// kill -9 costs less than a second of what was recorded; what was to go on goes on, in
// the same clip.
func TestKill(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	dir := t.TempDir()
	url := string(source(sim, "cam-1").URL)
	cmd, ids := condemn(t, 3, victimDir+"="+dir, victimCamera+"="+url)
	time.Sleep(2500 * time.Millisecond)
	killed := time.Now()
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	spoil(t, filepath.Join(dir, "clips", "cam-1"))
	time.Sleep(time.Until(killed.Add(2 * time.Second)))

	h := open(t, dir, nil, streams.Camera{ID: "cam-1", Name: "东门", URL: streams.URL(url)})
	over, cut, resumed := h.over(ids[0]), h.over(ids[1]), h.over(ids[2])
	if over.State != Complete || over.Interrupted || len(over.Gaps) > 0 {
		t.Errorf("what had ended: %+v", over)
	}
	// The loss is what lies between the last fragment and the kill.
	for name, c := range map[string]Clip{"time was over": cut, "goes on": resumed} {
		if !c.Interrupted || c.State != Interrupted || len(c.Gaps) != 1 || c.Gaps[0].Reason != codeStopped {
			t.Errorf("%s: %+v", name, c)
			continue
		}
		if lost := killed.Sub(c.Gaps[0].From); lost > time.Second {
			t.Errorf("%s: %s were lost", name, lost)
		}
		shown(t, probe(t, write(t, h.video(c.ID))))
	}
	if !resumed.To.Equal(resumed.WantedTo) || resumed.Gaps[0].To.Before(killed) {
		t.Errorf("it did not go on: %+v", resumed)
	}
	h.folder(3)
}

// condemn starts a hub in a process of its own and reads so many lines from it.
func condemn(t *testing.T, lines int, env ...string) (cmd *exec.Cmd, said []string) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	for in := bufio.NewScanner(out); len(said) < lines && in.Scan(); {
		said = append(said, in.Text())
	}
	if len(said) < lines {
		t.Fatalf("the hub to be killed did not record: %v", cmd.Wait())
	}
	return cmd, said
}

// kill -9 costs less than a second of a continuous recording, too, and the gap says why.
func TestKillTape(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"})
	dir := t.TempDir()
	url := string(source(sim, "cam-1").URL)
	cmd, _ := condemn(t, 1, victimDir+"="+dir, victimCamera+"="+url, victimTape+"=1")
	time.Sleep(2300 * time.Millisecond)
	killed := time.Now()
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	spoil(t, filepath.Join(dir, "clips", "cam-1"))

	h := open(t, dir, continuous(all), streams.Camera{ID: "cam-1", Name: "东门", URL: streams.URL(url)})
	var line Timeline
	h.until("it goes on", 20*time.Second, func() bool {
		line = h.line("cam-1", killed.Add(-time.Minute), time.Now())
		return len(line.Spans) == 2
	})
	if lost := killed.Sub(line.Spans[0].To); lost > time.Second || line.Gaps[len(line.Gaps)-1].Reason != codeStopped {
		t.Errorf("%s were lost: %+v", lost, line)
	}
	s := line.Spans[0]
	h.plays("cam-1", s.From.Add(500*time.Millisecond), s.To, s.To.Sub(s.From).Seconds()-0.5)
	cs, err := h.clips.Cut(t.Context(), "cam-1", s.From, s.To, "after the crash")
	must(t, err)
	if c := h.over(cs[0].ID); c.State != Complete || len(cs) != 1 {
		t.Errorf("got %+v", c)
	}
	h.folder(1)
}

// spoil leaves a reel as a power cut may: with a fragment that has not been written to
// its end.
func spoil(t *testing.T, dir string) {
	t.Helper()
	names, err := reelsIn(dir)
	must(t, err)
	f, err := os.OpenFile(filepath.Join(dir, names[len(names)-1]), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write(append(clock(1, time.Now()), 0, 0, 1, 0, 'm', 'o', 'o', 'f', 0, 0))
	must(t, err)
	must(t, f.Close())
}

// An orderly stop loses nothing, and a clip of a camera that is gone by the next start
// ends with what it has.
func TestStop(t *testing.T) {
	t.Parallel()
	sim := simulate(t, camera.Camera{ID: "cam-1", Scene: "plaza"}, camera.Camera{ID: "cam-2", Scene: "plaza"})
	dir := t.TempDir()
	h := open(t, dir, nil, source(sim, "cam-1"), source(sim, "cam-2"))
	h.filled("cam-1", 2*time.Second)
	h.filled("cam-2", 2*time.Second)
	a, b := h.record("a", "cam-1", time.Second, 6*time.Second), h.record("b", "cam-2", time.Second, 20*time.Second)
	time.Sleep(1200 * time.Millisecond)
	must(t, h.streams.Delete(context.Background(), "cam-2"))
	if b = h.over(b.ID); b.Problem != problemGone {
		t.Errorf("got %+v", b)
	}
	gone := h.record("c", "cam-1", time.Second, 20*time.Second)
	stopped := time.Now()
	h.stop()
	time.Sleep(500 * time.Millisecond) // a hub that is back within one picture leaves no gap
	h = open(t, dir, nil, source(sim, "cam-1"))
	a = h.over(a.ID)
	if a.State != Interrupted || len(a.Gaps) != 1 || stopped.Sub(a.Gaps[0].From) > 300*time.Millisecond {
		t.Errorf("stopped at %s, got %+v", stopped, a)
	}
	must(t, h.streams.Delete(context.Background(), "cam-1"))
	if gone = h.over(gone.ID); gone.Problem != problemGone || !strings.HasPrefix(string(gone.State), "interrupted") {
		t.Errorf("got %+v", gone)
	}
	h.folder(3)
}
