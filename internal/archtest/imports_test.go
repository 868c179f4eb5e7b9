package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "dongyue"

// ground is the floor on which all rooms stand: words, storage, doors, and the formats of
// others that more than one of them reads. doorlist is on it because hub and controller
// must read the same bytes, as they read the same words.
var ground = []string{"internal/event", "internal/db", "internal/web", "internal/doorlist", "internal/sound", "internal/cap"}

// rooms own their whole story: types, tables, operations, tests. They stand
// side by side and never enter each other.
var rooms = []string{
	"broker", "devices", "streams", "rules", "dashboards",
	"internal/access", "internal/alarm", "internal/broadcast", "internal/charging", "internal/config", "internal/doorbell", "internal/doors", "internal/health", "internal/identity",
	"internal/journal", "internal/lighting", "internal/muster", "internal/notify", "internal/official", "internal/panel", "internal/pki", "internal/rota", "internal/series", "internal/simulator", "internal/workorder",
}

// imports returns what each folder's non-test files import, folders and
// imports both without the module's name.
func imports(t *testing.T) (inside, outside map[string][]string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	inside, outside = map[string][]string{}, map[string][]string{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, _ := filepath.Rel(root, filepath.Dir(path))
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if own, ok := strings.CutPrefix(name, module+"/"); ok {
				inside[dir] = append(inside[dir], own)
			} else {
				outside[dir] = append(outside[dir], name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(inside) < 10 {
		t.Fatalf("only %d folders found below %s", len(inside), root)
	}
	return inside, outside
}

func within(dir, outer string) bool { return dir == outer || strings.HasPrefix(dir, outer+"/") }

func room(dir string) string {
	for _, r := range rooms {
		if within(dir, r) {
			return r
		}
	}
	return ""
}

func TestVocabularyImportsTheStandardLibraryOnly(t *testing.T) {
	in, out := imports(t)
	if len(in["internal/event"]) > 0 {
		t.Errorf("internal/event imports %v: it is the word list that everybody shares, so it may know nobody", in["internal/event"])
	}
	for _, i := range out["internal/event"] {
		if first, _, _ := strings.Cut(i, "/"); strings.Contains(first, ".") {
			t.Errorf("internal/event imports %s: a change there would be felt in every room", i)
		}
	}
}

func TestGroundFloorKnowsNoRoom(t *testing.T) {
	in, _ := imports(t)
	for _, g := range ground {
		for _, i := range in[g] {
			if !slices.Contains(ground, i) {
				t.Errorf("%s imports %s: the ground floor carries the rooms, it does not enter them", g, i)
			}
		}
	}
}

func TestRoomsDoNotEnterEachOther(t *testing.T) {
	in, _ := imports(t)
	for dir, list := range in {
		r := room(dir)
		if r == "" {
			continue
		}
		for _, i := range list {
			if slices.Contains(ground, i) || within(i, r) {
				continue
			}
			if dir == "internal/simulator" || within(dir, "internal/simulator") && (i == "internal/event" || i == "internal/sound") {
				continue
			}
			t.Errorf("%s imports %s: what a room needs of another is a small interface that it declares itself; internal/app joins them, so each room can be read, tested and replaced alone", dir, i)
		}
	}
}

func TestParentsDoNotImportChildren(t *testing.T) {
	in, _ := imports(t)
	for dir, list := range in {
		if room(dir) == "" || dir == "internal/simulator" {
			continue
		}
		for _, i := range list {
			if i != dir && within(i, dir) {
				t.Errorf("%s imports %s: a child knows its parent's words; the other way a new child would change the parent", dir, i)
			}
		}
	}
}

func TestOnlyTheAppJoinsRooms(t *testing.T) {
	in, _ := imports(t)
	// What a command judges without a hub: files, a camera, and the journal of one that is not running.
	offline := []string{"internal/config", "rules", "streams", "streams/probe", "streams/evidence", "internal/journal"}
	for dir, list := range in {
		for _, i := range list {
			switch {
			case within(i, "internal/app") && !within(dir, "internal/app") && !within(dir, "cmd"):
				t.Errorf("%s imports %s: nothing but a command starts the house", dir, i)
			case within(i, "cmd"):
				t.Errorf("%s imports %s: commands are the front door, nobody enters the house from behind through it", dir, i)
			case within(dir, "cmd") && room(i) != "" && !slices.Contains(offline, i):
				t.Errorf("%s imports %s: a command turns flags into options and leaves the work to internal/app", dir, i)
			}
		}
	}
}

func TestTopLevel(t *testing.T) {
	allowed := []string{
		"cmd", "broker", "devices", "streams", "rules", "dashboards", "configs", "internal", "docs", "e2e", "bench",
		"go.mod", "go.sum", "docker-compose.yml", "Dockerfile", "Makefile", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
		"data", "bin", "dongyue", // ignored by git: what a run leaves
	}
	es, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s at the top level: the folder list tells the trade and has no other rooms", e.Name())
		}
	}
}

func TestEveryPackageSaysItsDuty(t *testing.T) {
	in, out := imports(t)
	dirs := map[string]bool{}
	for d := range in {
		dirs[d] = true
	}
	for d := range out {
		dirs[d] = true
	}
	for dir := range dirs {
		files, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(name string) bool {
			if strings.HasSuffix(name, "_test.go") {
				return false
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
			return err == nil && f.Doc != nil
		}) {
			t.Errorf("%s has no package comment", dir)
		}
	}
}
