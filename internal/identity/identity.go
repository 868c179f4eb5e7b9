package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options of New. DB and Log are needed, the rest has defaults.
type Options struct {
	DB  *db.DB
	Log *slog.Logger

	// Argon2 sets the cost of a password check. The default takes 19 MiB and two
	// passes, measured at 36 ms on one core of two (OWASP's second
	// recommended setting).
	Argon2 *argon2id.Params
	// Hashers is how many password checks run at the same time; default 2, so
	// that a flood of sign-ins takes neither all memory nor both cores for long.
	Hashers int

	// Idle ends a session that was not used, Absolute any session. Defaults 12 h
	// (one shift) and 7 d.
	Idle, Absolute time.Duration

	// PerAddress and PerLogin limit wrong passwords. Defaults: 30, then one each
	// 10 s, per address; 10, then one each 30 s, per login.
	PerAddress, PerLogin Limit

	// AuditKey keys the audit chain, so that who can write the database but does
	// not hold the key can't rebuild the chain either. Without it the chain is
	// plain SHA-256.
	AuditKey []byte

	// OnRevoked is told the principal's id when access ends before its time: user
	// disabled, password reset, role changed, last session ended, the other sessions ended by a
	// new password, token revoked.
	// Live video and streams of that principal must then end.
	OnRevoked func(principalID string)

	// OnNotice is told what somebody at the desk should look at. It must not block.
	OnNotice func(Notice)
}

// Identity is the room. It implements web.Guard.
type Identity struct {
	opt    Options
	db     *db.DB
	log    *slog.Logger
	grants map[web.Role]map[web.Action]bool
	hash   *hasher
	byAddr *limiter
	byUser *limiter

	change sync.Mutex // held over a change's transaction and its arrival in memory; taken before mu

	mu       sync.RWMutex
	users    map[string]User // by id
	logins   map[string]string
	sessions map[secretHash]*session
	tokens   map[secretHash]Token
	ended    map[secretHash]endedSession

	seen sealed // what the last check of the audit found
}

type secretHash [sha256.Size]byte

// New brings the tables up to date and reads who there is.
func New(o Options) (*Identity, error) {
	if o.DB == nil || o.Log == nil {
		return nil, errors.New("identity: options need DB and Log")
	}
	if o.Argon2 == nil {
		o.Argon2 = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	}
	setDefault(&o.Hashers, 2)
	setDefault(&o.Idle, 12*time.Hour)
	setDefault(&o.Absolute, 7*24*time.Hour)
	setDefault(&o.PerAddress, Limit{Burst: 30, Every: 10 * time.Second})
	setDefault(&o.PerLogin, Limit{Burst: 10, Every: 30 * time.Second})
	if o.OnRevoked == nil {
		o.OnRevoked = func(string) {}
	}
	if o.OnNotice == nil {
		o.OnNotice = func(Notice) {}
	}
	h, err := newHasher(o.Argon2, o.Hashers)
	if err != nil {
		return nil, err
	}
	i := &Identity{
		opt: o, db: o.DB, log: o.Log, grants: grants(), hash: h,
		byAddr: newLimiter(o.PerAddress), byUser: newLimiter(o.PerLogin),
	}
	ctx := context.Background()
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if err := i.db.Migrate(ctx, "identity", dir); err != nil {
		return nil, err
	}
	return i, i.load(ctx)
}

func (i *Identity) load(ctx context.Context) (err error) {
	if i.users, i.logins, err = i.loadUsers(ctx); err != nil {
		return err
	}
	if i.sessions, err = i.loadSessions(ctx); err != nil {
		return err
	}
	if i.tokens, err = i.loadTokens(ctx); err != nil {
		return err
	}
	i.ended, err = i.loadEnded(ctx)
	return err
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// newSecret returns 256 random bits as text, and what is kept of them.
func newSecret(prefix string) (string, secretHash) {
	s := prefix + strings.ToLower(rand.Text()+rand.Text()) // 2 × 130 bits, base32
	return s, hashSecret(s)
}

// hashSecret needs no salt and no slowness: what it hashes can't be guessed.
func hashSecret(s string) secretHash { return sha256.Sum256([]byte(s)) }

// newID returns an id of 65 random bits that is easy to read out.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()[:13]) }

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// now is the hub's clock in the precision of the tables.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
