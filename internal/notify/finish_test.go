package notify

import (
	"slices"
	"testing"
	"time"

	"dongyue/internal/event"
)

// The end of a letter that can't be written, as on a disk that is full for a moment,
// is written when it can; nothing stays on its way for ever or goes out twice.
func TestTheEndOfALetterIsWrittenWhenItCanBe(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", Contact{SMTP, "chen@example.org"})
		h.deaf = 3
		h.run()
		h.send(life(note("a", "A1", event.Critical, "u-chen")))
		pass(time.Minute)
		h.expect("smtp sent", 1)
		if n, heard := h.post.attempts(), h.heard(); n != 1 || !slices.Equal(heard, []string{"u-chen smtp sent"}) {
			t.Errorf("sent %d times, settled %q", n, heard)
		}
	})
}
