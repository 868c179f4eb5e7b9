package official

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"dongyue/internal/cap"
	"dongyue/internal/db"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Call asks for a broadcast.
type Call struct {
	Zones    []string
	Text     string
	Grave    bool   // before all but fire
	Exercise bool   // opens with the words that say so
	Replaces string // broadcast of the message that this one updates
	Key      string // the same call again is one broadcast
	Ref      string
}

// Air is what makes sound.
type Air interface {
	Speak(ctx context.Context, c Call) (broadcast string, err error)
	Silence(ctx context.Context, broadcast string) error
}

// Sign is a text for the panels of zones.
type Sign struct {
	Ref      string // of its message; the same again is one
	Zones    []string
	Text     string
	Colour   string // white, blue, yellow, orange or red
	Grave    bool
	Exercise bool
	Author   string
	Until    time.Time
}

// Signs are the text panels.
type Signs interface {
	Show(ctx context.Context, s Sign) error
	End(ctx context.Context, ref string) error
	Shown(ctx context.Context, ref string) (shown, all int, err error)
}

// Homes knows where people live: the zone of a person's home, "" for none.
type Homes interface {
	Home(person string) (zone string)
}

// Zone is a place of the community.
type Zone struct {
	ID    string
	Kind  string
	Shape [4]float64 // x, y, width, height on the plan, metres; all 0: not drawn
}

// Zones lists the places.
type Zones interface {
	Zones(ctx context.Context) []Zone
}

// Options of New. DB to Zones and Log are needed.
type Options struct {
	DB       *db.DB
	Feed     *web.Feed
	Air      Air
	Signs    Signs // nil: there are no panels
	Homes    Homes // nil: residents are shown what concerns the whole community
	Zones    Zones
	Log      *slog.Logger
	Keys     *cap.Keys         // nil: nothing is believed
	Signer   *cap.Signer       // nil: nothing is sent
	Sender   string            // of what is sent
	Origin   *Origin           // nil: polygons and circles can't be placed
	Geocodes map[string]string // code → zone
	Folder   string            // that is watched; "": none
	Upstream string            // where results go; "": they are kept
	Client   *http.Client      // nil: one of its own
	// Alarm is told of what must not be believed; may be nil.
	Alarm func(ctx context.Context, reason, id string)
}

// Official is the post of the authorities.
type Official struct {
	o    Options
	db   *db.DB
	feed *web.Feed
	log  *slog.Logger
	wake chan struct{} // there is something to send

	affairs    *affairs
	unfinished atomic.Bool // a message is stored and was not acted on
}

// New opens the tables.
func New(ctx context.Context, o Options) (*Official, error) {
	if o.DB == nil || o.Feed == nil || o.Air == nil || o.Zones == nil || o.Log == nil {
		return nil, errors.New("official: DB, Feed, Air, Zones and Log are needed")
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("official: %w", err)
	}
	if err := o.DB.Migrate(ctx, "official", dir); err != nil {
		return nil, err
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 15 * time.Second}
	}
	return &Official{o: o, db: o.DB, feed: o.Feed, log: o.Log, wake: make(chan struct{}, 1), affairs: newAffairs()}, nil
}

// State of a message.
type State string

// The states.
const (
	Received  State = "received"  // believed, and on its way
	Speaking  State = "speaking"  // is or was heard; see the broadcast
	Silent    State = "silent"    // believed, and not meant to be heard: a test, a draft, an answer
	Elsewhere State = "elsewhere" // believed, and about another place
	Expired   State = "expired"   // came when it was over
	Cancelled State = "cancelled" // another message ended it
	Updated   State = "updated"   // another message took its place
	Failed    State = "failed"    // no loudspeaker could be told
	Refused   State = "refused"   // not believed, or not CAP
	Replayed  State = "replayed"  // the same again, or too old
)

// Why a message was refused; the first six raise an alarm.
const (
	reasonUnsigned  = "unsigned"
	reasonSignature = "signature"
	reasonKey       = "unknown_key"
	reasonSender    = "sender"
	reasonReplay    = "replay"
	reasonClock     = "sent" // from the future, or of yesterday
	reasonForm      = "form"
	reasonSize      = "too_large"
	reasonNoKeys    = "no_keys"
)

// Times between which `sent` must lie.
const (
	newest = 10 * time.Minute // clocks differ
	oldest = 24 * time.Hour
)
