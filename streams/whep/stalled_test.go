package whep_test

import (
	"io"
	"math"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"dongyue/internal/simulator/camera"
	"dongyue/internal/simulator/network"
	"dongyue/streams"
)

// stopper is a TCP connection to the hub whose other end stops reading, and says so
// to nobody: the hub's window closes.
func stopper(t *testing.T, to string) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp4", to)
			if err != nil {
				t.Error(err)
				return
			}
			_ = s.(*net.TCPConn).SetReadBuffer(4096)
			mu.Lock()
			conns = append(conns, c, s)
			mu.Unlock()
			wg.Go(func() { _, _ = io.Copy(s, c) })
			wg.Go(func() {
				b := make([]byte, 1500)
				for {
					select {
					case <-stopped:
						return
					default:
					}
					n, err := s.Read(b)
					if err != nil {
						return
					}
					_, _ = c.Write(b[:n])
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String(), sync.OnceFunc(func() { close(stopped) })
}

var tcpCandidate = regexp.MustCompile(`(a=candidate:\S+ 1 tcp \d+) \S+ \d+ `)

// place is where a frame's packets stand among all that a camera sent.
type place struct {
	at    int // of the frame
	first uint64
	n     uint64
}

// tapped is what a camera sent, by the timestamps of its frames.
type tapped struct {
	mu      sync.Mutex
	frames  map[uint32]place
	packets uint64
}

func (x *tapped) add(f *streams.Frame) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.frames[f.TS] = place{len(x.frames), x.packets, uint64(len(f.Payloads))}
	x.packets += uint64(len(f.Payloads))
}

func (x *tapped) len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.frames)
}

// skipped tells whether a viewer's numbers have room for each frame from one to
// another, whatever of them the network lost: a viewer's numbers are the camera's with
// something added, which changes with each frame that is left out or comes twice. last
// is the newest frame of all of which something came.
func (x *tapped) skipped(v *tile, from, to int) (skipped bool, last int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	low, high := int64(math.MinInt64), int64(math.MaxInt64) // what can be added
	for n, r := range v.got {
		f, ok := x.frames[r.ts]
		last = max(last, f.at)
		if !ok || f.at < from || f.at > to {
			continue
		}
		d := int64(n - f.first)
		if low = max(low, d-int64(f.n)+1); r.marker {
			d -= int64(f.n) - 1
		}
		high = min(high, d)
	}
	return low > high, last
}

// Of sixteen viewers of a camera one reads no longer from its TCP connection, where the
// hub's own writes come to a stop, and one's network swallows everything, which nobody
// notices before ICE does. The hub sends every frame to all others, who come to its end;
// and it is rid of those two when it wants to be.
func TestStalledViewers(t *testing.T) {
	h := newHub(t, nil, camera.Camera{ID: "cam-1", Scene: "plaza"})
	h.patient = true // what is too old to be sent again is answered by a replay, which counts anew
	lease, err := h.streams.Open("cam-1", streams.Main)
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Close()
	sent := tapped{frames: map[uint32]place{}}
	defer lease.Tap(sent.add)()
	relay, stop := stopper(t, h.whep.Addr().String())
	host, port, _ := net.SplitHostPort(relay)
	silent := h.connect("/whep/cam-1", func(answer string) string {
		return tcpCandidate.ReplaceAllString(answer, "${1} "+host+" "+port+" ")
	}, webrtc.NetworkTypeTCP4)
	silent.waitKey(t, silent.posted, 10*time.Second)
	hole := h.rough(network.Options{})
	lost := h.connect("/whep/cam-1", hole.Through)
	lost.waitKey(t, lost.posted, 10*time.Second)
	var others []*tile
	for range 14 {
		v := h.connect("/whep/cam-1", func(answer string) string { return answer })
		v.waitKey(t, v.posted, 10*time.Second)
		others = append(others, v)
	}
	stop()
	hole.Cut()
	from := sent.len() + 50 // all others have caught up by then
	to := from + 200        // 2 MB, of which the kernel keeps little
	end := time.Now().Add(time.Minute)
	for i, v := range others {
		for {
			skipped, last := sent.skipped(v, from, to)
			if skipped {
				t.Errorf("viewer %d of the others did not get every frame", i)
				break
			}
			if last >= to {
				break
			}
			if time.Now().After(end) {
				t.Errorf("viewer %d of the others came to frame %d of %d", i, last-from, to-from)
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	for _, at := range []string{silent.at, lost.at} {
		before := h.whep.Sessions()
		if res, _ := h.do(http.MethodDelete, at, "", ""); res.StatusCode != http.StatusOK {
			t.Fatal(res.Status)
		}
		for end := time.Now().Add(10 * time.Second); h.whep.Sessions() == before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				buf := make([]byte, 1<<20)
				t.Fatalf("the session of a viewer that stalls does not end: %s\n%s", at, buf[:runtime.Stack(buf, true)])
			}
		}
	}
}
