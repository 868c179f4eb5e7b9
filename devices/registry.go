package devices

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Publisher carries commands to devices; the broker does.
type Publisher interface {
	// Publish sends to who subscribes now and is connected.
	Publish(topic string, payload []byte, qos byte, retain bool, expiry time.Duration) error
	// Connected reports whether the device has a live session.
	Connected(device string) bool
}

// Appender puts what the hub itself noticed into the journal; the journal does.
// The events come back to Handle as those of devices do.
type Appender interface {
	Append(e event.Event, done func(seq uint64, dup bool, err error))
	// Last is the place of the newest event that is on disk.
	Last() uint64
}

// SiteReader reads a site file. Mistakes come back as rows, all at once.
type SiteReader func(file []byte) (Site, []RowError)

// Options of a registry. The first four and Log are needed.
type Options struct {
	DB        *db.DB
	Feed      *web.Feed
	Publisher Publisher
	Kinds     []Kind              // one per child folder
	Drop      func(device string) // closes the device's session after its secret changed; nil: it stays
	Journal   Appender            // takes presence that no device could tell; nil: only the twin changes
	Handled   func() uint64       // the place up to which events have had their effect; nil: all have
	ReadSite  SiteReader          // reads site files for imports; nil: only CSV is taken
	Issuer    Issuer              // makes client certificates; nil: none are made
	// Permit says why a command that its kind would take must not go out now, as a
	// *Refusal; nil: all may.
	Permit func(ctx context.Context, device, typ string, args json.RawMessage) error
	Log    *slog.Logger
}

// Registry knows the devices, their twins and their commands.
type Registry struct {
	db    *db.DB
	feed  *web.Feed
	pub   Publisher
	kinds map[event.Kind]Kind
	drop  func(string)
	words Appender // the journal; nil: none
	reach func() uint64
	tales []tale      // of Run: what goes to the journal next
	shut  atomic.Bool // see Hold

	permit func(ctx context.Context, device, typ string, args json.RawMessage) error
	issuer Issuer // nil: none
	site   SiteReader
	log    *slog.Logger
	docs   sync.Pool // of *doc, for Decode

	mu      sync.RWMutex // guards the maps, not what they lead to
	devices map[string]*record
	sorted  []*record // by id, for lists; nil: to be made
	zones   map[string]Zone
	certs   map[string]Certificate // of the hub's authority, by serial

	edit sync.Mutex // one change of the registry at a time

	handling sync.Mutex // the journal's follower; see settle
	undo     map[*record]saved
	handled  uint64

	hotMu   sync.Mutex
	hot     map[*record]struct{} // have something for Run: values to show, rows to write
	moved   map[*record]struct{} // connected or disconnected
	due     map[*record]time.Time
	overlap map[*record]time.Time // until when two secrets are good
	stale   []*record             // connected with what was ended during their login
	heard   []tale                // are in the journal, not yet on MQTT
	wake    chan struct{}         // of Run
}

// New loads the registry from the database.
func New(ctx context.Context, o Options) (*Registry, error) {
	if o.DB == nil || o.Feed == nil || o.Publisher == nil || o.Log == nil || len(o.Kinds) == 0 {
		return nil, errors.New("devices: DB, Feed, Publisher, Kinds and Log are needed")
	}
	r := &Registry{
		db: o.DB, feed: o.Feed, pub: o.Publisher, drop: o.Drop, log: o.Log, words: o.Journal, reach: o.Handled, permit: o.Permit, issuer: o.Issuer, site: o.ReadSite, certs: map[string]Certificate{},
		overlap: map[*record]time.Time{},
		kinds:   map[event.Kind]Kind{}, devices: map[string]*record{}, zones: map[string]Zone{},
		undo: map[*record]saved{}, hot: map[*record]struct{}{}, moved: map[*record]struct{}{},
		due: map[*record]time.Time{}, wake: make(chan struct{}, 1),
	}
	for _, k := range o.Kinds {
		if r.kinds[k.Name()] != nil {
			return nil, fmt.Errorf("devices: kind %s is given twice", k.Name())
		}
		r.kinds[k.Name()] = k
	}
	r.docs.New = func() any { return &doc{nodes: make([]node, 0, 64)} }
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("devices: %w", err)
	}
	if err := o.DB.Migrate(ctx, "devices", dir); err != nil {
		return nil, err
	}
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	return r, r.takeUp(ctx)
}

// Kind returns a registered device's kind; for devices that sign in with a
// certificate.
func (r *Registry) Kind(id string) (event.Kind, bool) {
	if rec := r.find(id); rec != nil {
		return rec.kind, true
	}
	return "", false
}

// Get returns a device, or ErrNoDevice.
func (r *Registry) Get(_ context.Context, id string) (Device, error) {
	rec := r.find(id)
	if rec == nil {
		return Device{}, fmt.Errorf("device %s: %w", id, ErrNoDevice)
	}
	return rec.view(), nil
}

// In returns the devices of a kind ("": all) in a zone and below it, by id.
func (r *Registry) In(_ context.Context, kind event.Kind, zone string) []Device {
	var all []Device
	for _, rec := range r.byID() {
		if (kind == "" || rec.kind == kind) && event.Within(rec.zone(), zone) {
			all = append(all, rec.view())
		}
	}
	return all
}

// Zones returns all zones by path, so that each stands behind its parent.
func (r *Registry) Zones(context.Context) []Zone {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]Zone, 0, len(r.zones))
	for _, z := range r.zones {
		all = append(all, z)
	}
	slices.SortFunc(all, func(a, b Zone) int { return comparePath(a.ID, b.ID) })
	return all
}

// Counted reports whether a device has sent another event under this number of a boot.
func (r *Registry) Counted(device, boot string, seq uint64) bool {
	rec := r.find(device)
	return rec != nil && rec.counted(boot, seq)
}

func (r *Registry) find(id string) *record {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.devices[id]
}

func (r *Registry) byID() []*record {
	r.mu.RLock()
	sorted := r.sorted
	r.mu.RUnlock()
	if sorted != nil {
		return sorted
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sorted = make([]*record, 0, len(r.devices))
	for _, rec := range r.devices {
		sorted = append(sorted, rec)
	}
	slices.SortFunc(sorted, func(a, b *record) int { return compare(a.id, b.id) })
	r.sorted = sorted
	return sorted
}

func (r *Registry) doc() *doc {
	if d, ok := r.docs.Get().(*doc); ok {
		return d
	}
	return &doc{}
}

// hashSecret is what is stored of a secret. The id is hashed with it, so that
// equal preset secrets look different.
func hashSecret(id string, secret []byte) [sha256.Size]byte {
	b := make([]byte, 0, 96)
	b = append(b, "dongyue device\x00"...)
	b = append(b, id...)
	b = append(b, 0)
	return sha256.Sum256(append(b, secret...))
}
