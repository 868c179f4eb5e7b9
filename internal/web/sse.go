package web

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// heartbeat keeps proxies from closing a quiet stream and lets the browser see
// that the hub is alive.
const heartbeat = 10 * time.Second

// ServeHTTP streams changes as server-sent events, `id: Seq`. A reader that
// sends Last-Event-ID gets all that came since; a new one starts now. The first
// event is `hello` with the place from which the stream goes on; `reset` says
// that the reader was away too long and must load its lists afresh.
//
// Query: topics=alarm,device limits what is sent; after=SEQ is for clients that
// can't set the header.
func (f *Feed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	seq := f.Last()
	if s := cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after")); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			WriteProblem(w, Fail(http.StatusBadRequest, "stream.bad_id", "Last-Event-ID is not a number: send the id of the last event you saw"))
			return
		}
		seq = n
	}
	if r.Method == http.MethodHead { // its headers are all there is to have
		streamHeaders(w.Header())
		return
	}
	want := wanted(r)
	me := &reader{transient: make(chan Entry, 256)}
	f.mu.Lock()
	f.live[me] = struct{}{}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.live, me)
		f.mu.Unlock()
	}()

	streamHeaders(w.Header())
	w.WriteHeader(http.StatusOK)
	if _, err := fmt.Fprintf(w, "retry: 1000\nid: %d\nevent: hello\ndata: {\"seq\":%d}\n\n", seq, seq); err != nil || rc.Flush() != nil { //nolint:gosec // G705: an event stream, no page
		return
	}
	f.follow(w, r, rc, me, seq, want)
}

func streamHeaders(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
}

func (f *Feed) follow(w http.ResponseWriter, r *http.Request, rc *http.ResponseController, me *reader, seq uint64, want func(*Entry) bool) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		es, wake, gone, err := f.after(r.Context(), seq)
		if err != nil {
			return // the reader comes back with its last id
		}
		// A reader that does not take a write within this time is let go.
		_ = rc.SetWriteDeadline(time.Now().Add(heartbeat))
		if gone {
			seq = f.Last()
			if _, err := fmt.Fprintf(w, "id: %d\nevent: reset\ndata: {\"seq\":%d}\n\n", seq, seq); err != nil || rc.Flush() != nil { //nolint:gosec // G705: an event stream, no page
				return
			}
			continue
		}
		for i := range es {
			e := &es[i]
			seq = e.Seq
			if want(e) {
				if _, err := fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Topic, e.Data); err != nil { //nolint:gosec // G705: an event stream, no page
					return
				}
			}
		}
		if len(es) > 0 {
			if rc.Flush() != nil {
				return
			}
			continue
		}
		select {
		case <-r.Context().Done():
			return
		case <-wake:
			continue
		case e := <-me.transient:
			if want(&e) {
				_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.Topic, e.Data)
			}
		case <-tick.C:
			_, err = fmt.Fprint(w, ": alive\n\n")
		}
		if err != nil || rc.SetWriteDeadline(time.Now().Add(heartbeat)) != nil || rc.Flush() != nil {
			return
		}
	}
}

// wanted are the entries of the topics that were asked for, without those for
// other people.
func wanted(r *http.Request) func(*Entry) bool {
	asked := topics(r.URL.Query().Get("topics"))
	me, _ := Who(r.Context())
	return func(e *Entry) bool { return asked(e.Topic) && (e.To == "" || e.To == me.ID) }
}

func topics(list string) func(string) bool {
	if list == "" {
		return func(string) bool { return true }
	}
	set := map[string]bool{}
	for t := range strings.SplitSeq(list, ",") {
		set[strings.TrimSpace(t)] = true
	}
	return func(t string) bool { return set[t] }
}
