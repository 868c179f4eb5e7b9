package rules

import (
	"context"
	"database/sql"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

// Auditor keeps the trace of who did what, in the transaction.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// BookOptions say where the rules are written and who goes on with them.
type BookOptions struct {
	Dir     string // the folder; "": Builtin, which nobody can change
	Builtin fs.FS

	// Swap goes on with another set, between two events, and says how long the
	// judgement stood still. With an error the old set goes on.
	Swap  func(ctx context.Context, set *Set) (still time.Duration, err error)
	DB    *db.DB
	Store *Store
	Feed  *web.Feed
	Audit Auditor
	Log   *slog.Logger     // may be nil
	Now   func() time.Time // nil: time.Now
}

// Book is the rules as they are written: those in force and those on disk, which
// are the same but for the moment between a change and its check, and while a
// file on disk is bad. A bad file never touches what is in force.
//
// All methods may be called from any goroutine; changes come one after the other.
type Book struct {
	o BookOptions

	change sync.Mutex // held over a whole change; taken before mu

	mu    sync.Mutex
	force edition
	disk  disk
	stats bookStats
}

// edition is a set with the texts that it was made of.
type edition struct {
	set     *Set
	files   Files
	version string
	at      time.Time // in force from
}

// DiskState says how the folder stands to what is in force.
type DiskState string

// The states of the folder.
const (
	Same    DiskState = "same"    // what is on disk is in force
	Differs DiskState = "differs" // it is good, or not yet looked at, and not in force
	Bad     DiskState = "bad"     // it can't be put in force
)

type disk struct {
	state    DiskState
	problems []Problem
}

type bookStats struct {
	ok    bool          // the last reload was one
	since time.Time     // of the last that was
	still time.Duration // how long the judgement stood still for it
}

// OpenBook reads and checks the rules; with problems there is no book. Note what
// is in force with Begin.
func OpenBook(o BookOptions) (*Book, []Problem) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	b := &Book{o: o}
	files, problems := ReadFiles(b.folder())
	set, problems := files.rules().load(rulesOnly(problems))
	if len(problems) > 0 {
		return nil, problems
	}
	b.force = edition{set, files, files.Version(), b.now()}
	b.disk.state = Same
	b.stats = bookStats{ok: true, since: b.force.at}
	return b, nil
}

func (b *Book) now() time.Time { return b.o.Now().UTC().Truncate(time.Millisecond) }

func (b *Book) folder() fs.FS {
	if b.o.Dir == "" {
		return b.o.Builtin
	}
	return os.DirFS(b.o.Dir)
}

// Begin notes the set of the start among those that have been in force.
func (b *Book) Begin(ctx context.Context) error {
	last, err := b.o.Store.lastSet(ctx)
	now := b.inForce()
	if err != nil || last == now.version {
		return err
	}
	return b.o.DB.Tx(ctx, func(tx *sql.Tx) error { return b.o.Store.keepSet(ctx, tx, now.at, hubActor, now.files) })
}

// hubActor is who changes what no person changed.
const hubActor = "hub"

// Set is what is in force.
func (b *Book) Set() *Set { return b.inForce().set }

// Files are the texts in force.
func (b *Book) Files() Files { return b.inForce().files }

func (b *Book) inForce() edition {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.force
}

// BookState is how the book stands, for people.
type BookState struct {
	LoadedAt time.Time     `json:"loaded_at" doc:"in force from"`
	Version  string        `json:"set_version" doc:"hash of the rule files in force"`
	Disk     DiskState     `json:"disk" enum:"same,differs,bad" doc:"how the folder stands to what is in force"`
	Problems []RuleProblem `json:"problems" doc:"why the files on disk can't be put in force"`
	Writable bool          `json:"writable" doc:"the hub has a folder (rules.dir), so that files can be changed"`
}

// State tells how the book stands.
func (b *Book) State() BookState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return BookState{
		LoadedAt: b.force.at, Version: b.force.version, Disk: b.disk.state,
		Problems: shownProblems(b.disk.problems), Writable: b.o.Dir != "",
	}
}

// rulesOnly leaves the problems of test files out: they keep no rule from judging.
func rulesOnly(ps []Problem) (out []Problem) {
	for _, p := range ps {
		if !isTest(p.File) {
			out = append(out, p)
		}
	}
	return out
}
