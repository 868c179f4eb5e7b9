package panel

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Panel is a text panel as the registry has it: a lamp pole that reports one in its state.
type Panel struct {
	ID, Name, Zone string
	Online         bool
	Message        string          // that it says it shows; "": nothing
	SHA256         string          // of the text that it says it shows, hex
	Wanted         json.RawMessage // the member "panel" of what is wanted of it; nil: never anything
}

// Panels is the registry.
type Panels interface {
	Panels(ctx context.Context) []Panel
	// Desire sets members of what a pole is wanted to be.
	Desire(ctx context.Context, pole string, members map[string]any) error
}

// Auditor keeps a record of who wrote, released and ended.
type Auditor interface {
	Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error
}

// Options of New. All but Log and Now are needed.
type Options struct {
	DB     *db.DB
	Feed   *web.Feed
	Panels Panels
	Audit  Auditor
	Seed   []byte // 32 bytes, of the key that signs what panels show
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now
}

// Room is the room.
type Room struct {
	o    Options
	key  ed25519.PrivateKey
	kick chan struct{}
}

// New opens the tables.
func New(ctx context.Context, o Options) (*Room, error) {
	if o.DB == nil || o.Feed == nil || o.Panels == nil || o.Audit == nil || len(o.Seed) != ed25519.SeedSize {
		return nil, errors.New("panel: DB, Feed, Panels, Audit and a Seed of 32 bytes are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("panel: migrations: %w", err)
	}
	if err := o.DB.Migrate(ctx, "panel", dir); err != nil {
		return nil, err
	}
	return &Room{o: o, key: ed25519.NewKeyFromSeed(o.Seed), kick: make(chan struct{}, 1)}, nil
}

// Key is the public key that panels believe; they get it when they are installed.
func (r *Room) Key() ed25519.PublicKey {
	return r.key.Public().(ed25519.PublicKey) //nolint:forcetypeassert // by its documentation
}

func (r *Room) now() time.Time { return r.o.Now().UTC().Truncate(time.Millisecond) }

// wake lets Run look at once.
func (r *Room) wake() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}
