package official

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// look is how often the folder is looked at.
const look = 500 * time.Millisecond

// Run acts on what a crash left, watches the folder and empties the outbox. It returns
// nil when ctx ends.
func (o *Official) Run(ctx context.Context) error {
	if o.o.Folder != "" {
		for _, d := range []string{"", taken, done, refused} {
			if err := os.MkdirAll(filepath.Join(o.o.Folder, d), 0o700); err != nil {
				return fmt.Errorf("official.folder: %w", err)
			}
		}
	}
	o.unfinished.Store(true)
	ended := make(chan struct{})
	defer func() { <-ended }()
	go func() {
		defer close(ended)
		o.outgoing(ctx)
	}()
	t := time.NewTicker(look)
	defer t.Stop()
	said := ""
	for {
		switch err := o.incoming(ctx); {
		case err == nil:
			said = ""
		case ctx.Err() == nil && err.Error() != said: // once, not twice a second
			said = err.Error()
			o.log.ErrorContext(ctx, "official messages wait", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// incoming does what is left to do: messages that were stored and not acted on, and those
// in the folder.
func (o *Official) incoming(ctx context.Context) (err error) {
	if o.unfinished.CompareAndSwap(true, false) {
		err = o.resume(ctx)
	}
	if o.o.Folder != "" {
		err = errors.Join(err, o.folder(ctx))
	}
	return err
}

// resume acts on what was believed and not acted on, after a crash or a failure.
func (o *Official) resume(ctx context.Context) error {
	left, err := o.entries(ctx, `WHERE state = ? ORDER BY seq`, string(Received))
	for i := range left {
		if ctx.Err() != nil {
			break
		}
		if _, failed := o.finish(ctx, left[i].ID); failed != nil {
			err = errors.Join(err, fmt.Errorf("official message %s: %w", left[i].ID, failed))
		}
	}
	if err != nil {
		o.unfinished.Store(true)
	}
	return err
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
