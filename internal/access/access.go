package access

import (
	"context"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/doorlist"
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

// Options of New; all are needed but Commands, Rungs, Lifts, Reporter, Places, PublicURL, Sessions, Looked, Lists, OfflineFor, Overstay, Accounts, Rings, Retention, Key and Location.
type Options struct {
	DB        *db.DB
	Feed      *web.Feed
	Log       *slog.Logger
	Commander Commander
	Commands  Commands // nil: residents are told that the order went out, not how it ended
	Doors     Doors
	Audit     Auditor

	// Rungs says where a door stands; nil: every door is controlled.
	Rungs Rungs
	// Lifts knows which doors call a lift; nil: none does.
	Lifts Lifts
	// Reporter tells what happened at a door that it does not say itself; nil:
	// nothing is told.
	Reporter Reporter

	// Places knows the way to a door; nil: visitors see its name only.
	Places Places
	// PublicURL is the address under which people reach the hub, as
	// https://hub.example.com: for links and for phones that prove themselves. Empty:
	// the one under which the hub was asked.
	PublicURL string

	// Sessions ends what a person who moves out is signed in with; nil: nothing.
	Sessions Sessions
	// Looked tells who looked where somebody went; nil: it is not told.
	Looked Looked

	// Lists carries their lists of rights to doors; nil: doors get none.
	Lists ListSender
	// OfflineFor is how long a door that is alone goes by its list; zero fields take
	// the default.
	OfflineFor OfflineFor

	// Overstay is when somebody is told of a guest's car that stays too long; zero fields
	// take the default.
	Overstay Overstay
	// Accounts wakes the screens of a host; nil: hosts see it when they look.
	Accounts Accounts
	// Rings knows who rang at a person's door; nil: my data is without it.
	Rings Rings
	// Rolls are lists of names that are kept elsewhere; nil: there are none.
	Rolls Rolls

	// Retention is how long things are kept; zero fields take the default.
	Retention Retention

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

	rungs    Rungs
	lifts    Lifts
	reporter Reporter
	sessions Sessions
	looked   Looked
	places   Places
	public   *url.URL // nil: not configured
	keepFor  Retention
	overstay Overstay
	accounts Accounts
	rings    Rings
	rolls    Rolls
	// forgetKey makes other names for people. It lives as long as the process: who
	// has the data afterwards can't try all people out.
	forgetKey []byte
	codes     ed25519.PrivateKey // signs rotating codes
	signer    ed25519.PrivateKey // signs the lists of doors
	sealer    cipher.AEAD        // of what doors compare
	stretch   doorlist.Stretch
	lists     lists
	toStretch atomic.Bool // some credential is not stretched yet

	mu   sync.RWMutex
	ix   *index
	site site

	pending pending // of the follower that calls Handle
	lags    lags    // its, too
	pace    pace    // of openings, by person
	visits  pace    // of visitors' pages, by address
	phones  ceremonies
	toTell  atomic.Bool   // something was written to access_reports
	told    chan struct{} // wakes Run
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
		key: o.Key, loc: o.Location, pace: newPace(), visits: newPace(), phones: ceremonies{open: map[string]ceremony{}}, lags: lags{}, rungs: o.Rungs, reporter: o.Reporter, sessions: o.Sessions, looked: o.Looked, told: make(chan struct{}, 1),
	}
	var err error
	if x.public, err = publicURL(o.PublicURL); err != nil {
		return nil, err
	}
	x.places, x.lifts = o.Places, o.Lifts
	x.keepFor = o.Retention
	x.keepFor.defaults()
	x.overstay, x.accounts, x.rings, x.rolls = o.Overstay.complete(), o.Accounts, o.Rings, o.Rolls
	x.forgetKey = []byte(rand.Text())
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
	if err := x.deriveKeys(); err != nil {
		return nil, err
	}
	x.lists.begin(o)
	if err := x.refreshSite(ctx); err != nil {
		return nil, err
	}
	return x, x.reload(ctx)
}

// deriveKeys makes the keys that follow from that of the cards.
func (x *Access) deriveKeys() (err error) {
	codes, signer := x.mac("code", "signing key"), x.mac("rights list", "signing key")
	x.codes, x.signer = ed25519.NewKeyFromSeed(codes[:]), ed25519.NewKeyFromSeed(signer[:])
	salt := x.mac("stretch", "salt")
	x.stretch = doorlist.NewStretch(salt[:16])
	x.sealer, err = newSealer(x.mac("offline", "seal"))
	return err
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

// normal brings a value into the one form that is hashed, here as at the doors.
func normal(typ, value string) string { return doorlist.Normal(typ, value) }

// last4 is what screens show of a value; of a short one nothing, because that
// would be most of it.
func last4(typ, value string) string {
	if typ == "plate" {
		rs := []rune(value)
		return string(rs[max(0, len(rs)-4):])
	}
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
	x.lists.touchAll()
	x.toStretch.Store(true)
	x.tell()
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
	defer x.lists.touch(id)
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
	defer x.lists.touchAll()
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
