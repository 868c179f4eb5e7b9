package web

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dongyue/internal/db"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newFeed(t *testing.T) *Feed {
	t.Helper()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	f, err := NewFeed(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func put(t *testing.T, f *Feed, topic string, n int) {
	t.Helper()
	for i := range n {
		if err := f.db.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := f.Append(t.Context(), tx, topic, map[string]int{"n": i})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Committed(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// listen returns a function that reads the next event as "id event data".
func listen(t *testing.T, f *Feed, query, lastID string) func() string {
	t.Helper()
	srv := httptest.NewServer(f)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = resp.Body.Close(); srv.Close() })
	r := bufio.NewReader(resp.Body)
	return func() string {
		var id, ev, data string
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("stream ended: %v", err)
			}
			k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
			switch k {
			case "id":
				id = v
			case "event":
				ev = v
			case "data":
				data = v
			case "":
				if ev != "" {
					return id + " " + ev + " " + data
				}
			}
		}
	}
}

func expect(t *testing.T, next func() string, want ...string) {
	t.Helper()
	for _, w := range want {
		if got := next(); got != w {
			t.Fatalf("got %q, want %q", got, w)
		}
	}
}

func TestFeedFollowsAndFilters(t *testing.T) {
	f := newFeed(t)
	put(t, f, "alarm", 1)
	next := listen(t, f, "?topics=alarm", "")
	expect(t, next, `1 hello {"seq":1}`)
	put(t, f, "device", 1)
	put(t, f, "alarm", 1)
	expect(t, next, `3 alarm {"n":0}`)
}

func TestFeedResumes(t *testing.T) {
	f := newFeed(t)
	put(t, f, "alarm", 3)
	expect(t, listen(t, f, "", "1"), `1 hello {"seq":1}`, `2 alarm {"n":1}`, `3 alarm {"n":2}`)

	again, err := NewFeed(t.Context(), f.db) // after a restart nothing is in memory
	if err != nil {
		t.Fatal(err)
	}
	expect(t, listen(t, again, "?after=2", ""), `2 hello {"seq":2}`, `3 alarm {"n":2}`)
}

func TestFeedTellsAReaderThatWasAwayTooLong(t *testing.T) {
	f := newFeed(t)
	put(t, f, "alarm", 5)
	if err := f.db.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM feed WHERE seq <= 3")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	again, err := NewFeed(t.Context(), f.db)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, listen(t, again, "", "1"), `1 hello {"seq":1}`, `5 reset {"seq":5}`)
	expect(t, listen(t, again, "", "99"), `99 hello {"seq":99}`, `5 reset {"seq":5}`)
}

func TestFeedRefusesABadID(t *testing.T) {
	w := httptest.NewRecorder()
	newFeed(t).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?after=x", nil))
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "stream.bad_id") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

func TestFeedTransientReachesLiveReaders(t *testing.T) {
	f := newFeed(t)
	next := listen(t, f, "", "")
	expect(t, next, `0 hello {"seq":0}`)
	for i := range 3 {
		f.Transient("twin", fmt.Sprint(i))
	}
	expect(t, next, ` twin "0"`, ` twin "1"`, ` twin "2"`)
}

func TestFollowGoesOn(t *testing.T) {
	f := newFeed(t)
	put(t, f, "alarm", 2)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan uint64)
	done := make(chan error)
	go func() { done <- f.Follow(ctx, 1, func(e Entry) error { got <- e.Seq; return nil }) }()
	if s := <-got; s != 2 {
		t.Fatalf("first entry %d", s)
	}
	put(t, f, "alarm", 1)
	if s := <-got; s != 3 {
		t.Fatalf("live entry %d", s)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// An entry for one account is on that one's screens only, also after a resume.
func TestFeedKeepsWhatIsForOne(t *testing.T) {
	f := newFeed(t)
	for i, account := range []string{"u-1", "u-2", ""} {
		err := f.db.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := f.AppendTo(t.Context(), tx, "notify", account, map[string]int{"n": i})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Committed(t.Context()); err != nil {
		t.Fatal(err)
	}
	for account, want := range map[string][]int{"u-1": {0, 2}, "u-2": {1, 2}, "": {2}} {
		w := httptest.NewRecorder()
		ctx, cancel := context.WithTimeout(WithPrincipal(t.Context(), Principal{ID: account}), 200*time.Millisecond)
		f.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/?after=0", nil))
		cancel()
		var got []int
		for i := range 3 {
			if strings.Contains(w.Body.String(), fmt.Sprintf(`"n":%d`, i)) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q gets %v", account, got)
		}
	}
}

// TestCommittedAfterRollback: a place that was given out in vain hides nothing, and
// one that another transaction has taken but not committed is told when it is.
func TestCommittedAfterRollback(t *testing.T) {
	f := newFeed(t)
	put(t, f, "alarm", 2)
	boom := errors.New("boom")
	err := f.db.Tx(t.Context(), func(tx *sql.Tx) error {
		if _, err := f.Append(t.Context(), tx, "alarm", 1); err != nil {
			return err
		}
		if err := f.Committed(t.Context()); err != nil { // somebody else's
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) || f.Last() != 2 {
		t.Fatalf("%v, last %d", err, f.Last())
	}
	err = f.db.Tx(t.Context(), func(tx *sql.Tx) error {
		if _, err := f.Append(t.Context(), tx, "alarm", 1); err != nil {
			return err
		}
		return f.Committed(t.Context()) // too early: nothing of it is to be seen
	})
	if err != nil || f.Last() != 2 {
		t.Fatalf("%v, last %d", err, f.Last())
	}
	if err := f.Committed(t.Context()); err != nil || f.Last() != 3 {
		t.Errorf("after the commit: %v, last %d", err, f.Last())
	}
}
