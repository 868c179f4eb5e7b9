package rules

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Why a file is not saved.
var (
	ErrReadOnly = errors.New("the hub runs the rules in its binary: set rules.dir to a folder")
	ErrName     = errors.New("a rule file's name is small letters, digits, _ and -, and ends in .yaml or .test.yaml")
	ErrNoFile   = errors.New("there is no such file")
	ErrStale    = errors.New("the file has been changed since it was read")
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

// ValidFile reports whether a name can be one of a rule file or of its tests.
func ValidFile(name string) bool {
	stem, ok := strings.CutSuffix(name, ".yaml")
	stem = strings.TrimSuffix(stem, ".test")
	return ok && stem != "" && len(name) <= 100 && strings.Trim(stem, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

func isTest(name string) bool { return strings.HasSuffix(name, TestSuffix) }

// Save checks the whole folder with the changed file, plays its tests, writes the
// file and puts it in force.
func (b *Book) Save(ctx context.Context, s Saving) (Reloaded, error) {
	if len(s.Text) > maxFile {
		return Reloaded{}, &BadFilesError{[]Problem{tooLarge(s.Name)}}
	}
	return b.edit(ctx, s, func(files Files) (Files, error) { return files.With(Files{s.Name: s.Text}), nil })
}

// Delete takes a file away, and a rule file's tests with it.
func (b *Book) Delete(ctx context.Context, s Saving) (Reloaded, error) {
	return b.edit(ctx, s, func(files Files) (Files, error) {
		if _, ok := files[s.Name]; !ok {
			return nil, ErrNoFile
		}
		gone := []string{s.Name}
		if !isTest(s.Name) {
			gone = append(gone, strings.TrimSuffix(s.Name, ".yaml")+TestSuffix)
		}
		return files.Without(gone...), nil
	})
}

func (b *Book) edit(ctx context.Context, s Saving, change func(Files) (Files, error)) (Reloaded, error) {
	switch {
	case b.o.Dir == "":
		return Reloaded{}, ErrReadOnly
	case !ValidFile(s.Name):
		return Reloaded{}, ErrName
	}
	b.change.Lock()
	defer b.change.Unlock()
	before, problems := ReadFiles(b.folder())
	if before == nil {
		return Reloaded{}, &BadFilesError{problems}
	}
	if s.Match != "" && s.Match != FileHash(before[s.Name]) {
		return Reloaded{}, ErrStale
	}
	after, err := change(before)
	if err != nil {
		return Reloaded{}, err
	}
	failed, err := trial(after, problemsBut(problems, s.Name))
	if err != nil {
		return Reloaded{}, err
	}
	if len(failed) > 0 && !s.Force {
		return Reloaded{}, &TestsFailedError{failed}
	}
	if err := b.write(before, after); err != nil {
		return Reloaded{}, err
	}
	out, err := b.adopt(ctx, after, nil, s.Actor)
	if err != nil {
		return out, err
	}
	return out, b.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		return b.o.Audit.Audit(ctx, tx, s.Actor, "rules.file", s.Name, edited{FileHash(before[s.Name]), FileHash(after[s.Name]), out.Version, len(failed)})
	})
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

// problemsBut leaves out those of a file that is replaced.
func problemsBut(ps []Problem, name string) (out []Problem) {
	for _, p := range ps {
		if p.File != name {
			out = append(out, p)
		}
	}
	return out
}

// write brings the folder from before to after.
func (b *Book) write(before, after Files) error {
	for _, name := range after.Names() {
		if old, ok := before[name]; ok && old == after[name] {
			continue
		}
		if err := writeFile(filepath.Join(b.o.Dir, name), after[name]); err != nil {
			return fmt.Errorf("rules: write %s: %w", name, err)
		}
	}
	for _, name := range before.Names() {
		if _, stays := after[name]; stays {
			continue
		}
		if err := os.Remove(filepath.Join(b.o.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rules: remove %s: %w", name, err)
		}
	}
	return syncDir(b.o.Dir)
}

// writeFile puts a text in the place of a file at once, so that neither a crash
// nor a reader ever meets half of it.
func writeFile(path, text string) (err error) {
	mode := fs.FileMode(0o644)
	if i, err := os.Stat(path); err == nil {
		mode = i.Mode().Perm()
	}
	var name [6]byte
	if _, err := rand.Read(name[:]); err != nil {
		return err
	}
	tmp := path + "." + hex.EncodeToString(name[:]) + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp)
		}
	}()
	if _, err := f.WriteString(text); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// syncDir makes the names in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
