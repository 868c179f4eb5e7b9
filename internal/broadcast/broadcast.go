package broadcast

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"dongyue/internal/db"
	"dongyue/internal/sound"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Node is a loudspeaker.
type Node struct {
	ID     string
	Zone   string
	Online bool
	RTP    string // host:port that it listens on for sound that is sent to it; "": it fetches only
	Mic    bool   // it has a microphone, and can answer
}

// Point on the plan, in metres.
type Point struct{ X, Y float64 }

// Speakers lists the loudspeakers of a zone and below, and those inside a polygon.
type Speakers interface {
	In(ctx context.Context, zone string) []Node
	Within(ctx context.Context, polygon []Point) []Node
	Get(ctx context.Context, id string) (Node, bool)
}

// Order is a command to one loudspeaker. It carries its own idempotency key, so
// that giving it again after a crash plays nothing twice.
type Order struct {
	Device string
	Type   string // play or stop
	Args   any    // PlayArgs or StopArgs
	TTL    time.Duration
	Key    string
	Actor  string
	Ref    string
}

// PlayArgs are the arguments of `play`, protocol.md.
type PlayArgs struct {
	Message    string   `json:"message"` // the broadcast's id; comes back in the speaker's events
	URL        string   `json:"url,omitempty"`
	Stream     string   `json:"stream,omitempty"` // a live voice
	RTP        *RTPArgs `json:"rtp,omitempty"`    // the second way
	Back       string   `json:"back,omitempty"`   // where it sends what its microphone hears, of a talk
	Text       string   `json:"text,omitempty"`
	Priority   int      `json:"priority"`
	Repeat     int      `json:"repeat"`
	VolumePct  *float64 `json:"volume_pct,omitempty"`  // nil: as the speaker is set
	PositionMS int64    `json:"position_ms,omitempty"` // what was heard before it was interrupted
}

// StopArgs are the arguments of `stop`.
type StopArgs struct {
	Message string `json:"message"`
}

// Given is what became of an order: the command's id, or why it was not taken.
type Given struct {
	Command string
	Err     error
}

// Commander gives orders, all at once; the answers are in their order.
type Commander interface {
	Give(ctx context.Context, orders []Order) []Given
}

// Voice turns texts into speech.
type Voice interface {
	Say(ctx context.Context, text string) (sound.PCM, error)
	Preface(text string) (sound.PCM, error) // of an exercise
}

// Modes of a broadcast (CAP 1.2 status Actual and Exercise).
const (
	Actual   = "actual"
	Exercise = "exercise"
)

// What becomes of a message whose place another takes.
const (
	Resume = "resume"
	Drop   = "drop"
)

// Bounds and times.
const (
	// startWithin is how long a speaker may take to begin; after it an alarm's
	// message no longer helps and the operator must know.
	startWithin = 10 * time.Second
	// pathWithin is how long one way of the sound is given before the next is tried.
	pathWithin = 3 * time.Second
	// endWithin is how long after its beginning a message may play; 100 repeats
	// of a minute.
	endWithin = 100 * time.Minute

	defaultPriority = Operator
	maxRepeat       = 100
	maxZones        = 100
	maxText         = 2000 // bytes; about 2 minutes of speech
)

// preface opens a message of an exercise, so that nobody runs.
const (
	prefaceZH = "【演习】本次为演练，请勿惊慌。"
	prefaceEN = "Exercise. This is an exercise. "
)

// Options of New; all down to Key are needed.
type Options struct {
	DB       *db.DB
	Feed     *web.Feed
	Speakers Speakers
	Command  Commander
	Log      *slog.Logger
	Dir      string                                 // of the recordings
	Key      []byte                                 // signs the addresses of the sound
	Voice    Voice                                  // nil: loudspeakers speak texts themselves
	Base     func() string                          // address by which loudspeakers reach the hub; nil or "": texts and foreign addresses only
	Location *time.Location                         // of the community; nil: UTC
	Night    Night                                  // when ranks 4 to 6 are silent
	Trouble  func(ctx context.Context, b Broadcast) // too few loudspeakers began in time; may be nil
	// Settled is told that every loudspeaker has begun, or won't; may be nil. With false it
	// is asked again, until the time in which they must have begun is over.
	Settled func(ctx context.Context, b Broadcast) bool
}

// Broadcasts sends messages and keeps their proof.
type Broadcasts struct {
	o         Options
	db        *db.DB
	feed      *web.Feed
	speakers  Speakers
	command   Commander
	log       *slog.Logger
	mics      *microphones
	started   time.Time     // of Run
	wake      chan struct{} // there is something to give, or to look at
	moved     atomic.Bool   // Handle has changed something since the last commit
	giving    sync.Mutex    // one gives at a time, so that orders go out as they were decided
	rendering sync.Mutex    // one programme is made at a time,
	urgent    sync.Mutex    // and one of ranks 1 to 3 beside it

	mu    sync.Mutex
	early map[string]answer  // by command and device; see replied
	boots map[string]string  // of the loudspeakers, when they came last
	sent  map[string]*airing // sound that is sent to a loudspeaker, by broadcast and device
}

// New opens the tables.
func New(ctx context.Context, o Options) (*Broadcasts, error) {
	if o.DB == nil || o.Feed == nil || o.Speakers == nil || o.Command == nil || o.Log == nil || o.Dir == "" || len(o.Key) == 0 {
		return nil, errors.New("broadcast: DB, Feed, Speakers, Command, Log, Dir and Key are needed")
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Base == nil {
		o.Base = func() string { return "" }
	}
	for _, d := range []string{o.Dir, filepath.Join(o.Dir, programs)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("broadcast: recordings: %w", err)
		}
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("broadcast: %w", err)
	}
	if err := o.DB.Migrate(ctx, "broadcast", dir); err != nil {
		return nil, err
	}
	return &Broadcasts{
		o: o, db: o.DB, feed: o.Feed, speakers: o.Speakers, command: o.Command, log: o.Log,
		mics: newMicrophones(), wake: make(chan struct{}, 1), early: map[string]answer{}, boots: map[string]string{}, sent: map[string]*airing{},
	}, nil
}

// preface is what opens a text of an exercise.
func preface(text string) string {
	if Chinese(text) {
		return prefaceZH
	}
	return prefaceEN
}

// Chinese reports whether a text is to be read as Chinese.
func Chinese(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}
