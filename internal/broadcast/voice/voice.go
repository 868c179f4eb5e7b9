package voice

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"
	"unicode"

	"dongyue/internal/broadcast"
	"dongyue/internal/sound"
	"dongyue/internal/web"
)

//go:embed ready/*.json ready/*.opus
var ready embed.FS

// Message is a text that the hub can say without a synthesiser.
type Message struct {
	ID string `json:"id"`
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// Voice speaks.
type Voice struct {
	messages []Message
	recorded map[string]string // by text without its punctuation: the file
	program  string            // of espeak-ng; "": not installed
	turns    chan struct{}     // how many programs may run at once
	within   time.Duration
}

// within is the longest that a synthesiser may take: 2,000 bytes of text take 0.3 s.
const within = 5 * time.Second

// ErrMute is for a text that was not recorded where no synthesiser is installed.
var ErrMute = errors.New("no recording of this text, and espeak-ng is not installed")

// New reads the list of recordings and looks for espeak-ng.
func New() (*Voice, error) {
	b, err := ready.ReadFile("ready/messages.json")
	if err != nil {
		return nil, fmt.Errorf("voice: %w", err)
	}
	v := &Voice{recorded: map[string]string{}, turns: make(chan struct{}, 2), within: within}
	if err := json.Unmarshal(b, &v.messages); err != nil {
		return nil, fmt.Errorf("voice: %w", err)
	}
	for _, m := range v.messages {
		v.recorded[plain(m.ZH)], v.recorded[plain(m.EN)] = m.ID+".zh", m.ID+".en"
	}
	v.program, _ = exec.LookPath("espeak-ng") // without it the recordings are left
	return v, nil
}

// Preface is what opens an exercise, in the language of what follows, so that nobody
// runs.
func (v *Voice) Preface(text string) (sound.PCM, error) {
	if broadcast.Chinese(text) || text == "" {
		return recording("drill.zh")
	}
	return recording("drill.en")
}

// Say speaks a text.
func (v *Voice) Say(ctx context.Context, text string) (sound.PCM, error) {
	if name, ok := v.recorded[plain(text)]; ok {
		return recording(name)
	}
	if v.program == "" {
		return nil, ErrMute
	}
	select {
	case v.turns <- struct{}{}:
		defer func() { <-v.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, v.within)
	defer cancel()
	lang, speed := "en-gb", "150"
	if broadcast.Chinese(text) {
		lang, speed = "cmn", "165"
	}
	// The text goes in by the standard input: no word of it is a flag.
	c := exec.CommandContext(ctx, v.program, "-v", lang, "-s", speed, "-a", "180", "--stdin", "--stdout") //nolint:gosec // found in PATH by its name
	c.Stdin = strings.NewReader(heard(text))
	c.WaitDelay = time.Second
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	p, err := sound.Decode(out)
	if err != nil {
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	return p, nil
}

// heard is a text as espeak-ng is given it: [[…]] would be phonemes to it and not be said,
// and a NUL the end.
func heard(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '[' || r == ']' || unicode.IsControl(r) && r != '\n' {
			return ' '
		}
		return r
	}, text)
}

func recording(name string) (sound.PCM, error) {
	b, err := ready.ReadFile("ready/" + name + ".opus")
	if err != nil {
		return nil, fmt.Errorf("voice: %w", err)
	}
	return sound.Decode(b)
}

// plain is a text without what nobody hears: 请注意，… and 请注意,… are one.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPunct(r) || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

type listOutput struct {
	Body struct {
		Items       []Message `json:"items"`
		Synthesiser bool      `json:"synthesiser" doc:"whether other texts can be spoken too; without it loudspeakers speak them themselves"`
	}
}

// Register adds the list of what needs no synthesiser.
func (v *Voice) Register(a *web.API) {
	web.Register(a, web.Op{
		Method: http.MethodGet, Path: "/broadcasts/ready", Summary: "Messages that were recorded beforehand", Tag: "broadcasts", Action: web.Broadcast,
	}, func(context.Context, *struct{}) (*listOutput, error) {
		out := &listOutput{}
		out.Body.Items, out.Body.Synthesiser = v.messages, v.program != ""
		return out, nil
	})
}
