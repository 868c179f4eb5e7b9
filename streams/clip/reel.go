package clip

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// A reel is left at this size or age, so that deleting old clips gives space back.
	reelBytes = 64 << 20
	reelAge   = 5 * time.Minute
	// reserve is what stays free on the disk for the hub's databases, in bytes.
	reserve = 256 << 20
)

const reelExt = ".mp4"

// Codes of what ends a clip early.
const (
	problemDisk   = "clip.disk"      // it could not be written
	problemFull   = "clip.disk_full" // no space left
	problemSlow   = "clip.disk_slow" // the disk takes less than the camera sends
	problemCodec  = "clip.codec"     // the pictures can't be put into a file
	problemGone   = "clip.camera"    // the camera was deleted or set anew
	problemEmpty  = "clip.empty"     // no picture came
	problemSpoilt = "clip.damaged"   // the disk does not give back what was written
)

var errFull = errors.New("the disk has less than 256 MiB left")

// reel is a file of one camera's fragments. It belongs to one writer.
type reel struct {
	name  string // in the camera's folder
	f     *os.File
	size  int64
	began time.Time
}

// newReel makes the file and its header. It may lie beyond what a sudden end leaves
// behind, so folder and file are synced.
func newReel(dir, name string, head []byte, now time.Time) (_ *reel, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make reel: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make reel: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(head); err != nil {
		return nil, fmt.Errorf("write reel: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	return &reel{name: name, f: f, size: int64(len(head)), began: now}, nil
}

// append writes pieces behind each other and syncs them. When it fails, the file
// ends where it ended before.
func (r *reel) append(ps []*piece, data [][]byte) (err error) {
	size := r.size
	defer func() {
		if err != nil {
			err = errors.Join(err, r.f.Truncate(r.size))
		}
	}()
	for i, p := range ps {
		p.reel, p.at, p.sum = r.name, size, sha256.Sum256(data[i])
		if _, err := r.f.WriteAt(data[i], size); err != nil {
			return fmt.Errorf("write reel: %w", err)
		}
		size += p.size
	}
	if err := r.f.Sync(); err != nil {
		return fmt.Errorf("sync reel: %w", err)
	}
	r.size = size
	return nil
}

func (r *reel) spent(now time.Time) bool { return r.size > reelBytes || now.Sub(r.began) > reelAge }

// syncDir makes new names in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

// A reel is named by when its session began and its number in it.
const sessionForm = "20060102T150405.000"

func reelName(session string, n int) string { return fmt.Sprintf("%s-%04d%s", session, n, reelExt) }

// sessionOf takes a reel's name apart; ok is false for other files.
func sessionOf(name string) (session string, n int, ok bool) {
	rest, ok := strings.CutSuffix(name, reelExt)
	if !ok {
		return "", 0, false
	}
	session, number, ok := strings.Cut(rest, "-")
	if !ok {
		return "", 0, false
	}
	if _, err := time.Parse(sessionForm, session); err != nil {
		return "", 0, false
	}
	if _, err := fmt.Sscanf(number, "%d", &n); err != nil || reelName(session, n) != name {
		return "", 0, false
	}
	return session, n, true
}

// reelsIn lists the reels of a camera, the oldest first.
func reelsIn(dir string) (names []string, err error) {
	es, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list reels: %w", err)
	}
	for _, e := range es {
		if _, _, ok := sessionOf(e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, byAge)
	return names, nil
}

// byAge orders reels by session and number: after 9999 the names alone would not.
func byAge(a, b string) int {
	as, an, _ := sessionOf(a)
	bs, bn, _ := sessionOf(b)
	return cmp.Or(cmp.Compare(as, bs), cmp.Compare(an, bn))
}
