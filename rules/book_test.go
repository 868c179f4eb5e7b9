package rules

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

// library is a book on a folder, its engine, and what was told of changes.
type library struct {
	*Book
	t      testing.TB
	dir    string
	engine *Engine
	feed   *web.Feed
	fail   error // of the next swaps
	audits []string
}

func (l *library) Audit(_ context.Context, _ *sql.Tx, actor, action, target string, _ any) error {
	l.audits = append(l.audits, actor+" "+action+" "+target)
	return nil
}

func newLibrary(t testing.TB, files map[string]string) *library {
	t.Helper()
	l := &library{t: t, dir: t.TempDir()}
	for n, text := range files {
		l.put(n, text)
	}
	l.open(BookOptions{Dir: l.dir})
	return l
}

func (l *library) open(o BookOptions) {
	l.t.Helper()
	d, err := db.Open(l.t.Context(), filepath.Join(l.t.TempDir(), "hub.db"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = d.Close() })
	store, err := NewStore(l.t.Context(), d)
	if err != nil {
		l.t.Fatal(err)
	}
	if l.feed, err = web.NewFeed(l.t.Context(), d); err != nil {
		l.t.Fatal(err)
	}
	o.DB, o.Store, o.Feed, o.Audit = d, store, l.feed, l
	o.Swap = func(_ context.Context, set *Set) (time.Duration, error) {
		if l.fail != nil {
			return 0, l.fail
		}
		l.engine.Swap(set)
		l.engine.Commit()
		return time.Millisecond, nil
	}
	b, problems := OpenBook(o)
	if len(problems) > 0 {
		l.t.Fatal(problems)
	}
	l.Book = b
	if err := b.Begin(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
	if l.engine, err = New(Options{Set: b.Set()}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *library) put(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

func (l *library) onDisk() []string {
	l.t.Helper()
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		l.t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// judged are the ids of the rules that the engine judges by.
func (l *library) judged() (ids []string) {
	for _, st := range l.engine.Status() {
		ids = append(ids, st.Rule.ID)
	}
	return ids
}

// told are the entries of the feed.
func (l *library) told() (out []string) {
	l.t.Helper()
	rows, err := l.o.DB.Read().QueryContext(l.t.Context(), "SELECT data FROM feed WHERE topic = 'rules' ORDER BY seq")
	if err != nil {
		l.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var data string
		var c RulesChange
		if err := errors.Join(rows.Scan(&data), json.Unmarshal([]byte(data), &c)); err != nil {
			l.t.Fatal(err)
		}
		out = append(out, c.Change+" "+c.Actor+" "+string(c.Disk))
	}
	return out
}

// ruleNamed is a file with one rule about readings of t.
func ruleNamed(id, when string) string {
	return "rules:\n  - id: " + id + "\n    title: {zh: 热, en: hot}\n    on: {kind: charger, channel: telemetry}\n    when: " + when + "\n    priority: low\n"
}

const hotTest = `tests:
  - name: seventy is hot
    given: {device: c1, kind: charger}
    events: [{at: 0s, telemetry: {t: 70}}]
    expect: ["@0s raised hot"]
`

func TestReloadPutsTheFolderInForce(t *testing.T) {
	l := newLibrary(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70")})
	was := l.State()
	if was.Disk != Same || !was.Writable || len(was.Version) != 12 {
		t.Fatalf("%+v", was)
	}
	if r, err := l.Reload(t.Context(), "u1"); err != nil || r.Changed {
		t.Fatalf("nothing has changed, but: %+v, %v", r, err)
	}
	l.put("b.yaml", ruleNamed("warm", "data.t >= 40"))
	r, err := l.Reload(t.Context(), "u1")
	if err != nil || !r.Changed || r.Rules != 2 || r.Version == was.Version || r.StillMS != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := l.judged(); !slices.Equal(got, []string{"hot", "warm"}) {
		t.Errorf("the engine judges by %v", got)
	}
	if got := l.told(); !slices.Equal(got, []string{"swapped u1 same"}) {
		t.Errorf("told: %v", got)
	}
	if !slices.Equal(l.audits, []string{"u1 rules.reload " + r.Version}) {
		t.Errorf("audited: %v", l.audits)
	}
	l.put("a.test.yaml", hotTest) // tests alone are no other set
	if r, err := l.Reload(t.Context(), "u1"); err != nil || r.Changed || l.Files()["a.test.yaml"] == "" {
		t.Errorf("%+v, %v, %v", r, err, l.Files().Names())
	}
}

func TestBadFileLeavesTheSetAlone(t *testing.T) {
	l := newLibrary(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70")})
	was := l.State()
	l.put("b.yaml", ruleNamed("warm", "data.t >="))
	for range 2 { // told once, however often it is read
		_, err := l.Reload(t.Context(), hubActor)
		if bad, ok := errors.AsType[*BadFilesError](err); !ok || bad.Problems[0].File != "b.yaml" {
			t.Fatalf("%v", err)
		}
	}
	st := l.State()
	if st.Disk != Bad || len(st.Problems) != 1 || st.Problems[0].Line != 5 || st.Version != was.Version || st.LoadedAt != was.LoadedAt {
		t.Errorf("%+v", st)
	}
	if err := l.Err(); err == nil || !strings.Contains(err.Error(), "b.yaml:5") {
		t.Errorf("health: %v", err)
	}
	if got := l.judged(); !slices.Equal(got, []string{"hot"}) {
		t.Errorf("the engine judges by %v", got)
	}
	if got := l.told(); !slices.Equal(got, []string{"refused hub bad"}) {
		t.Errorf("told: %v", got)
	}
	if gauge(t, l, "dongyue_rules_last_reload_successful") != 0 {
		t.Error("the metric says that the reload was one")
	}
	l.put("b.yaml", ruleNamed("warm", "data.t >= 40"))
	if r, err := l.Reload(t.Context(), hubActor); err != nil || !r.Changed || l.State().Disk != Same || l.Err() != nil {
		t.Errorf("mended: %+v, %v, %+v", r, err, l.State())
	}
	if gauge(t, l, "dongyue_rules_last_reload_successful") != 1 || gauge(t, l, "dongyue_rules_loaded") != 2 {
		t.Error("the metrics don't follow")
	}
}

func gauge(t *testing.T, l *library, name string) float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(l.Collector()); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func TestFailedSwapIsTriedAgain(t *testing.T) {
	l := newLibrary(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70")})
	l.fail = errors.New("disk full")
	l.put("b.yaml", ruleNamed("warm", "data.t >= 40"))
	if _, err := l.Reload(t.Context(), hubActor); !errors.Is(err, l.fail) || l.State().Disk != Differs || l.Err() == nil {
		t.Fatalf("%v, %+v", err, l.State())
	}
	if got := l.judged(); !slices.Equal(got, []string{"hot"}) {
		t.Errorf("the engine judges by %v", got)
	}
	l.fail = nil
	if r, err := l.Reload(t.Context(), hubActor); err != nil || !r.Changed || l.State().Disk != Same {
		t.Errorf("%+v, %v, %+v", r, err, l.State())
	}
}

func TestSaveChecksTestsWritesAndSwaps(t *testing.T) {
	l := newLibrary(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70"), "a.test.yaml": hotTest})
	save := func(s Saving) error {
		s.Actor = "u1"
		_, err := l.Save(t.Context(), s)
		return err
	}
	if err := save(Saving{Name: "a.yaml", Text: ruleNamed("hot", "data.t >=")}); !isBad(err) {
		t.Errorf("a bad file: %v", err)
	}
	cold := Saving{Name: "a.yaml", Text: ruleNamed("hot", "data.t >= 80")}
	err := save(cold)
	if failed, ok := errors.AsType[*TestsFailedError](err); !ok || failed.Failed[0].Name != "seventy is hot" {
		t.Errorf("a failing test: %v", err)
	}
	if l.Files()["a.yaml"] != ruleNamed("hot", "data.t >= 70") || len(l.told()) > 0 {
		t.Error("what was refused is in force")
	}
	cold.Force = true
	if err := save(cold); err != nil {
		t.Errorf("forced: %v", err)
	}
	stale := Saving{Name: "a.yaml", Text: ruleNamed("hot", "data.t >= 70"), Match: FileHash(ruleNamed("hot", "data.t >= 70"))}
	if err := save(stale); !errors.Is(err, ErrStale) {
		t.Errorf("another has changed it: %v", err)
	}
	stale.Match = FileHash(cold.Text)
	if err := save(stale); err != nil {
		t.Errorf("the right hash: %v", err)
	}
	if err := save(Saving{Name: "b.yaml", Text: ruleNamed("warm", "data.t >= 40")}); err != nil {
		t.Errorf("a new file: %v", err)
	}
	if got := l.onDisk(); !slices.Equal(got, []string{"a.test.yaml", "a.yaml", "b.yaml"}) {
		t.Errorf("on disk: %v", got)
	}
	if got := l.judged(); !slices.Equal(got, []string{"hot", "warm"}) || l.State().Disk != Same {
		t.Errorf("the engine judges by %v, %+v", got, l.State())
	}
	if n := len(slices.DeleteFunc(slices.Clone(l.audits), func(a string) bool { return !strings.Contains(a, "rules.file") })); n != 3 {
		t.Errorf("audited: %v", l.audits)
	}
}

func isBad(err error) bool {
	_, ok := errors.AsType[*BadFilesError](err)
	return ok
}

func TestDeleteTakesTheTestsToo(t *testing.T) {
	l := newLibrary(t, map[string]string{
		"a.yaml": ruleNamed("hot", "data.t >= 70"), "a.test.yaml": hotTest,
		"b.yaml": strings.Replace(ruleNamed("warm", "data.t >= 40"), "priority", "depends_on: [hot]\n    priority", 1),
	})
	if _, err := l.Delete(t.Context(), Saving{Name: "a.yaml"}); !isBad(err) {
		t.Errorf("b depends on it: %v", err)
	}
	if _, err := l.Delete(t.Context(), Saving{Name: "c.yaml"}); !errors.Is(err, ErrNoFile) {
		t.Errorf("there is none: %v", err)
	}
	if _, err := l.Delete(t.Context(), Saving{Name: "b.yaml"}); err != nil {
		t.Error(err)
	}
	if _, err := l.Delete(t.Context(), Saving{Name: "a.yaml"}); err != nil {
		t.Error(err)
	}
	if got := l.onDisk(); len(got) > 0 || len(l.judged()) > 0 {
		t.Errorf("on disk %v, judged %v", got, l.judged())
	}
}

func TestFileNames(t *testing.T) {
	l := newLibrary(t, nil)
	for name, ok := range map[string]bool{
		"a.yaml": true, "a-b_2.test.yaml": true, "a.yml": false, ".yaml": false, ".test.yaml": false, "A.yaml": false, "../a.yaml": false,
		"x/a.yaml": false, "a.b.yaml": false, "a.yaml.tmp": false, "a\x00.yaml": false, "": false, strings.Repeat("a", 100) + ".yaml": false, "a.test.test.yaml": false,
	} {
		if ValidFile(name) != ok {
			t.Errorf("ValidFile(%q) = %v", name, !ok)
		}
		if _, err := l.Save(t.Context(), Saving{Name: name, Text: "rules: []"}); ok == errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestBuiltInRulesCantBeChanged(t *testing.T) {
	l := &library{t: t}
	l.open(BookOptions{Builtin: fstest.MapFS{"a.yaml": {Data: []byte(ruleNamed("hot", "data.t >= 70"))}}})
	if l.State().Writable {
		t.Error("they are writable")
	}
	if _, err := l.Save(t.Context(), Saving{Name: "a.yaml"}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("save: %v", err)
	}
	if r, err := l.Reload(t.Context(), "u1"); err != nil || r.Changed || r.Rules != 1 {
		t.Errorf("reload: %+v, %v", r, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestWatchedFolder(t *testing.T) {
	l := newLibrary(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70")})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	eventually := func(what string, f func() bool) {
		t.Helper()
		for range 1000 {
			if f() {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("in vain: %s; %+v", what, l.State())
	}
	l.put("b.yaml", ruleNamed("warm", "data.t >= 40"))
	eventually("the new file is in force", func() bool { return len(l.judged()) == 2 })
	l.put("b.yaml", "rules: [")
	eventually("the bad file is seen", func() bool { return l.State().Disk == Bad })
	if err := os.Remove(filepath.Join(l.dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	eventually("the file is gone", func() bool { return len(l.judged()) == 1 && l.State().Disk == Same })
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestOldSetsAreKept(t *testing.T) {
	l := newLibrary(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70"), "a.test.yaml": hotTest})
	clock := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l.o.Now = func() time.Time { return clock }
	l.put("a.yaml", ruleNamed("hot", "data.t >= 60"))
	if _, err := l.Reload(t.Context(), "u1"); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time]Files{
		clock.Add(-time.Second): {"a.yaml": ruleNamed("hot", "data.t >= 70")},
		clock:                   {"a.yaml": ruleNamed("hot", "data.t >= 60")},
		time.Unix(0, 0):         nil,
	} {
		got, err := l.o.Store.SetAt(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("at %v (-want +got):\n%s", at, d)
		}
	}
	if err := l.Begin(t.Context()); err != nil { // a restart with the same files is no new set
		t.Fatal(err)
	}
	var n int
	if err := l.o.DB.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM rule_set").Scan(&n); err != nil || n != 2 {
		t.Errorf("%d sets, %v", n, err)
	}
}

func TestFolderThatCantBeRead(t *testing.T) {
	if _, problems := OpenBook(BookOptions{Dir: filepath.Join(t.TempDir(), "none")}); len(problems) != 1 || problems[0].File != "." {
		t.Errorf("%v", problems)
	}
	l := newLibrary(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70")})
	if err := os.RemoveAll(l.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reload(t.Context(), hubActor); !isBad(err) || len(l.judged()) != 1 {
		t.Errorf("%v, judged by %v", err, l.judged())
	}
	if _, err := l.Save(t.Context(), Saving{Name: "b.yaml", Text: "rules: []"}); !isBad(err) {
		t.Errorf("%v", err)
	}
}

func TestLargeFileIsNotRead(t *testing.T) {
	l := newLibrary(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70")})
	l.put("big.yaml", strings.Repeat("#", maxFile+1))
	if _, err := l.Reload(t.Context(), hubActor); !isBad(err) || !strings.Contains(err.Error(), "big.yaml") {
		t.Errorf("%v", err)
	}
	if _, err := l.Save(t.Context(), Saving{Name: "big.yaml", Text: ruleNamed("big", "data.t >= 1")}); err != nil {
		t.Errorf("a small text in its place: %v", err)
	}
	var stat fs.FileInfo
	stat, err := os.Stat(filepath.Join(l.dir, "big.yaml"))
	if err != nil || stat.Size() > 1000 {
		t.Errorf("%v, %v", stat, err)
	}
}
