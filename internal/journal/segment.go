package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	segmentBytes = 64 << 20       // a file is not begun anew before it has this
	segmentAge   = 24 * time.Hour // … or this, so that the retention finds whole files
	magic        = "dyjrnl1\n"    // at the beginning of each file
)

// segment is one file: its records have the numbers from first on, up to the
// next file's.
type segment struct {
	first uint64
	path  string
	size  int64 // what may be read; of the newest file it grows with each commit
}

// segments are the files of the journal. The newest one is written to by the
// committer only; all may be read by anyone up to their size.
type segments struct {
	dir  string
	log  *slog.Logger
	max  int64
	held *os.File // the lock

	mu   sync.Mutex
	list []segment // by number

	f     *os.File // the newest file; nil until the next write
	size  int64
	begun time.Time
}

// openSegments reads the folder, cuts a torn tail off and returns the newest
// number, 0 for none.
func openSegments(dir string, limit int64, log *slog.Logger) (s *segments, last uint64, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, 0, err
	}
	s = &segments{dir: dir, max: limit, log: log}
	if s.held, err = hold(filepath.Join(dir, "lock")); err != nil {
		return nil, 0, err
	}
	if err := s.read(); err != nil {
		return nil, 0, errors.Join(err, s.held.Close())
	}
	if last, err = s.recover(); err != nil {
		return nil, 0, errors.Join(err, s.close())
	}
	return s, last, nil
}

// read lists the files; others in the folder are left alone.
func (s *segments) read() error {
	names, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	s.list = nil
	for _, n := range names {
		digits, ok := strings.CutSuffix(n.Name(), ".seg")
		first, err := strconv.ParseUint(digits, 10, 64)
		if !ok || err != nil || len(digits) != 20 {
			continue
		}
		info, err := n.Info()
		if err != nil {
			return err
		}
		s.list = append(s.list, segment{first, filepath.Join(s.dir, n.Name()), info.Size()})
	}
	slices.SortFunc(s.list, func(a, b segment) int { return cmp.Compare(a.first, b.first) })
	return nil
}

// recover makes the newest file fit to be continued.
func (s *segments) recover() (last uint64, err error) {
	if len(s.list) == 0 {
		return 0, nil
	}
	newest := &s.list[len(s.list)-1]
	b, err := os.ReadFile(newest.path)
	if err != nil {
		return 0, err
	}
	found := survey(b)
	last = max(found.last, newest.first-1)
	for _, d := range found.damage {
		s.log.Error("journal is damaged: a place that was on disk can't be read", "path", newest.path, "offset", d.at, "bytes", d.size)
	}
	if len(found.damage) > 0 || found.end == 0 && len(b) > 0 {
		if found.end == 0 && allZero(b) { // made, and never written before the power went
			return last, s.remove(newest)
		}
		if found.end == 0 {
			s.log.Error("journal is damaged: not a segment", "path", newest.path)
		}
		return last, nil // it stays as it is; the next write begins a new file
	}
	if int64(len(b)) == 0 {
		return last, s.remove(newest)
	}
	f, err := os.OpenFile(newest.path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	if found.end < int64(len(b)) {
		s.log.Warn("journal: torn tail cut, nothing of it had been acknowledged", "path", newest.path, "bytes", int64(len(b))-found.end)
		if err := f.Truncate(found.end); err != nil {
			return 0, errors.Join(err, f.Close())
		}
	}
	if err := f.Sync(); err != nil {
		return 0, errors.Join(err, f.Close())
	}
	s.f, s.size, s.begun, newest.size = f, found.end, time.Now(), found.end
	return last, nil
}

func allZero(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}

// remove takes a file without records away, so that its name is free again.
func (s *segments) remove(g *segment) error {
	s.list = s.list[:len(s.list)-1]
	if err := os.Remove(g.path); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// append writes a group that begins with the number first and waits for the
// disk. After an error it must not be called again: what the disk has is not
// known then, and a second fdatasync may report success for pages that are lost.
func (s *segments) append(first uint64, group func(start int64) []byte) error {
	if s.f != nil && (s.size >= s.max || time.Since(s.begun) > segmentAge) {
		if err := s.f.Close(); err != nil { // all of it has been synced
			return err
		}
		s.f = nil
	}
	if s.f == nil {
		if err := s.begin(first); err != nil {
			return err
		}
	}
	b := group(s.size)
	if _, err := s.f.WriteAt(b, s.size); err != nil {
		_ = s.f.Truncate(s.size) // nothing of it is acknowledged; if it can't be cut now, the start does it
		return err
	}
	if err := flush(s.f); err != nil {
		return err
	}
	s.size += int64(len(b))
	s.mu.Lock()
	s.list[len(s.list)-1].size = s.size
	s.mu.Unlock()
	return nil
}

// begin makes a new file; it is the newest from then on, also after a crash.
func (s *segments) begin(first uint64) error {
	path := filepath.Join(s.dir, fmt.Sprintf("%020d.seg", first))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte(magic), 0); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), syncDir(s.dir)); err != nil {
		return errors.Join(err, f.Close())
	}
	s.f, s.size, s.begun = f, int64(len(magic)), time.Now()
	s.mu.Lock()
	s.list = append(s.list, segment{first, path, s.size})
	s.mu.Unlock()
	return nil
}

// syncDir makes the names in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// holding returns the file in which number seq is or would be, and the number at
// which the next file begins (0: there is none).
func (s *segments) holding(seq uint64) (g segment, next uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := slices.BinarySearchFunc(s.list, seq, func(g segment, seq uint64) int { return cmp.Compare(g.first, seq) })
	if !found {
		i = max(i-1, 0)
	}
	if i >= len(s.list) {
		return segment{}, 0, false
	}
	if i+1 < len(s.list) {
		next = s.list[i+1].first
	}
	return s.list[i], next, true
}

// drop deletes the files of which gone says so, oldest first, up to the first
// that stays; never the newest.
func (s *segments) drop(gone func(g segment, last uint64) (bool, error)) error {
	for {
		s.mu.Lock()
		if len(s.list) < 2 {
			s.mu.Unlock()
			return nil
		}
		g, last := s.list[0], s.list[1].first-1
		s.mu.Unlock()
		if yes, err := gone(g, last); err != nil || !yes {
			return err
		}
		s.mu.Lock()
		s.list = slices.Delete(s.list, 0, 1)
		s.mu.Unlock()
		if err := os.Remove(g.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}

func (s *segments) close() (err error) {
	if s.f != nil {
		err = s.f.Close()
		s.f = nil
	}
	return errors.Join(err, s.held.Close())
}
