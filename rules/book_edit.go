package rules

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Edit is a change of files that belong together, such as a rule and what it
// depends on: it is made as a whole or not at all.
type Edit struct {
	Files  Files    // what they are to hold
	Remove []string // what is to go; a rule file takes its tests with it unless Files has them
	// Match says what a file must hold beforehand, by name: the hash of its text,
	// see FileHash, "" for no such file. What it does not name may be anything.
	Match map[string]string
	Force bool // also when tests fail
	Actor string
}

// Edit checks the whole folder as it would be, plays its tests, writes the files
// and puts them in force.
func (b *Book) Edit(ctx context.Context, e Edit) (Reloaded, error) {
	if err := b.mayEdit(&e); err != nil {
		return Reloaded{}, err
	}
	b.change.Lock()
	defer b.change.Unlock()
	before, problems := ReadFiles(b.folder())
	if before == nil {
		return Reloaded{}, &BadFilesError{problems}
	}
	after, err := e.applied(before)
	if err != nil {
		return Reloaded{}, err
	}
	failed, err := trial(after, problemsBut(problems, e.Files))
	if err != nil {
		return Reloaded{}, err
	}
	if len(failed) > 0 && !e.Force {
		return Reloaded{}, &TestsFailedError{failed}
	}
	if err := b.write(before, after); err != nil {
		return Reloaded{}, err
	}
	out, err := b.adopt(ctx, after, nil, e.Actor)
	if err != nil {
		return out, err
	}
	return out, b.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		for _, name := range e.names() {
			what := edited{FileHash(before[name]), FileHash(after[name]), out.Version, len(failed)}
			if err := b.o.Audit.Audit(ctx, tx, e.Actor, "rules.file", name, what); err != nil {
				return err
			}
		}
		return nil
	})
}

// names are the files that it writes or removes, in order.
func (e *Edit) names() []string {
	names := append(e.Files.Names(), e.Remove...)
	slices.Sort(names)
	return slices.Compact(names)
}

func (b *Book) mayEdit(e *Edit) error {
	names := e.names()
	switch {
	case b.o.Dir == "":
		return ErrReadOnly
	case len(names) == 0:
		return ErrNoChange
	}
	var large []Problem
	for _, name := range names {
		text, written := e.Files[name]
		switch {
		case !ValidFile(name):
			return fmt.Errorf("%q: %w", name, ErrName)
		case written && slices.Contains(e.Remove, name):
			return fmt.Errorf("%s: %w", name, ErrBoth)
		case len(text) > maxFile:
			large = append(large, tooLarge(name))
		}
	}
	if len(large) > 0 {
		return &BadFilesError{large}
	}
	return nil
}

// applied are the files as they will be.
func (e *Edit) applied(before Files) (Files, error) {
	for _, name := range slices.Sorted(maps.Keys(e.Match)) {
		if e.Match[name] != FileHash(before[name]) {
			return nil, fmt.Errorf("%s: %w", name, ErrStale)
		}
	}
	var gone []string
	for _, name := range e.Remove {
		if _, ok := before[name]; !ok {
			return nil, fmt.Errorf("%s: %w", name, ErrNoFile)
		}
		gone = append(gone, name)
		if !isTest(name) {
			gone = append(gone, strings.TrimSuffix(name, ".yaml")+TestSuffix)
		}
	}
	after := before.Without(gone...).With(e.Files)
	if len(after) > maxFiles {
		return nil, &BadFilesError{[]Problem{tooMany(len(after))}}
	}
	return after, nil
}

// write brings the folder from before to after. What is written stands on disk in
// full before the first file changes, and what fails midway is taken back, so that
// the folder is not left between the two.
func (b *Book) write(before, after Files) (err error) {
	var put []writing
	var gone []string
	defer func() {
		for _, w := range put {
			w.drop()
		}
	}()
	for _, name := range after.Names() {
		if old, ok := before[name]; ok && old == after[name] {
			continue
		}
		w, err := beginFile(filepath.Join(b.o.Dir, name), after[name])
		if err != nil {
			return fmt.Errorf("rules: write %s: %w", name, err)
		}
		put = append(put, w)
	}
	for _, name := range before.Names() {
		if _, stays := after[name]; !stays {
			gone = append(gone, name)
		}
	}
	if err := b.place(put, gone); err != nil {
		return errors.Join(err, b.takeBack(before, after))
	}
	return syncDir(b.o.Dir)
}

// place gives what has been written its names and removes what is gone.
func (b *Book) place(put []writing, gone []string) error {
	for _, w := range put {
		if err := w.place(); err != nil {
			return fmt.Errorf("rules: write %s: %w", filepath.Base(w.path), err)
		}
	}
	for _, name := range gone {
		if err := os.Remove(filepath.Join(b.o.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rules: remove %s: %w", name, err)
		}
	}
	return nil
}

// takeBack puts the folder as it was before a change that failed midway.
func (b *Book) takeBack(before, after Files) error {
	var all []error
	for _, name := range before.Names() {
		if text, ok := after[name]; ok && text == before[name] {
			continue
		}
		w, err := beginFile(filepath.Join(b.o.Dir, name), before[name])
		if err == nil {
			err = w.place()
		}
		all = append(all, err)
	}
	for _, name := range after.Names() {
		if _, was := before[name]; !was {
			if err := os.Remove(filepath.Join(b.o.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				all = append(all, err)
			}
		}
	}
	return errors.Join(all...)
}

// writing is a text that stands beside the file whose place it is to take, so that
// neither a crash nor a reader ever meets half of it.
type writing struct{ path, tmp string }

func beginFile(path, text string) (w writing, err error) {
	mode := fs.FileMode(0o644)
	if i, err := os.Stat(path); err == nil {
		mode = i.Mode().Perm()
	}
	var name [6]byte
	if _, err := rand.Read(name[:]); err != nil {
		return w, err
	}
	w = writing{path, path + "." + hex.EncodeToString(name[:]) + ".tmp"}
	f, err := os.OpenFile(w.tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return w, err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		w.drop()
	}
	return w, err
}

func (w writing) place() error { return os.Rename(w.tmp, w.path) }

// drop removes what has not taken its place.
func (w writing) drop() { _ = os.Remove(w.tmp) }
