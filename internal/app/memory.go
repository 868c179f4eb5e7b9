package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"dongyue/internal/event"
	"dongyue/rules"
)

// saveEvery is how often the engine's windows go to disk. What has been judged
// since is read from the journal again, so after a crash nothing is missing; it
// only keeps that reading short.
const saveEvery = 30 * time.Second

// book is the journal as memory needs it.
type book interface {
	Append(e event.Event, done func(seq uint64, dup bool, err error))
	Follow(ctx context.Context, after uint64, limit int, f func([]event.Event) error) error
	Last() uint64
}

// memory keeps what the engine remembers beside its states – windows, silences –
// over a restart, and tells the engine when the hub listens again.
type memory struct {
	path    string
	engine  *rules.Engine
	journal book
	log     *slog.Logger
	judged  func() uint64 // the checkpoint
	start   event.Event   // tells that the hub listens again
	brief   atomic.Bool   // there is nothing to tell: the first start, or hardly away
	woke    atomic.Uint64 // number of start; 0: not yet written
	refused atomic.Bool   // the journal has not taken it
}

const (
	// madeUp is how many events make up for a file that is not there or can't be
	// used; to show them to the engine takes about a second.
	madeUp = 200_000
	// shortAway is a restart that no rule about silence needs to know of.
	shortAway = 5 * time.Second
)

// restore loads the windows and makes up for the events behind them, up to the
// checkpoint. A file that can't be used is no reason not to start: then the newest
// events of the journal have to do.
func (m *memory) restore(ctx context.Context, checkpoint uint64) error {
	seq, err := m.load(checkpoint)
	if err != nil {
		if seq = 0; checkpoint > madeUp {
			seq = checkpoint - madeUp
		}
		if !errors.Is(err, fs.ErrNotExist) {
			m.log.WarnContext(ctx, "the windows of the rules are made up from the journal", "path", m.path, "after_seq", seq, "err", err)
		}
	}
	if err := m.replay(ctx, seq, checkpoint); err != nil {
		return fmt.Errorf("windows of the rules: %w", err)
	}
	return nil
}

// errAhead is a file of windows beside an older database.
var errAhead = errors.New("belongs to another database: it is ahead of this one")

func (m *memory) load(checkpoint uint64) (uint64, error) {
	text, err := os.ReadFile(m.path)
	if err != nil {
		return 0, err
	}
	seq, err := rules.WindowsSeq(text)
	if err != nil {
		return 0, err
	}
	if seq > checkpoint {
		return 0, errAhead
	}
	return m.engine.LoadWindows(bytes.NewReader(text))
}

// errReached ends the reading of the journal.
var errReached = errors.New("reached the checkpoint")

// replay shows the engine what it has judged since the windows were saved.
func (m *memory) replay(ctx context.Context, after, upTo uint64) error {
	if after >= upTo || after >= m.journal.Last() {
		return nil
	}
	err := m.journal.Follow(ctx, after, batchLimit, func(evs []event.Event) error {
		for i := range evs {
			if evs[i].Seq > upTo {
				m.engine.Observe(evs[:i])
				return errReached
			}
		}
		m.engine.Observe(evs)
		if last := evs[len(evs)-1].Seq; last >= upTo || last >= m.journal.Last() {
			return errReached
		}
		return nil
	})
	if errors.Is(err, errReached) {
		return nil
	}
	return err
}

// awake puts into the journal that the hub listens again, and since when it did
// not. Called before the doors open, it comes before all that devices say from
// here on, and in a replay too: so no silence of the meantime is held against
// them. The first start has no meantime, and a quick restart hardly one: then the
// journal has only what devices sent.
func (m *memory) awake() {
	now, since := time.Now().UTC().Truncate(time.Millisecond), m.engine.Clock()
	if since.IsZero() || now.Sub(since) <= shortAway {
		m.brief.Store(true)
		return
	}
	said := map[string]any{"online": true, "away_since": since}
	data, err := json.Marshal(said)
	if err != nil { // texts and times always encode
		return
	}
	m.start = event.Event{
		Device: event.HubDevice, Kind: event.Hub, Channel: event.Presence, Type: string(event.Presence), At: now, ReceivedAt: now, Data: data,
	}
	m.journal.Append(m.start, func(seq uint64, _ bool, err error) {
		m.woke.Store(seq)
		m.refused.Store(err != nil)
	})
}

// listening reports whether the engine has heard that the hub listens again.
func (m *memory) listening() bool {
	seq := m.woke.Load()
	return m.brief.Load() || seq > 0 && m.judged() >= seq
}

// remember puts the engine's windows on disk, between two transactions.
func (j *judge) remember(ctx context.Context) {
	var b bytes.Buffer
	j.mu.Lock()
	err := j.engine.SaveWindows(&b)
	j.mu.Unlock()
	if err == nil {
		err = replace(j.memory.path, b.Bytes())
	}
	if err != nil {
		j.log.WarnContext(ctx, "the windows of the rules were not saved", "path", j.memory.path, "err", err)
	}
}

// replace writes a file anew: after a crash it is the old one or the new one.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
