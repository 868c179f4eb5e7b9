package rules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Why a file is not saved.
var (
	ErrReadOnly = errors.New("the hub runs the rules in its binary: set rules.dir to a folder")
	ErrName     = errors.New("a rule file's name is small letters, digits, _ and -, and ends in .yaml or .test.yaml")
	ErrNoFile   = errors.New("there is no such file")
	ErrStale    = errors.New("the file has been changed since it was read")
	ErrNoChange = errors.New("it names no file to write or to remove")
	ErrBoth     = errors.New("the file is to be written and to be removed")
)

// TestsFailedError is what keeps a file from being saved: cases that don't hold.
type TestsFailedError struct{ Failed []TestResult }

// Error names the first case.
func (e *TestsFailedError) Error() string {
	r := e.Failed[0]
	return fmt.Sprintf("%d rule tests fail; the first is %q in %s, line %d", len(e.Failed), r.Name, r.File, r.Line)
}

// Saving is a change of one file.
type Saving struct {
	Name  string
	Text  string
	Match string // hash of the text it replaces, see FileHash; "": whatever is there
	Force bool   // save in spite of failing tests
	Actor string
}

// edit is a change of one file, without what is written.
func (s *Saving) edit() Edit {
	e := Edit{Force: s.Force, Actor: s.Actor}
	if s.Match != "" {
		e.Match = map[string]string{s.Name: s.Match}
	}
	return e
}

// ValidFile reports whether a name can be one of a rule file or of its tests.
func ValidFile(name string) bool {
	stem, ok := strings.CutSuffix(name, ".yaml")
	stem = strings.TrimSuffix(stem, ".test")
	return ok && stem != "" && len(name) <= 100 && strings.Trim(stem, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

func isTest(name string) bool { return strings.HasSuffix(name, TestSuffix) }

// Save is Edit for one file.
func (b *Book) Save(ctx context.Context, s Saving) (Reloaded, error) {
	e := s.edit()
	e.Files = Files{s.Name: s.Text}
	return b.Edit(ctx, e)
}

// Delete takes a file away, and a rule file's tests with it.
func (b *Book) Delete(ctx context.Context, s Saving) (Reloaded, error) {
	e := s.edit()
	e.Remove = []string{s.Name}
	return b.Edit(ctx, e)
}

// edited is what the audit keeps of a change: hashes, "" for no file.
type edited struct {
	Before  string `json:"before"`
	After   string `json:"after"`
	Version string `json:"set_version"`
	Failing int    `json:"failing_tests"`
}

// trial checks files and plays their tests.
func trial(files Files, problems []Problem) (failed []TestResult, err error) {
	results, problems := files.test(problems, nil)
	if len(problems) > 0 {
		return nil, &BadFilesError{problems}
	}
	for _, r := range results {
		if !r.OK {
			failed = append(failed, r)
		}
	}
	return failed, nil
}

// problemsBut leaves out those of files that are replaced.
func problemsBut(ps []Problem, replaced Files) (out []Problem) {
	for _, p := range ps {
		if _, ok := replaced[p.File]; !ok {
			out = append(out, p)
		}
	}
	return out
}

// syncDir makes the names in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
