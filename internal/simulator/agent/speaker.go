package agent

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"dongyue/internal/sound"
)

// Speaker is an IP loudspeaker. It fetches or is sent what it plays, decodes it and
// measures it. What is more urgent (a lower number) or as urgent and newer takes over,
// and is told how much of the other was heard; what is less urgent waits its turn.
type Speaker struct {
	Device
	times Times

	volume  float64
	broken  bool
	now     *playing
	waiting []*playing
	rtp     *rtpPort // nil: none could be opened
	refused atomic.Int64
}

// playing is a message from the order to its end.
type playing struct {
	args    playArgs
	command string
	cancel  context.CancelFunc
	begun   bool          // it is heard
	heard   atomic.Int64  // samples
	level   atomic.Uint64 // of this moment
	loudest atomic.Uint64 // of all
}

// hear notes a level.
func (p *playing) hear(db float64) {
	p.level.Store(math.Float64bits(db))
	if db > p.most() {
		p.loudest.Store(math.Float64bits(db))
	}
}

func (p *playing) db() float64   { return math.Float64frombits(p.level.Load()) }
func (p *playing) most() float64 { return math.Float64frombits(p.loudest.Load()) }

// position is how much of the message was heard, what was heard in earlier turns
// counted.
func (p *playing) position() int64 {
	return p.args.Position + (time.Duration(p.heard.Load()) * time.Second / sound.Rate).Milliseconds()
}

// Bounds of what is played.
const (
	maxWaiting    = 8
	leastUrgent   = 6
	defaultVolume = 70.0
	quietLevel    = 41.0 // dB, one metre away, nothing playing
)

type (
	messageData struct {
		Message string `json:"message"`
	}
	heardData struct {
		Message  string  `json:"message"`
		Position int64   `json:"position_ms"`
		Level    float64 `json:"level_db"`
	}
	brokenData struct {
		Message  string `json:"message"`
		Code     string `json:"code"`
		Position int64  `json:"position_ms"`
	}
	speakerFault struct {
		Message string `json:"message,omitempty"`
		Code    string `json:"code"`
		Active  bool   `json:"active"`
	}
	speakerState struct {
		Message string  `json:"message"`
		Waiting int     `json:"waiting"`
		Volume  float64 `json:"volume_pct"`
		Fault   bool    `json:"fault"`
		RTP     string  `json:"rtp,omitempty"`
		Refused int64   `json:"rtp_refused"`
		Mic     bool    `json:"microphone"`
	}
)

func (s *Speaker) start() {
	if s.now != nil {
		s.now.cancel()
	}
	s.volume, s.now, s.waiting = defaultVolume, nil, nil
	if s.rtp == nil {
		s.rtp = s.listen()
	}
	s.every(s.times.Slow, s.tell)
}

func (s *Speaker) state() any {
	st := speakerState{Waiting: len(s.waiting), Volume: s.volume, Fault: s.broken, Refused: s.refused.Load(), Mic: true}
	if s.now != nil {
		st.Message = s.now.args.Message
	}
	if s.rtp != nil {
		st.RTP = s.rtp.addr
	}
	return st
}

func (s *Speaker) config([]byte) {}

// Break makes the amplifier fail; what is playing ends as failed.
func (s *Speaker) Break() {
	s.do(func() {
		if s.broken {
			return
		}
		s.broken = true
		message := ""
		if s.now != nil {
			s.now.cancel()
			message, s.now = s.now.args.Message, nil
		}
		s.happen("fault", "", speakerFault{message, "amplifier", true})
		for _, p := range s.waiting {
			s.fail(p.command, errBroken.Error())
		}
		s.waiting = nil
		s.report()
	})
}

// Repair ends Break.
func (s *Speaker) Repair() {
	s.do(func() {
		if s.broken {
			s.broken = false
			s.happen("fault", "", speakerFault{"", "amplifier", false})
			s.report()
		}
	})
}

// RTP is where it takes sound that is sent to it; Refused how many packets it did not
// believe.
func (s *Speaker) RTP() (addr string, refused int64) {
	got := make(chan string, 1)
	s.post(func() {
		if s.rtp != nil {
			got <- s.rtp.addr
			return
		}
		got <- ""
	})
	select {
	case addr = <-got:
	case <-s.over:
	}
	return addr, s.refused.Load()
}

var (
	errBroken    = errors.New("amplifier fault")
	errFull      = errors.New("too many messages are waiting")
	errNothing   = errors.New("nothing to play")
	errNoMessage = errors.New("message has no id")
)

