package broadcast

import (
	"slices"
	"time"
)

// State of one loudspeaker's part in a broadcast.
type State string

// The states, in the order in which they come. A node only goes forward, except that
// it may be paused and told again; proof that it plays outweighs a failure that was
// concluded from silence, and what it said of a turn before.
const (
	Queued     State = "queued"
	Accepted   State = "accepted"
	Buffered   State = "buffered"
	Playing    State = "playing"
	Paused     State = "paused" // a more urgent message is heard; it goes on afterwards
	Done       State = "done"
	Failed     State = "failed"
	Overridden State = "overridden" // another message took its place, or it was stopped before it was heard
)

// Request asks for a broadcast.
type Request struct {
	Zones       []string
	Polygon     []Point // instead of zones, or beside them
	Speaker     string  // instead of both: one loudspeaker
	TwoWay      bool    // what its microphone hears comes back
	Text        string
	URL         string
	Recording   string // id of an uploaded recording
	Live        string // id of a microphone
	Priority    int    // 1 fire … 6 music; 0: 4, the operator's
	Mode        string // "": Actual
	Repeat      int    // 0: 1
	VolumePct   *float64
	Interrupted string // resume or drop; "": resume
	AtNight     bool   // rank 4 may be heard at night
	Siren       bool   // the evacuation signal comes before the words
	Replaces    string // id of a broadcast that this one follows in the same breath
	Key         string // with Actor: the same request again gets the same broadcast
	Actor       string
	Ref         string
}

// Broadcast is a message with what became of it.
type Broadcast struct {
	ID          string   `json:"id"`
	Zones       []string `json:"zones"`
	Text        string   `json:"text"`
	URL         string   `json:"url"`
	Recording   string   `json:"recording" doc:"id of the uploaded sound"`
	Live        bool     `json:"live" doc:"a voice from a microphone"`
	TwoWay      bool     `json:"two_way" doc:"who speaks hears the loudspeaker's microphone"`
	Priority    int      `json:"priority" doc:"rank: 1 fire, 2 official, 3 life safety, 4 operator, 5 notice, 6 music"`
	Mode        string   `json:"mode" enum:"actual,exercise"`
	Repeat      int      `json:"repeat"`
	VolumePct   *float64 `json:"volume_pct"`
	Interrupted string   `json:"interrupted" enum:"resume,drop" doc:"what becomes of it when a more urgent message comes"`
	AtNight     bool     `json:"at_night"`
	Actor       string   `json:"actor"`
	Ref         string   `json:"ref"`
	At          string   `json:"at" format:"date-time"`
	LengthMS    int64    `json:"length_ms" doc:"of the sound with all repeats; 0: not known"`
	Open        bool     `json:"open" doc:"something may still be heard"`
	StoppedAt   string   `json:"stopped_at" doc:"empty: it was not stopped"`
	StoppedBy   string   `json:"stopped_by"`
	Targets     int      `json:"targets" doc:"loudspeakers that were meant"`
	Queued      int      `json:"queued" doc:"those that wait for a more urgent message among them"`
	Accepted    int      `json:"accepted" doc:"those that have its beginning already among them"`
	Playing     int      `json:"playing"`
	Paused      int      `json:"paused"`
	Done        int      `json:"done"`
	Failed      int      `json:"failed"`
	Over        int      `json:"overridden"`
	Nodes       []NodeOf `json:"nodes"`

	mic      string
	siren    bool
	program  string
	deadline time.Time
	until    time.Time
	stopped  time.Time
	judged   bool
	seq      int64
}

// NodeOf is one loudspeaker's part.
type NodeOf struct {
	Device     string  `json:"device"`
	State      State   `json:"state" enum:"queued,accepted,buffered,playing,paused,done,failed,overridden"`
	At         string  `json:"at" format:"date-time" doc:"of the last change"`
	Error      string  `json:"error" doc:"why it failed: offline, night, no_answer, refused …"`
	Path       string  `json:"path" enum:",http,rtp,text,url" doc:"how the sound went there; the second and third are tried when the one before fails"`
	PositionMS int64   `json:"position_ms" doc:"how much was heard before it was interrupted"`
	LevelDB    float64 `json:"level_db" doc:"sound pressure that it measured, 0: none told"`
	BeganAt    string  `json:"began_at" doc:"when it was heard first; empty: never"`

	command string
	turn    int
	tell    string
	told    time.Time
	due     time.Time
	began   time.Time
	at      time.Time
}

// Why a node failed.
const (
	whyOffline  = "offline"   // not connected when the message went out, or any more
	whyNight    = "night"     // ranks 4 to 6 are silent
	whyNoAnswer = "no_answer" // did not begin in time
	whyNoEnd    = "no_end"    // began and never said that it ended
	whyRefused  = "refused"   // the command was not taken
	whyFault    = "fault"     // the speaker reported a fault
	whyStopped  = "stopped"   // before it was heard
	whyReplaced = "replaced"  // a newer text of the same affair
	whyStale    = "stale"     // its turn came too late
)

// What a node is to be told.
const (
	tellPlay = "play"
	tellStop = "stop"
)

// next tells whether a node may go from one state to another because of what its
// loudspeaker says.
func next(from, to State) bool {
	switch from {
	case Queued:
		return to != Queued
	case Accepted:
		return to != Queued && to != Accepted
	case Buffered:
		return to != Queued && to != Accepted && to != Buffered
	case Playing:
		return to == Done || to == Failed || to == Overridden
	case Paused:
		return to == Done || to == Failed // it ended just before the other came
	case Failed:
		return to == Playing || to == Done || to == Overridden // it was heard after all
	case Done, Overridden:
		return to == Playing // its last word counts
	}
	return false
}

// over reports whether a state normally stays.
func (s State) over() bool { return s == Done || s == Failed || s == Overridden }

// lost reports whether a node was heard when its loudspeaker went away.
func (n *NodeOf) lost() bool { return n.State == Failed && n.Error == whyOffline && !n.began.IsZero() }

// mayBeHeard reports whether there is something to stop.
func (b *Broadcast) mayBeHeard() bool {
	return b.StoppedAt == "" && (b.Open || slices.ContainsFunc(b.Nodes, func(n NodeOf) bool { return n.lost() }))
}

// count sets the counters from the nodes.
func (b *Broadcast) count() {
	n := map[State]int{}
	for i := range b.Nodes {
		n[b.Nodes[i].State]++
	}
	b.Targets, b.Queued, b.Accepted, b.Playing, b.Paused = len(b.Nodes), n[Queued], n[Accepted]+n[Buffered], n[Playing], n[Paused]
	b.Done, b.Failed, b.Over = n[Done], n[Failed], n[Overridden]
}

// ended reports whether nothing of it will be heard any more.
func (b *Broadcast) ended() bool { return b.Done+b.Failed+b.Over == b.Targets }

// spoken is the text as it goes out.
func (b *Broadcast) spoken() string {
	if b.Mode == Exercise && b.Text != "" {
		return preface(b.Text) + b.Text
	}
	return b.Text
}
