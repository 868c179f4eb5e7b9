package official

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"dongyue/internal/cap"
)

// Folders below the one that is watched.
const (
	taken   = "taken" // a message is in them before it is looked at, under its id, and after it until it is put away
	done    = "done"
	refused = "refused"
)

// whole is how long a file may still be written to.
const whole = 5 * time.Second

// idBytes is the length of an id; in front of the name it is that of the entry.
const idBytes = 36

// maxName keeps the name with its id within what a file may be called (255 bytes).
const maxName = 200

// folder takes the messages that lie in it, the oldest first. One that can't be taken
// holds back no other.
func (o *Official) folder(ctx context.Context) error {
	left, err := os.ReadDir(filepath.Join(o.o.Folder, taken))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var problems []error
	for _, e := range left { // ids are in the order of time
		if ctx.Err() == nil && e.Type().IsRegular() {
			problems = append(problems, o.putAway(ctx, e.Name()))
		}
	}
	entries, err := os.ReadDir(o.o.Folder)
	if err != nil {
		return errors.Join(append(problems, err)...)
	}
	type file struct {
		name string
		at   time.Time
	}
	var files []file
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.EqualFold(filepath.Ext(e.Name()), ".xml") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		files = append(files, file{e.Name(), info.ModTime()})
	}
	slices.SortFunc(files, func(a, b file) int { return a.at.Compare(b.at) })
	for _, f := range files {
		if ctx.Err() == nil { // else the hub stops; the file stays
			problems = append(problems, o.file(ctx, f.name, f.at))
		}
	}
	return errors.Join(problems...)
}

// ended reports whether a file is there to the end of its root: one that is being written
// may stop at any other >.
func ended(raw []byte) bool {
	s := strings.TrimRight(string(raw), " \t\r\n")
	i := strings.LastIndex(s, "</")
	if i < 0 || !strings.HasSuffix(s, ">") {
		return false
	}
	last := strings.TrimSpace(s[i+2 : len(s)-1])
	for j := 0; j+1 < i; j++ {
		if c := s[j+1]; s[j] == '<' && c != '?' && c != '!' {
			root := s[j+1:]
			return root[:strings.IndexAny(root, " \t\r\n/>")] == last
		}
	}
	return false
}

// read is a file, as far as it can be a message.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, cap.MaxBytes+1))
	return raw, errors.Join(err, f.Close())
}

// file takes one message. It is moved under its id before it is looked at: a hub that is
// killed in the middle, or can't move it away, finds the same message there and no replay.
func (o *Official) file(ctx context.Context, name string, at time.Time) error {
	path := filepath.Join(o.o.Folder, name)
	raw, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(raw) <= cap.MaxBytes && !ended(raw) && time.Since(at) < whole {
		return nil // it is being written
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	if len(name) > maxName { // its end says what it is
		name = strings.ToValidUTF8(name[len(name)-maxName:], "")
	}
	if err := o.move(path, taken, id.String()+"-"+name); err != nil {
		return err
	}
	return o.putAway(ctx, id.String()+"-"+name)
}

// putAway does what a message says that was taken, once, and moves it to where it belongs.
func (o *Official) putAway(ctx context.Context, name string) error {
	if len(name) <= idBytes || uuid.Validate(name[:idBytes]) != nil {
		return fmt.Errorf("official.folder: %s/%.80q was not put there by the hub", taken, name)
	}
	id, path := name[:idBytes], filepath.Join(o.o.Folder, taken, name)
	known, err := o.entries(ctx, `WHERE id = ?`, id)
	if err != nil {
		return err
	}
	if len(known) == 0 {
		raw, err := read(path)
		if err != nil {
			return err
		}
		e, err := o.receive(ctx, id, raw, "folder")
		if err != nil {
			return err
		}
		known = append(known, e)
	}
	if s := known[0].State; s == Refused || s == Replayed {
		return o.move(path, refused, name)
	}
	return o.move(path, done, name)
}

// move puts a file into a folder below, which somebody may have tidied away.
func (o *Official) move(path, to, name string) error {
	dir := filepath.Join(o.o.Folder, to)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("official.folder: %w", err)
	}
	if err := os.Rename(path, filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("official.folder: %w", err)
	}
	for _, d := range []string{dir, filepath.Dir(path)} { // also where the power goes
		if f, err := os.Open(d); err == nil {
			_ = f.Sync() // some network disks have no such thing
			_ = f.Close()
		}
	}
	return nil
}
