package rules

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// BadFilesError is why files were not put in force; the set of before goes on.
type BadFilesError struct{ Problems []Problem }

// Error names the first problem.
func (e *BadFilesError) Error() string {
	if len(e.Problems) == 1 {
		return e.Problems[0].String()
	}
	return fmt.Sprintf("%s (and %d more)", e.Problems[0], len(e.Problems)-1)
}

// Reloaded is what a reload did.
type Reloaded struct {
	Changed  bool      `json:"changed" doc:"another set is in force now"`
	Version  string    `json:"set_version"`
	LoadedAt time.Time `json:"loaded_at"`
	Rules    int       `json:"rules"`
	StillMS  float64   `json:"still_ms" doc:"how long the judgement stood still for it, ms"`
}

// RulesChange is an entry of the feed: what happened to the rules.
type RulesChange struct {
	Change string `json:"change" doc:"swapped, or refused"`
	Actor  string `json:"actor"`
	BookState
}

// Reload reads the folder, checks it, and puts it in force when it is good and
// another one; all of it beside the judgement but the swap itself.
func (b *Book) Reload(ctx context.Context, actor string) (Reloaded, error) {
	b.change.Lock()
	defer b.change.Unlock()
	if b.o.Dir == "" {
		return b.reloaded(false, 0), nil
	}
	files, problems := ReadFiles(b.folder())
	return b.adopt(ctx, files, rulesOnly(problems), actor)
}

// adopt puts files in force. The caller holds b.change.
func (b *Book) adopt(ctx context.Context, files Files, problems []Problem, actor string) (Reloaded, error) {
	version := files.Version()
	if len(problems) == 0 && version == b.inForce().version {
		b.mu.Lock()
		b.force.files, b.disk = files, disk{state: Same} // tests may be others
		b.stats.ok = true
		b.mu.Unlock()
		return b.reloaded(false, 0), nil
	}
	set, problems := files.rules().load(problems)
	if len(problems) > 0 {
		return Reloaded{}, b.refuse(ctx, problems, actor)
	}
	still, err := b.o.Swap(ctx, set)
	if err != nil {
		b.mu.Lock()
		b.disk, b.stats.ok = disk{state: Differs}, false
		b.mu.Unlock()
		return Reloaded{}, fmt.Errorf("rules: put another set in force: %w", err)
	}
	now := edition{set, files, version, b.now()}
	b.mu.Lock()
	b.force, b.disk = now, disk{state: Same}
	b.stats = bookStats{ok: true, since: now.at, still: still}
	b.mu.Unlock()
	b.o.Log.InfoContext(ctx, "rules in force", "version", version, "rules", len(set.Rules), "actor", actor, "still_ms", still.Milliseconds())
	err = b.note(ctx, RulesChange{Change: "swapped", Actor: actor, BookState: b.State()}, func(tx *sql.Tx) error {
		return errors.Join(b.o.Store.keepSet(ctx, tx, now.at, actor, files), b.o.Audit.Audit(ctx, tx, actor, "rules.reload", version, map[string]any{"rules": len(set.Rules)}))
	})
	return b.reloaded(true, still), err
}

func (b *Book) reloaded(changed bool, still time.Duration) Reloaded {
	now := b.inForce()
	return Reloaded{changed, now.version, now.at, len(now.set.Rules), float64(still.Microseconds()) / 1000}
}

// refuse keeps why the disk is not in force; it tells of it once.
func (b *Book) refuse(ctx context.Context, problems []Problem, actor string) error {
	b.mu.Lock()
	again := b.disk.state == Bad && slices.Equal(b.disk.problems, problems)
	b.disk = disk{Bad, problems}
	b.stats.ok = false
	b.mu.Unlock()
	bad := &BadFilesError{problems}
	if again {
		return bad
	}
	b.o.Log.WarnContext(ctx, "rules on disk are bad, the set in force goes on", "dir", b.o.Dir, "problems", len(problems), "first", problems[0].String())
	if err := b.note(ctx, RulesChange{Change: "refused", Actor: actor, BookState: b.State()}, nil); err != nil {
		b.o.Log.WarnContext(ctx, "feed not told of bad rules", "err", err)
	}
	return bad
}

// note tells the feed, with what else belongs to it in one transaction.
func (b *Book) note(ctx context.Context, c RulesChange, more func(tx *sql.Tx) error) error {
	err := b.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		if more != nil {
			if err := more(tx); err != nil {
				return err
			}
		}
		_, err := b.o.Feed.Append(ctx, tx, "rules", c)
		return err
	})
	if err != nil {
		return fmt.Errorf("rules: note the change: %w", err)
	}
	return b.o.Feed.Committed(ctx)
}

// Err is why the folder is not in force; for the hub's health.
func (b *Book) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.disk.state {
	case Bad:
		return fmt.Errorf("the files in %s are not in force: %w", b.o.Dir, &BadFilesError{b.disk.problems})
	case Differs:
		return fmt.Errorf("the files in %s are not in force yet", b.o.Dir)
	case Same:
	}
	return nil
}
