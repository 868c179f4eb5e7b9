package clip

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"sync/atomic"
	"time"

	"dongyue/internal/event"
)

// State of a clip.
type State string

// The states.
const (
	Recording   State = "recording"
	Complete    State = "complete"    // it shows what was asked for; gaps may be in it
	Interrupted State = "interrupted" // it ends early, or the hub was stopped while it was recorded
	Failed      State = "failed"      // it shows nothing
)

// Clip as the API and the feed tell it.
type Clip struct {
	ID          string     `json:"id" doc:"sorts by time"`
	Camera      string     `json:"camera"`
	CameraName  string     `json:"camera_name"`
	Zone        string     `json:"zone"`
	Alarm       string     `json:"alarm" doc:"id, empty where a person asked for it"`
	Reason      string     `json:"reason"`
	By          string     `json:"by" doc:"account id of the person who asked for it, or hub"`
	State       State      `json:"state" enum:"recording,complete,interrupted,failed"`
	WantedFrom  time.Time  `json:"wanted_from"`
	WantedTo    time.Time  `json:"wanted_to"`
	From        *time.Time `json:"from" doc:"what it shows, by the server's clock"`
	To          *time.Time `json:"to"`
	DurationMS  int64      `json:"duration_ms"`
	Bytes       int64      `json:"bytes"`
	Frames      int        `json:"frames"`
	Codec       string     `json:"codec" doc:"as RFC 6381 has it"`
	Sound       string     `json:"sound" doc:"how its sound is coded: pcma, pcmu, opus or aac; empty where none is recorded"`
	Width       int        `json:"width"`
	Height      int        `json:"height"`
	Kept        bool       `json:"kept" doc:"neither age nor space deletes it"`
	Interrupted bool       `json:"interrupted" doc:"the hub was stopped while it was recorded"`
	Problem     string     `json:"problem" doc:"code of why it ended early"`
	ProblemText event.Text `json:"problem_text"`
	Gaps        []Gap      `json:"gaps"`
	SkewMS      *int64     `json:"skew_ms" doc:"the camera's clock less the server's; null where the camera does not tell"`
	SHA256      string     `json:"sha256" doc:"of video.mp4, once it has ended"`
	BeganAt     time.Time  `json:"began_at"`
	EndedAt     *time.Time `json:"ended_at"`
}

// Gap is a time without pictures.
type Gap struct {
	From   time.Time  `json:"from"`
	To     time.Time  `json:"to"`
	Reason string     `json:"reason" doc:"code"`
	Text   event.Text `json:"text"`
}

// Change is a clip in the feed.
type Change struct {
	Clip
	Change string `json:"change" enum:"begin,end,keep,delete"`
}

// clip is one that is being recorded. Its ring's lock guards what changes.
type clip struct {
	row      Clip
	from, to time.Time

	frags   []*fragment
	done    int           // of these, how many from the first on lie on disk
	ended   bool          // no more pictures are wanted
	problem string        // code of why it ends early
	silence string        // code of why no pictures come when it ends
	resumed bool          // some of it was recorded before the hub stopped
	fresh   bool          // some of it was recorded since
	storing chan struct{} // closed when its row is stored, or will not be; nil: it was before
	void    bool          // it will not be; of who waited for storing
	draft   atomic.Pointer[draft]
}

// begun waits until the clip is stored as being recorded; it is false for one that is not
// recorded after all.
func (c *clip) begun() bool {
	if c.storing != nil {
		<-c.storing
	}
	return !c.void
}

// take adds a fragment; the first one of this run of the hub is a key frame's.
func (c *clip) take(f *fragment) {
	if c.resumed && !c.fresh && f.stored == nil {
		f.gap = codeStopped
	}
	c.fresh, f.wanted = true, true
	c.frags = append(c.frags, f)
}

// advance counts what lies on disk.
func (c *clip) advance() {
	for c.done < len(c.frags) && c.frags[c.done].stored != nil {
		c.done++
	}
}

// pieces are what lies on disk, from the first on.
func (c *clip) pieces() []*piece {
	c.advance()
	ps := make([]*piece, 0, c.done)
	for _, f := range c.frags[:c.done] {
		ps = append(ps, f.stored)
	}
	return ps
}

// newID makes an id of 26 letters that sorts by time, in the form of a ULID, from
// the moment and the key, so that the same key gives the same id.
func newID(key string, at time.Time) string {
	var b [20]byte
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(at.UnixMilli(), 0)))
	sum := sha256.Sum256([]byte(key))
	id := append(append(b[:0:0], ms[2:]...), sum[:10]...)
	// 128 bits in 26 letters of 5: a ULID puts the two spare bits in front.
	for i, x := range id {
		b[i] |= x >> 2
		b[i+1] |= x << 6
	}
	return base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding).EncodeToString(b[:])[:26]
}