type playArgs struct {
	Message  string   `json:"message"`
	URL      string   `json:"url"`
	Stream   string   `json:"stream"`
	RTP      *rtpArgs `json:"rtp"`
	Back     string   `json:"back"`
	Text     string   `json:"text"`
	Priority int      `json:"priority"`
	Repeat   int      `json:"repeat"`
	Volume   float64  `json:"volume_pct"`
	Position int64    `json:"position_ms"`
}

func (s *Speaker) command(c command) (func(), error) {
	a, err := args[playArgs](c)
	if err != nil {
		return nil, err
	}
	switch c.Type {
	case "stop":
		return func() { s.stop(c.ID, a.Message) }, nil
	case "play":
	default:
		return nil, errUnknown
	}
	a.Priority, a.Volume = min(cmp.Or(max(a.Priority, 0), leastUrgent), leastUrgent), cmp.Or(a.Volume, defaultVolume)
	a.Repeat = max(1, min(a.Repeat, 100))
	switch {
	case a.Message == "":
		return nil, errNoMessage
	case a.Text == "" && a.URL == "" && a.Stream == "" && a.RTP == nil:
		return nil, errNothing
	case s.broken:
		s.happen("fault", "", speakerFault{a.Message, "amplifier", true})
		return nil, errBroken
	case len(s.waiting) == maxWaiting && s.now != nil && a.Priority > s.now.args.Priority:
		return nil, errFull
	}
	p := &playing{args: a, command: c.ID}
	p.hear(quietLevel)
	return func() { s.play(p) }, nil
}

func (s *Speaker) play(p *playing) {
	if old := s.now; old != nil && old.args.Message != p.args.Message {
		if p.args.Priority > old.args.Priority {
			s.waiting = append(s.waiting, p)
			// The most urgent first, the older first among equals.
			slices.SortStableFunc(s.waiting, func(a, b *playing) int { return cmp.Compare(a.args.Priority, b.args.Priority) })
			s.report()
			return
		}
		old.cancel()
		s.happen("overridden", "", heardData{old.args.Message, old.position(), old.most()})
	} else if old != nil { // the same in another way
		old.cancel()
	}
	s.begin(p)
}

// begin opens the sound; what becomes of it comes back to the actor.
func (s *Speaker) begin(p *playing) {
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	life := s.life
	back := func(f func()) {
		s.post(func() {
			if s.life == life && s.now == p {
				f()
			}
		})
	}
	s.now, s.volume = p, p.args.Volume
	s.report()
	source := s.source(p)
	go func() {
		defer p.cancel()
		stop := make(chan struct{})
		defer close(stop)
		go func() { // the end of the simulation is the end of the sound
			select {
			case <-s.over:
				p.cancel()
			case <-stop:
			}
		}()
		s.sound(ctx, p, source, back)
	}()
}

// end finishes what is playing and begins what waits.
func (s *Speaker) end() {
	p := s.now
	p.cancel()
	s.now = nil
	s.happen("finished", "", heardData{p.args.Message, p.position(), p.most()})
	s.following()
}

// following begins what waits.
func (s *Speaker) following() {
	if len(s.waiting) > 0 {
		next := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.begin(next)
		return
	}
	s.report()
	s.tell()
}

// stop ends one message, or all where none is named.
func (s *Speaker) stop(id, message string) {
	keep := s.waiting[:0]
	for _, p := range s.waiting {
		if message == "" || p.args.Message == message {
			s.fail(p.command, "stopped before it began")
			continue
		}
		keep = append(keep, p)
	}
	s.waiting = keep
	if s.now != nil && (message == "" || s.now.args.Message == message) {
		s.end()
	} else {
		s.report()
	}
	s.finish(id, nil)
}

// tell measures: the level at the membrane is the proof of playing.
func (s *Speaker) tell() {
	level := quietLevel + 3*s.rand.Float64()
	if s.now != nil && s.now.begun {
		level = max(level, s.now.db())
	}
	s.measure("", map[string]any{"level_db": round(level, 1), "volume_pct": s.volume})
}

// listen opens the port for sound that is sent, on the side of the network on which the
// hub is.
func (s *Speaker) listen() *rtpPort {
	c, err := (&net.Dialer{}).DialContext(context.Background(), "udp", s.link.addr) // sends nothing
	if err != nil {
		return nil
	}
	host := c.LocalAddr().(*net.UDPAddr).IP //nolint:forcetypeassert // it is UDP
	_ = c.Close()
	p, err := openRTP(host, &s.refused, s.over)
	if err != nil {
		s.log.Warn("loudspeaker takes no sound that is sent", "err", err)
		return nil
	}
	return p
}
