package broadcast

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"dongyue/internal/db"
	"dongyue/internal/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Node is a loudspeaker.
type Node struct {
	ID     string
	Online bool
}

// Speakers lists the loudspeakers of a zone and below.
type Speakers interface {
	In(ctx context.Context, zone string) []Node
}

// Play is a command to one loudspeaker. It carries its own idempotency key, so
// that giving it again after a crash plays nothing twice.
type Play struct {
	Device string
	Args   PlayArgs
	TTL    time.Duration
	Key    string
	Actor  string
	Ref    string
}

// PlayArgs are the arguments of `play`, protocol.md.
type PlayArgs struct {
	Message   string   `json:"message"` // the broadcast's id; comes back in the speaker's events
	URL       string   `json:"url,omitempty"`
	Text      string   `json:"text,omitempty"`
	Priority  int      `json:"priority"`
	Repeat    int      `json:"repeat"`
	VolumePct *float64 `json:"volume_pct,omitempty"` // nil: as the speaker is set
}

// Commander gives a play command and returns its id.
type Commander interface {
	Play(ctx context.Context, p Play) (command string, err error)
}

// State of one loudspeaker's part in a broadcast.
type State string

// The states, in the order in which they come. A node only goes forward, but
// proof that it plays outweighs a failure that was concluded from silence.
const (
	Queued     State = "queued"
	Accepted   State = "accepted"
	Playing    State = "playing"
	Done       State = "done"
	Failed     State = "failed"
	Overridden State = "overridden" // a more urgent message took its place
)

// Modes of a broadcast (CAP 1.2 status Actual and Exercise).
const (
	Actual   = "actual"
	Exercise = "exercise"
)

// Bounds and times.
const (
	// startWithin is how long a speaker may take to begin; after it an alarm's
	// message no longer helps and the operator must know.
	startWithin = 10 * time.Second
	// endWithin is how long after its beginning a message may play; 100 repeats
	// of a minute.
	endWithin = 100 * time.Minute

	defaultPriority = 4 // operator
	lowestPriority  = 6 // music
	maxRepeat       = 100
	maxText         = 2000 // bytes; about 2 minutes of speech
)

// preface opens a message of an exercise, so that nobody runs.
const preface = "【演习】本次为演练，请勿惊慌。"

// Request asks for a broadcast.
type Request struct {
	Zones     []string
	Text      string
	URL       string
	Priority  int    // 1 fire … 6 music; 0: 4, the operator's
	Mode      string // "": Actual
	Repeat    int    // 0: 1
	VolumePct *float64
	Key       string // with Actor: the same request again gets the same broadcast
	Actor     string
	Ref       string
}

// Broadcast is a message with what became of it.
type Broadcast struct {
	ID        string   `json:"id"`
	Zones     []string `json:"zones"`
	Text      string   `json:"text"`
	URL       string   `json:"url"`
	Priority  int      `json:"priority"`
	Mode      string   `json:"mode" enum:"actual,exercise"`
	Repeat    int      `json:"repeat"`
	VolumePct *float64 `json:"volume_pct"`
	Actor     string   `json:"actor"`
	Ref       string   `json:"ref"`
	At        string   `json:"at" format:"date-time"`
	Targets   int      `json:"targets" doc:"loudspeakers that were meant"`
	Queued    int      `json:"queued"`
	Accepted  int      `json:"accepted"`
	Playing   int      `json:"playing"`
	Done      int      `json:"done"`
	Failed    int      `json:"failed"`
	Over      int      `json:"overridden"`
	Nodes     []NodeOf `json:"nodes"`
	deadline  time.Time
	seq       int64
}

// NodeOf is one loudspeaker's part.
type NodeOf struct {
	Device string `json:"device"`
	State  State  `json:"state" enum:"queued,accepted,playing,done,failed,overridden"`
	At     string `json:"at" format:"date-time" doc:"of the last change"`
	Error  string `json:"error" doc:"why it failed: offline, no_answer, rejected …"`

	command string
}

// Why a node failed.
const (
	whyOffline  = "offline"   // not connected when the message went out
	whyNoAnswer = "no_answer" // did not begin in time
	whyNoEnd    = "no_end"    // began and never said that it ended
	whyRefused  = "refused"   // the command was not taken
	whyFault    = "fault"     // the speaker reported a fault
)

// Options of New; all are needed.
type Options struct {
	DB       *db.DB
	Feed     *web.Feed
	Speakers Speakers
	Command  Commander
	Log      *slog.Logger
}

// Broadcasts sends messages and keeps their proof.
type Broadcasts struct {
	db       *db.DB
	feed     *web.Feed
	speakers Speakers
	command  Commander
	log      *slog.Logger
	wake     chan struct{}

	mu    sync.Mutex
	early map[string]answer // by command and device; see replied
}

// New opens the tables.
func New(ctx context.Context, o Options) (*Broadcasts, error) {
	if o.DB == nil || o.Feed == nil || o.Speakers == nil || o.Command == nil || o.Log == nil {
		return nil, errors.New("broadcast: DB, Feed, Speakers, Command and Log are needed")
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("broadcast: %w", err)
	}
	if err := o.DB.Migrate(ctx, "broadcast", dir); err != nil {
		return nil, err
	}
	return &Broadcasts{db: o.DB, feed: o.Feed, speakers: o.Speakers, command: o.Command, log: o.Log, wake: make(chan struct{}, 1), early: map[string]answer{}}, nil
}

// next tells whether a node may go from one state to another.
func next(from, to State) bool {
	switch from {
	case Queued:
		return to != Queued
	case Accepted:
		return to != Queued && to != Accepted
	case Playing:
		return to == Done || to == Failed || to == Overridden
	case Failed:
		return to == Playing || to == Done || to == Overridden // it was heard after all
	case Done, Overridden:
	}
	return false
}

// over reports whether a state normally stays.
func (s State) over() bool { return s == Done || s == Failed || s == Overridden }

// count sets the counters from the nodes.
func (b *Broadcast) count() {
	b.Targets = len(b.Nodes)
	b.Queued, b.Accepted, b.Playing, b.Done, b.Failed, b.Over = 0, 0, 0, 0, 0, 0
	for i := range b.Nodes {
		switch b.Nodes[i].State {
		case Queued:
			b.Queued++
		case Accepted:
			b.Accepted++
		case Playing:
			b.Playing++
		case Done:
			b.Done++
		case Failed:
			b.Failed++
		case Overridden:
			b.Over++
		}
	}
}

// spoken is the text as it goes out.
func (b *Broadcast) spoken() string {
	if b.Mode == Exercise {
		return preface + b.Text
	}
	return b.Text
}
