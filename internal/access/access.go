package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Commander orders a command to a device.
type Commander interface {
	// Command stores and sends it. ttl is how long it is good; key makes repeats
	// harmless; ref names what it answers.
	Command(ctx context.Context, device, typ string, args any, ttl time.Duration, key, actor, ref string) (id string, err error)
}

// Commands tells what became of a command. ok is false for one that does not
// exist.
type Commands interface {
	State(ctx context.Context, command string) (actor, status, problem string, ok bool, err error)
}

// Doors knows the doors. Both methods are asked for every badge and must answer
// from memory.
type Doors interface {
	DoorsIn(zone string) []Door
	Door(id string) (Door, bool)
}

// Auditor keeps the trace of who did what, in the transaction when there is one.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// Options of New; all are needed but Commands, Key and Location.
type Options struct {
	DB        *db.DB
	Feed      *web.Feed
	Log       *slog.Logger
	Commander Commander
	Commands  Commands // nil: residents are told that the order went out, not how it ended
	Doors     Doors
	Audit     Auditor

	// Key hashes card values. Kept apart from the database it protects them even
	// when the file is stolen: ten digits alone are quickly tried out. Without it
	// the room makes a key and keeps it in the database.
	Key []byte
	// Location is the time zone of schedules. Default UTC+8, which China keeps
	// all year.
	Location *time.Location
}

// Access is the room.
type Access struct {
	db    *db.DB
	feed  *web.Feed
	log   *slog.Logger
	cmd   Commander
	said  Commands
	doors Doors
	audit Auditor
	key   []byte
	loc   *time.Location

	change sync.Mutex // held over a change's transaction and its arrival in the index; taken before mu

	mu sync.RWMutex
	ix *index

	pending pending // of the follower that calls Handle
	tries   map[string]tries
	pace    pace
}

// New brings the tables up to date and builds the index.
func New(o Options) (*Access, error) {
	if o.DB == nil || o.Feed == nil || o.Log == nil || o.Commander == nil || o.Doors == nil || o.Audit == nil {
		return nil, errors.New("access: options need DB, Feed, Log, Commander, Doors and Audit")
	}
	if o.Location == nil {
		o.Location = time.FixedZone("UTC+8", 8*60*60)
	}
	x := &Access{
		db: o.DB, feed: o.Feed, log: o.Log, cmd: o.Commander, said: o.Commands, doors: o.Doors, audit: o.Audit,
		key: o.Key, loc: o.Location, tries: map[string]tries{}, pace: newPace(),
	}
	ctx := context.Background()
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	if err := x.db.Migrate(ctx, "access", dir); err != nil {
		return nil, err
	}
	if len(x.key) == 0 {
		if x.key, err = x.ownKey(ctx); err != nil {
			return nil, err
		}
	}
	return x, x.reload(ctx)
}

// ownKey reads the key in the database, or makes it.
func (x *Access) ownKey(ctx context.Context) (key []byte, err error) {
	err = x.db.Tx(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT value FROM access_meta WHERE name = 'card_key'").Scan(&key)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		key = make([]byte, sha256.Size)
		if _, err := rand.Read(key); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO access_meta(name, value) VALUES ('card_key', ?)", key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("access: key of the cards: %w", err)
	}
	return key, nil
}

// mac hashes a credential's value. Readers write card numbers in many ways, so
// case and separators do not count.
func (x *Access) mac(typ, value string) mac {
	h := hmac.New(sha256.New, x.key)
	h.Write([]byte(typ + "\x00" + value))
	return mac(h.Sum(nil))
}

// normal brings a value into the one form that is hashed.
func normal(typ, value string) string {
	if typ != "card" {
		return strings.TrimSpace(value)
	}
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r == ' ' || r == ':' || r == '-' {
			return -1
		}
		return r
	}, value))
}

// last4 is what screens show of a value; of a short one nothing, because that
// would be most of it.
func last4(typ, value string) string {
	if typ != "card" || len(value) < 8 {
		return ""
	}
	return value[len(value)-4:]
}

func (x *Access) reload(ctx context.Context) error {
	people, err := x.readPeople(ctx, "")
	if err != nil {
		return err
	}
	credentials, err := x.readCredentials(ctx, "")
	if err != nil {
		return err
	}
	rights, err := x.readRights(ctx, "1 = 1")
	if err != nil {
		return err
	}
	ix, err := build(people, credentials, rights)
	if err != nil {
		return fmt.Errorf("access: build index: %w", err)
	}
	x.mu.Lock()
	x.ix = ix
	x.mu.Unlock()
	return nil
}

// refreshPerson brings a committed change of one person into the index. Whatever
// goes wrong here, the person can open nothing until the next change or start.
func (x *Access) refreshPerson(ctx context.Context, id string) error {
	ctx = context.WithoutCancel(ctx) // who asked may hang up; the change is committed
	people, err := x.readPeople(ctx, id)
	var credentials []credentialRow
	var rights []rightRow
	if err == nil {
		credentials, err = x.readCredentials(ctx, id)
	}
	if err == nil {
		rights, err = x.readRights(ctx, "person = ?", id)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ix.dropPerson(id)
	if err != nil {
		return err
	}
	for _, p := range people {
		x.ix.putPerson(p)
	}
	for _, c := range credentials {
		x.ix.putCredential(c)
	}
	return putAll(x.ix, rights)
}

// refreshGroup does the same for the rights of a group.
func (x *Access) refreshGroup(ctx context.Context, name string) error {
	rights, err := x.readRights(context.WithoutCancel(ctx), "grp = ? AND person = ''", name)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ix.dropGroup(name)
	if err != nil {
		return err
	}
	return putAll(x.ix, rights)
}

func putAll(ix *index, rights []rightRow) error {
	for _, r := range rights {
		if err := ix.putRight(r); err != nil {
			return err
		}
	}
	return nil
}

func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()[:13]) }

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// at turns stored ms into a time; 0 is none.
func at(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	t := time.UnixMilli(ms).UTC()
	return &t
}

func ms(t *time.Time) int64 {
	if t == nil || t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
