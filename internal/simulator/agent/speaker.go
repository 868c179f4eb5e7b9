package agent

import (
	"cmp"
	"errors"
	"slices"
	"time"
	"unicode/utf8"
)

// Speaker is an IP loudspeaker. What is more urgent (a lower number) or as
// urgent and newer takes over; what is less urgent waits its turn.
type Speaker struct {
	Device
	times Times

	volume  float64
	broken  bool
	now     *playing
	waiting []*playing
}

type playing struct {
	command, message string
	priority         int
	length           time.Duration
	volume           float64
}

// Bounds of what is played.
const (
	maxWaiting    = 8
	maxLength     = 10 * time.Minute
	lead          = 1200 * time.Millisecond // the chime
	streamLength  = 15 * time.Second        // of a file or stream, whose length is not told
	leastUrgent   = 6
	defaultVolume = 70.0
	quietLevel    = 41.0 // dB, one metre away, nothing playing
	loudLevel     = 96.0 // dB at 100 %
)

type (
	messageData struct {
		Message string `json:"message"`
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
	}
)

func (s *Speaker) start() {
	s.volume, s.now, s.waiting = defaultVolume, nil, nil
	s.every(s.times.Slow, s.tell)
}

func (s *Speaker) state() any {
	st := speakerState{Waiting: len(s.waiting), Volume: s.volume, Fault: s.broken}
	if s.now != nil {
		st.Message = s.now.message
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
			message, s.now = s.now.message, nil
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

var (
	errBroken    = errors.New("amplifier fault")
	errFull      = errors.New("too many messages are waiting")
	errNothing   = errors.New("nothing to play")
	errNoMessage = errors.New("message has no id")
)

type playArgs struct {
	Message  string  `json:"message"`
	URL      string  `json:"url"`
	Stream   string  `json:"stream"`
	Text     string  `json:"text"`
	Priority int     `json:"priority"`
	Repeat   int     `json:"repeat"`
	Volume   float64 `json:"volume_pct"`
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
	p := &playing{
		command: c.ID, message: a.Message, priority: min(cmp.Or(max(a.Priority, 0), leastUrgent), leastUrgent),
		length: lengthOf(a, s.times.Speak), volume: cmp.Or(a.Volume, defaultVolume),
	}
	switch {
	case a.Message == "":
		return nil, errNoMessage
	case a.Text == "" && a.URL == "" && a.Stream == "":
		return nil, errNothing
	case s.broken:
		s.happen("fault", "", speakerFault{a.Message, "amplifier", true})
		return nil, errBroken
	case len(s.waiting) == maxWaiting && s.now != nil && p.priority > s.now.priority:
		return nil, errFull
	}
	return func() { s.play(p) }, nil
}

// lengthOf is how long a message sounds: chime and text, so many times.
func lengthOf(a playArgs, speak time.Duration) time.Duration {
	once := streamLength
	if a.Text != "" {
		once = time.Duration(utf8.RuneCountInString(a.Text)) * speak
	}
	chime := lead * speak / (240 * time.Millisecond) // a faster world has a faster chime
	return min(chime+time.Duration(max(1, min(a.Repeat, 100)))*once, maxLength)
}

func (s *Speaker) play(p *playing) {
	if s.now != nil && p.priority > s.now.priority {
		s.waiting = append(s.waiting, p)
		// The most urgent first, the older first among equals.
		slices.SortStableFunc(s.waiting, func(a, b *playing) int { return cmp.Compare(a.priority, b.priority) })
		s.report()
		return
	}
	if old := s.now; old != nil {
		s.now = nil
		s.happen("overridden", "", messageData{old.message})
	}
	s.begin(p)
}

func (s *Speaker) begin(p *playing) {
	s.now, s.volume = p, p.volume
	s.happen("playing", "", messageData{p.message})
	s.finish(p.command, nil)
	s.report()
	s.tell()
	s.after(p.length, func() {
		if s.now == p {
			s.end()
		}
	})
}

// end finishes what is playing and begins what waits.
func (s *Speaker) end() {
	p := s.now
	s.now = nil
	s.happen("finished", "", messageData{p.message})
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
		if message == "" || p.message == message {
			s.fail(p.command, "stopped before it began")
			continue
		}
		keep = append(keep, p)
	}
	s.waiting = keep
	if s.now != nil && (message == "" || s.now.message == message) {
		s.end()
	} else {
		s.report()
	}
	s.finish(id, nil)
}

// tell measures: the level at the membrane is the proof of playing.
func (s *Speaker) tell() {
	level := quietLevel + 3*s.rand.Float64()
	if s.now != nil && !s.broken {
		level = loudLevel - (100-s.volume)*0.3 + 2*s.rand.Float64()
	}
	s.measure("", map[string]any{"level_db": round(level, 1), "volume_pct": s.volume})
}
