package official

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dongyue/internal/cap"
)

// signed is a message as it comes.
func (r *room) signed(m *cap.Message) []byte {
	r.t.Helper()
	b, err := r.signer.Sign(m)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

// in are the files of a folder, without their ids.
func (r *room) in(dir string) string {
	r.t.Helper()
	all, err := os.ReadDir(filepath.Join(r.o.Folder, dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		if !e.IsDir() {
			names = append(names, e.Name()[min(idBytes+1, len(e.Name())):])
		}
	}
	return strings.Join(names, ",")
}

func (r *room) drop(name string, b []byte) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.o.Folder, name), b, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// TestAFileIsTakenOnce: a hub that was killed between taking a file and moving it away, or
// could not move it, finds no replay in it; the same again, by the folder or otherwise, is one.
func TestAFileIsTakenOnce(t *testing.T) {
	for what, c := range map[string]struct {
		file  func(r *room) []byte
		to    string
		heard int
		told  string
	}{
		"believed": {func(r *room) []byte { return r.signed(r.message(cap.Area{})) }, "done", 1, ""},
		"forged":   {func(r *room) []byte { return r.message(cap.Area{}).XML() }, "refused", 0, "unsigned"},
	} {
		r := fresh(t, func(o *Options) { o.Folder = t.TempDir() })
		b := c.file(r)
		r.drop("w.xml", b)
		for _, dir := range []string{"done", "refused"} { // files: nothing can be moved there
			r.drop(dir, nil)
		}
		for range 3 {
			if err := r.folder(t.Context()); err == nil {
				t.Errorf("%s: nobody is told that it can't be moved", what)
			}
		}
		for _, dir := range []string{"done", "refused"} {
			if err := os.Remove(filepath.Join(r.o.Folder, dir)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.folder(t.Context()); err != nil {
			t.Error(err)
		}
		all, err := r.entries(t.Context(), "ORDER BY seq")
		if err != nil || len(all) != 1 || len(r.town.calls) != c.heard || strings.Join(r.town.alarms, ",") != c.told || r.in(c.to) != "w.xml" || r.in("taken") != "" {
			t.Errorf("%s: %d entries, heard %d, alarms %v, in %s: %q; %v", what, len(all), len(r.town.calls), r.town.alarms, c.to, r.in(c.to), err)
		}
		if c.told != "" {
			continue
		}
		r.drop("w.xml", b) // now it is one
		if err := r.folder(t.Context()); err != nil || strings.Join(r.town.alarms, ",") != "replay" || r.in("refused") != "w.xml" {
			t.Errorf("%s: dropped again: alarms %v, %v", what, r.town.alarms, err)
		}
		if e, err := r.Receive(t.Context(), b, "api"); err != nil || e.State != Replayed || len(r.town.alarms) != 2 || len(r.town.calls) != 1 {
			t.Errorf("%s: by the API: %s, %v", what, e.State, err)
		}
	}
}

// TestFilesWithOddNames are taken, and hold back no other.
func TestFilesWithOddNames(t *testing.T) {
	r := fresh(t, func(o *Options) { o.Folder = t.TempDir() })
	if err := os.Mkdir(filepath.Join(r.o.Folder, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.drop("taken/by hand.xml", nil)
	r.drop(strings.Repeat("l", 250)+".xml", r.signed(r.message(cap.Area{})))
	r.drop(strings.Repeat("预", 80)+".xml", r.signed(r.message(cap.Area{})))
	for range 2 {
		if err := r.folder(t.Context()); err == nil || !strings.Contains(err.Error(), "by hand.xml") {
			t.Errorf("nobody is told: %v", err)
		}
	}
	if len(r.town.calls) != 2 || len(r.town.alarms) != 0 || strings.Count(r.in("done"), ".xml") != 2 || r.in("") != "" {
		t.Errorf("heard %d, alarms %v, done %q, left %q", len(r.town.calls), r.town.alarms, r.in("done"), r.in(""))
	}
}

// TestWhoBroughtItHangsUp: the message is acted on all the same.
func TestWhoBroughtItHangsUp(t *testing.T) {
	r := fresh(t)
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	if e, err := r.Receive(ctx, r.signed(r.message(cap.Area{})), "api"); err != nil || e.State != Speaking || len(r.town.calls) != 1 {
		t.Errorf("%s, %v, heard %d", e.State, err, len(r.town.calls))
	}
}

// TestActedOnLater: what was stored when something failed is done when it works again,
// without a restart, and who sends it again meanwhile is no forger.
func TestActedOnLater(t *testing.T) {
	for what, again := range map[string]func(r *room, b []byte) error{
		"by itself":     func(r *room, _ []byte) error { return r.incoming(r.t.Context()) },
		"by its sender": func(r *room, b []byte) error { _, err := r.Receive(r.t.Context(), b, "api"); return err },
	} {
		panels := &signs{fail: errors.New("disk full")}
		r := fresh(t, func(o *Options) { o.Signs = panels })
		b := r.signed(r.message(cap.Area{}))
		for range 2 {
			if e, err := r.Receive(t.Context(), b, "api"); err != nil || e.State != Received {
				t.Errorf("%s: %s, %v", what, e.State, err)
			}
		}
		panels.fail = nil
		if err := again(r, b); err != nil {
			t.Error(err)
		}
		all, err := r.entries(t.Context(), "ORDER BY seq")
		if err != nil || len(all) != 1 || all[0].State != Speaking || len(panels.shown) != 1 || len(r.town.calls) != 1 || len(r.town.alarms) != 0 {
			t.Errorf("%s: %+v, shown %d, heard %d, alarms %v, %v", what, all, len(panels.shown), len(r.town.calls), r.town.alarms, err)
		}
	}
}

// TestLeftForADay: what a hub that was off finds is news no more.
func TestLeftForADay(t *testing.T) {
	panels := &signs{fail: errors.New("killed")}
	r := fresh(t, func(o *Options) { o.Signs = panels })
	r.town.fail = errors.New("killed")
	e := r.receive(r.message(cap.Area{}))
	r.town.fail, panels.fail = nil, nil
	err := r.db.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), "UPDATE official_messages SET at = ?", time.Now().Add(-25*time.Hour).UnixMilli())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.incoming(t.Context()); err != nil {
		t.Error(err)
	}
	if now, err := r.find(t.Context(), e.ID); err != nil || now.State != Expired || len(r.town.calls)+len(panels.shown) != 0 {
		t.Errorf("%+v, %v", now, err)
	}
}

// TestACancelOvertakesNothing: a message that is about to be heard when its cancel comes
// is silent afterwards.
func TestACancelOvertakesNothing(t *testing.T) {
	r := fresh(t)
	first := r.message(cap.Area{})
	cancel := r.signed(r.message(cap.Area{}, func(m *cap.Message) { m.MsgType, m.References = cap.Cancel, []cap.Reference{cap.Of(first)} }))
	came := make(chan error, 1)
	r.town.onSpeak = func() {
		go func() {
			_, err := r.Receive(context.Background(), cancel, "api")
			came <- err
		}()
		select {
		case err := <-came: // it did not wait
			came <- err
		case <-time.After(300 * time.Millisecond):
		}
	}
	e := r.receive(first)
	if err := <-came; err != nil {
		t.Fatal(err)
	}
	now, err := r.find(t.Context(), e.ID)
	if err != nil || now.State != Cancelled || strings.Join(r.town.silenced, ",") != e.Broadcast {
		t.Errorf("%s, silenced %v, %v", now.State, r.town.silenced, err)
	}
}

// TestAnUpdateThatIsNotHeard: the text that it has changed is not heard either.
func TestAnUpdateThatIsNotHeard(t *testing.T) {
	r := fresh(t)
	first := r.message(cap.Area{})
	e := r.receive(first)
	r.town.fail = errors.New("no loudspeaker")
	up := r.receive(r.message(cap.Area{}, func(m *cap.Message) { m.MsgType, m.References = cap.Update, []cap.Reference{cap.Of(first)} }))
	if up.State != Failed || strings.Join(r.town.silenced, ",") != e.Broadcast {
		t.Errorf("%s, silenced %v", up.State, r.town.silenced)
	}
}

// TestWhatToDoIsSaid, however long the description is.
func TestWhatToDoIsSaid(t *testing.T) {
	r := fresh(t)
	m := r.message(cap.Area{}, func(m *cap.Message) { m.Infos[0].Description = strings.Repeat("雨量已达五十毫米，", 60) })
	text := Text(m)
	if len(text) > maxSpoken || !strings.HasPrefix(text, "暴雨红色预警。雨量") || !strings.HasSuffix(text, "请留在室内。") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
	m.Infos[0].Instruction = strings.Repeat("请留在室内。", 100)
	if text := Text(m); len(text) > maxSpoken || !strings.HasPrefix(text, "暴雨红色预警。请留在室内。") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

// TestNamesThatAreWrittenOtherwise in the store are found by what refers to them.
func TestNamesThatAreWrittenOtherwise(t *testing.T) {
	r := fresh(t)
	first := r.message(cap.Area{}, func(m *cap.Message) { m.Identifier = `w->"1"` })
	r.receive(r.message(cap.Area{}, func(m *cap.Message) { m.MsgType, m.References = cap.Cancel, []cap.Reference{cap.Of(first)} }))
	if e := r.receive(first); e.State != Cancelled || len(r.town.calls) != 0 {
		t.Errorf("%s, heard %d", e.State, len(r.town.calls))
	}
}

// TestACancelWaitsForNoOtherAffair, whose voice may take its time.
func TestACancelWaitsForNoOtherAffair(t *testing.T) {
	r := fresh(t)
	first := r.message(cap.Area{})
	e := r.receive(first)
	cancel := r.signed(r.message(cap.Area{}, func(m *cap.Message) { m.MsgType, m.References = cap.Cancel, []cap.Reference{cap.Of(first)} }))
	speaking, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	r.town.onSpeak = func() {
		close(speaking)
		<-goOn
	}
	other := r.signed(r.message(cap.Area{}))
	go func() {
		_, err := r.Receive(context.Background(), other, "api")
		done <- err
	}()
	<-speaking
	ended := make(chan error, 1)
	go func() {
		_, err := r.Receive(context.Background(), cancel, "api")
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil || strings.Join(r.town.silenced, ",") != e.Broadcast {
			t.Errorf("silenced %v, %v", r.town.silenced, err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits")
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestAResultAfterTheClockWasSetBack does not wait until it is there again.
func TestAResultAfterTheClockWasSetBack(t *testing.T) {
	var got atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got.Add(1) }))
	defer srv.Close()
	r := fresh(t, func(o *Options) { o.Upstream, o.Client = srv.URL, srv.Client() })
	r.receive(r.message(cap.Area{}, func(m *cap.Message) { m.Status = "Test" })) // answered at once
	put := func(off time.Duration) {
		t.Helper()
		err := r.db.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE official_outbox SET due = ?", time.Now().Add(off).UnixMilli())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put(4 * time.Minute)
	if rest, err := r.deliver(t.Context()); err != nil || got.Load() != 0 || rest > 4*time.Minute || rest < time.Minute {
		t.Errorf("put off: sent %d, %v, %v", got.Load(), rest, err)
	}
	put(time.Hour)
	if _, err := r.deliver(t.Context()); err != nil || got.Load() != 1 {
		t.Errorf("sent %d, %v", got.Load(), err)
	}
}

// raw is a message as it came.
func (r *room) raw(id string) *httptest.ResponseRecorder {
	q := httptest.NewRequest(http.MethodGet, "/", nil)
	q.SetPathValue("id", id)
	w := httptest.NewRecorder()
	r.getRaw(w, q)
	return w
}

// TestAsItCame: it is kept to the byte, believed or not, and is no part of a list.
func TestAsItCame(t *testing.T) {
	r := fresh(t)
	for _, b := range [][]byte{r.signed(r.message(cap.Area{})), r.message(cap.Area{}).XML()} {
		e, err := r.Receive(t.Context(), b, "api")
		if err != nil {
			t.Fatal(err)
		}
		if w := r.raw(e.ID); w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), b) || w.Header().Get("Content-Disposition") != `attachment; filename="`+e.ID+`.xml"` {
			t.Errorf("%d, %d of %d bytes, %v", w.Code, w.Body.Len(), len(b), w.Header())
		}
		if all, err := r.entries(t.Context(), `WHERE id = ?`, e.ID); err != nil || len(all) != 1 || all[0].raw != nil {
			t.Errorf("%d bytes in a list, %v", len(all[0].raw), err)
		}
	}
	if w := r.raw("none"); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}
