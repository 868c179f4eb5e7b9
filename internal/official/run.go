package official

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dongyue/internal/cap"
)

// look is how often the folder is looked at.
const look = 500 * time.Millisecond

// whole is how long a file may still be written to.
const whole = 5 * time.Second

// Run acts on what a crash left, watches the folder and empties the outbox. It returns
// nil when ctx ends.
func (o *Official) Run(ctx context.Context) error {
	left, err := o.entries(ctx, `WHERE state = ? ORDER BY seq`, string(Received))
	if err != nil {
		return err
	}
	for i := range left {
		if _, err := o.act(ctx, left[i]); err != nil && ctx.Err() == nil {
			o.log.ErrorContext(ctx, "official message was not acted on", "message_id", left[i].ID, "err", err)
		}
	}
	done := make(chan struct{})
	defer func() { <-done }()
	go func() {
		defer close(done)
		o.outgoing(ctx)
	}()
	if o.o.Folder == "" {
		<-ctx.Done()
		return nil
	}
	for _, d := range []string{"", "done", "refused"} {
		if err := os.MkdirAll(filepath.Join(o.o.Folder, d), 0o700); err != nil {
			return fmt.Errorf("official.folder: %w", err)
		}
	}
	t := time.NewTicker(look)
	defer t.Stop()
	for {
		if err := o.folder(ctx); err != nil && ctx.Err() == nil {
			o.log.ErrorContext(ctx, "official folder", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// outgoing empties the outbox.
func (o *Official) outgoing(ctx context.Context) {
	for ctx.Err() == nil {
		rest, err := o.deliver(ctx)
		if err != nil && ctx.Err() == nil {
			o.log.ErrorContext(ctx, "official outbox", "err", err)
			rest = time.Second
		}
		t := time.NewTimer(rest)
		select {
		case <-ctx.Done():
		case <-o.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// folder takes the messages that lie in it, the oldest first.
func (o *Official) folder(ctx context.Context) error {
	entries, err := os.ReadDir(o.o.Folder)
	if err != nil {
		return err
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
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the hub stops; the file stays
		}
		if err := o.file(ctx, f.name, f.at); err != nil {
			return err
		}
	}
	return nil
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

// file takes one message and puts the file away.
func (o *Official) file(ctx context.Context, name string, at time.Time) error {
	path := filepath.Join(o.o.Folder, name)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(f, cap.MaxBytes+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if len(raw) <= cap.MaxBytes && !ended(raw) {
		if time.Since(at) < whole {
			return nil // it is being written
		}
	}
	e, err := o.Receive(ctx, raw, "folder")
	if err != nil {
		return err
	}
	to := "done"
	if e.State == Refused || e.State == Replayed {
		to = "refused"
	}
	return os.Rename(path, filepath.Join(o.o.Folder, to, e.ID+"-"+name))
}
