package broker

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Who has much to send sees how much waits, and that it gets less when the device reads.
func TestBacklog(t *testing.T) {
	h := start(t)
	r := loggedIn(t, h, 4, "door-1", connectOptions{})
	const topic = "dy/v1/door/door-1/config"
	r.subscribe(1, topic)
	if n := h.Backlog("door-1") + h.Backlog("door-2"); n != 0 {
		t.Fatalf("%d bytes wait for nobody", n)
	}
	payload, sent := strings.Repeat("x", 60<<10), 0
	for ; h.Backlog("door-1") == 0 && sent < 1000; sent++ { // until the kernel's buffers are full
		if err := h.Publish(topic, []byte(payload), 0, false, time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond) // it is delivered by another goroutine
	}
	if n := h.Backlog("door-1"); n < len(payload)/2 {
		t.Fatalf("%d bytes wait after %d messages", n, sent)
	}
	for range sent {
		if _, got, _, _ := r.message(false); len(got) != len(payload) {
			t.Fatalf("a message of %d bytes", len(got))
		}
	}
	eventually(t, fmt.Sprintf("nothing waits after %d messages", sent), func() bool { return h.Backlog("door-1") == 0 })
}
