package rules

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long the folder must be quiet before it is read: editors and
	// copying programs write in several steps.
	settle = 300 * time.Millisecond
	// lookAgain is for folders whose changes nobody tells: network file systems,
	// and those that were taken away and put back.
	lookAgain = 30 * time.Second
)

// Run watches the folder until ctx ends and puts what is good in force.
func (b *Book) Run(ctx context.Context) error {
	if b.o.Dir == "" {
		<-ctx.Done()
		return nil
	}
	told, stop := b.observe(ctx)
	defer stop()
	quiet := time.NewTimer(0) // what has changed since the start was read
	defer quiet.Stop()
	again := time.NewTicker(lookAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-told:
			b.differs()
			quiet.Reset(settle)
			continue
		case <-quiet.C:
		case <-again.C:
		}
		b.look(ctx)
	}
}

// look reloads; a bad file has been told of by Reload.
func (b *Book) look(ctx context.Context) {
	_, err := b.Reload(ctx, hubActor)
	if _, bad := errors.AsType[*BadFilesError](err); err != nil && !bad && ctx.Err() == nil {
		b.o.Log.ErrorContext(ctx, "rules not reloaded", "err", err)
	}
}

// differs notes that the folder is no longer known to be what is in force.
func (b *Book) differs() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.disk.state == Same {
		b.disk.state = Differs
	}
}

// observe tells of changes in the folder, as far as the system does.
func (b *Book) observe(ctx context.Context) (told <-chan struct{}, stop func()) {
	w, err := fsnotify.NewWatcher()
	if err == nil {
		err = w.Add(b.o.Dir)
	}
	if err != nil {
		b.o.Log.WarnContext(ctx, "changes in the rules' folder are not told; it is looked at now and then", "dir", b.o.Dir, "every", lookAgain, "err", err)
		if w != nil {
			_ = w.Close()
		}
		return nil, func() {}
	}
	out := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range w.Events {
			if !matters(e) {
				continue
			}
			select {
			case out <- struct{}{}:
			default:
			}
		}
	}()
	go func() { // ends when the watcher is closed
		for err := range w.Errors {
			b.o.Log.WarnContext(ctx, "watching the rules' folder", "err", err)
		}
	}()
	return out, func() {
		_ = w.Close()
		<-done
	}
}

// matters leaves out temporary files and mere accesses. A name without .yaml may
// be a link to the whole folder, as containers have it.
func matters(e fsnotify.Event) bool {
	return e.Op&^fsnotify.Chmod != 0 && !strings.HasSuffix(e.Name, ".tmp") && !strings.HasSuffix(e.Name, "~") && !strings.HasSuffix(e.Name, ".swp")
}
