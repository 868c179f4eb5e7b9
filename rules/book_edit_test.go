package rules

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dongyue/internal/web"
)

// A rule and the one that it depends on come together or not at all.
func TestFilesAreChangedAsOne(t *testing.T) {
	l := newLibrary(t, Files{"a.yaml": ruleNamed("hot", "data.t >= 70"), "a.test.yaml": hotTest})
	before := l.Files()
	leader, follower := ruleNamed("leader", "data.t >= 90"), strings.Replace(ruleNamed("follower", "data.t >= 80"), "priority:", "depends_on: [leader]\n    priority:", 1)
	unchanged := func(what string) {
		t.Helper()
		onDisk, problems := ReadFiles(os.DirFS(l.o.Dir))
		if len(problems) > 0 || onDisk.Version() != before.Version() || len(onDisk) != len(before) || l.Files().Version() != before.Version() {
			t.Errorf("%s: changed to %v", what, onDisk.Names())
		}
	}
	for _, c := range []struct {
		what string
		edit Edit
		want error
	}{
		{"nothing", Edit{}, ErrNoChange},
		{"one bad name", Edit{Files: Files{"b.yaml": leader, "../c.yaml": follower}}, ErrName},
		{"written and removed", Edit{Files: Files{"a.yaml": leader}, Remove: []string{"a.yaml"}}, ErrBoth},
		{"removed and not there", Edit{Files: Files{"b.yaml": leader}, Remove: []string{"z.yaml"}}, ErrNoFile},
		{"one has changed", Edit{Files: Files{"b.yaml": leader, "a.yaml": follower}, Match: map[string]string{"a.yaml": FileHash("other")}}, ErrStale},
		{"one is there already", Edit{Files: Files{"b.yaml": leader, "a.yaml": follower}, Match: map[string]string{"a.yaml": ""}}, ErrStale},
	} {
		if _, err := l.Edit(t.Context(), c.edit); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.what, err)
		}
		unchanged(c.what)
	}
	_, err := l.Edit(t.Context(), Edit{Files: Files{"b.yaml": ruleNamed("x", "data.t >="), "c.yaml": follower}})
	bad, ok := errors.AsType[*BadFilesError](err)
	if !ok || len(bad.Problems) != 2 || bad.Problems[0].File != "b.yaml" || bad.Problems[1].File != "c.yaml" || bad.Problems[1].Line == 0 {
		t.Errorf("all mistakes of all files: %v", err)
	}
	unchanged("mistakes")
	big := strings.Repeat("#", maxFile+1)
	if _, err = l.Edit(t.Context(), Edit{Files: Files{"b.yaml": big, "c.yaml": big}}); !isBad(err) {
		t.Errorf("too large: %v", err)
	}
	unchanged("too large")
	if _, err := l.Edit(t.Context(), Edit{Files: Files{"a.yaml": ruleNamed("hot", "data.t >= 99"), "b.yaml": leader}}); err == nil {
		t.Error("a test that fails")
	}
	unchanged("a test that fails")

	out, err := l.Edit(t.Context(), Edit{
		Files: Files{"b.yaml": leader, "c.yaml": follower, "a.test.yaml": "tests: []\n"}, Remove: []string{"a.yaml"}, Actor: "u1",
		Match: map[string]string{"b.yaml": "", "a.yaml": FileHash(before["a.yaml"])},
	})
	if err != nil || !out.Changed || out.Rules != 2 {
		t.Fatalf("%+v %v", out, err)
	}
	onDisk, _ := ReadFiles(os.DirFS(l.o.Dir))
	if got := onDisk.Names(); !slices.Equal(got, []string{"a.test.yaml", "b.yaml", "c.yaml"}) || onDisk["c.yaml"] != follower {
		t.Errorf("%q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(l.o.Dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// What fails midway is taken back: the folder is as it was.
func TestAnEditThatFailsMidwayIsTakenBack(t *testing.T) {
	l := newLibrary(t, Files{"a.yaml": ruleNamed("hot", "data.t >= 70"), "b.yaml": ruleNamed("warm", "data.t >= 40")})
	before := l.Files()
	// A folder stands where the last of the files is to be.
	if err := os.MkdirAll(filepath.Join(l.o.Dir, "z.yaml", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	after := before.Without("b.yaml").With(Files{"a.yaml": ruleNamed("hot", "data.t >= 71"), "c.yaml": ruleNamed("cold", "data.t <= 1"), "z.yaml": ruleNamed("z", "data.t <= 2")})
	if err := l.write(before, after); err == nil {
		t.Fatal("a file in the place of a folder")
	}
	for name, want := range before {
		if got, err := os.ReadFile(filepath.Join(l.o.Dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"c.yaml"} {
		if _, err := os.Stat(filepath.Join(l.o.Dir, name)); err == nil {
			t.Errorf("%s is there", name)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(l.o.Dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestFilesAPIChangesSeveral(t *testing.T) {
	d := newDesk(t, map[string]string{"a.yaml": ruleNamed("hot", "data.t >= 70")})
	put := func(role web.Role, query string, body any, into any) int {
		t.Helper()
		d.role = role
		return d.ask("PUT", "/rules/files"+query, body, into)
	}
	two := map[string]any{"files": Files{"b.yaml": ruleNamed("b", "data.t >="), "c.yaml": ruleNamed("b c", "data.t >= 1")}}
	var p web.Problem
	if code := put(web.Supervisor, "", two, &p); code != 422 || p.Code != "rules.bad_files" || len(p.Errors) < 2 ||
		!strings.HasPrefix(p.Errors[0].Location, "b.yaml:") || !strings.HasPrefix(p.Errors[len(p.Errors)-1].Location, "c.yaml:") {
		t.Errorf("%d %+v", code, p)
	}
	good := map[string]any{"files": Files{"b.yaml": ruleNamed("b", "data.t >= 2"), "c.yaml": ruleNamed("c", "data.t >= 1")}, "remove": []string{"a.yaml"}, "match": map[string]string{"a.yaml": `"` + FileHash(ruleNamed("hot", "data.t >= 70")) + `"`, "b.yaml": ""}}
	if code := put(web.Operator, "", good, nil); code != http.StatusForbidden {
		t.Errorf("an operator: %d", code)
	}
	if code := put(web.Supervisor, "?force=true", good, nil); code != http.StatusForbidden {
		t.Errorf("force: %d", code)
	}
	if code := put(web.Supervisor, "", map[string]any{}, &p); code != 422 || p.Code != "rules.no_change" {
		t.Errorf("%d %+v", code, p)
	}
	var r Reloaded
	if code := put(web.Supervisor, "", good, &r); code != http.StatusOK || !r.Changed || r.Rules != 2 {
		t.Errorf("%d %+v", code, r)
	}
	if code := put(web.Supervisor, "", good, &p); code != http.StatusNotFound && code != http.StatusPreconditionFailed {
		t.Errorf("a second time: %d %+v", code, p)
	}
}
