package rota

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// Changes that are made at the same time all hold at once, not only after the next
// start.
func TestChangesAtTheSameTimeAllHold(t *testing.T) {
	d := newDesk(t)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			from := d.now.Add(time.Duration(i) * time.Hour)
			_, err := d.AddOverride(t.Context(), "boss", Override{From: from, To: from.Add(time.Hour), Out: "chen", In: "li", Reason: fmt.Sprint(i)})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(d.Plan().Overrides); n != 40 {
		t.Errorf("%d exceptions hold, 40 were written", n)
	}
}
