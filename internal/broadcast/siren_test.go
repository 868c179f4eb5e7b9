package broadcast

import (
	"context"
	"slices"
	"testing"

	"dongyue/internal/sound"
)

// words are a voice that says one sample for each byte.
type words struct{}

func (words) Say(_ context.Context, text string) (sound.PCM, error) {
	return make(sound.PCM, len(text)), nil
}
func (words) Preface(string) (sound.PCM, error) { return make(sound.PCM, 7), nil }

// TestSirenBeforeTheWords: at a fire the signal comes first; an exercise has none.
func TestSirenBeforeTheWords(t *testing.T) {
	b := &Broadcasts{o: Options{Voice: words{}}}
	signal := sound.Evacuation()
	for _, c := range []struct {
		bc   Broadcast
		want int
	}{
		{Broadcast{Text: "fire", Mode: Actual, siren: true}, len(signal) + 4},
		{Broadcast{Text: "fire", Mode: Actual}, 4},
		{Broadcast{Text: "fire", Mode: Exercise, siren: true}, 7 + 4},
	} {
		p, err := b.render(t.Context(), &c.bc)
		if err != nil || len(p) != c.want {
			t.Errorf("%s, siren %v: %d samples, %v; want %d", c.bc.Mode, c.bc.siren, len(p), err, c.want)
		}
		if c.want > len(signal) && !slices.Equal(p[:len(signal)], signal) {
			t.Error("it does not begin with the signal")
		}
	}
}
