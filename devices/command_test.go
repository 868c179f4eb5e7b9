package devices_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"dongyue/devices"
	"dongyue/internal/event"

	"pgregory.net/rapid"
)

func (h *hub) command(q devices.CommandRequest) devices.Command {
	h.t.Helper()
	if q.Device == "" {
		q.Device, q.Type = "door-1", "lock"
	}
	c, err := h.Command(context.Background(), q)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// status is what is stored of a command.
func (h *hub) status(id string) (status, text string) {
	h.t.Helper()
	if err := h.db.Read().QueryRow("SELECT status, error FROM device_commands WHERE id = ?", id).Scan(&status, &text); err != nil {
		h.t.Fatal(err)
	}
	return status, text
}

func (h *hub) reply(device, id string, status devices.Status, text string) {
	h.t.Helper()
	h.handle(h.decode(device, event.Reply, fmt.Sprintf(`{"id":%q,"status":%q,"at":%q,"error":%q,"data":{"n":1}}`,
		id, status, time.Now().UTC().Format(time.RFC3339Nano), text), time.Now()))
}

func TestCommandReachesItsDevice(t *testing.T) {
	h := fresh(t)
	h.wire.set("door-1", true)
	c := h.command(devices.CommandRequest{
		Device: "door-1", Type: "unlock", Args: map[string]any{"for_s": 5, "ref": "e-42"}, TTL: 4 * time.Second, Actor: "access", Ref: "e-42",
	})
	if c.Status != devices.Sent || c.ExpiresAt.Sub(c.At) != 4*time.Second {
		t.Fatalf("got %+v", c)
	}
	all := h.wire.all()
	if len(all) != 1 {
		t.Fatalf("%d messages", len(all))
	}
	s := all[0]
	if s.Topic != "dy/v1/door/door-1/command" || s.QoS != 1 || s.Retain || s.Expiry <= 0 || s.Expiry > 4*time.Second || s.Body.ID != c.ID ||
		s.Body.Type != "unlock" || string(s.Body.Args) != `{"for_s":5,"ref":"e-42"}` || !s.Body.At.Equal(c.At) || !s.Body.ExpiresAt.Equal(c.ExpiresAt) {
		t.Fatalf("got %+v", s)
	}
	h.reply("door-1", c.ID, devices.Accepted, "")
	h.reply("door-1", c.ID, devices.Done, "")
	h.reply("door-1", c.ID, devices.Failed, "too late") // final is final
	if got, _ := h.status(c.ID); got != "done" {
		t.Fatalf("status %s", got)
	}
	var seen []string
	for _, e := range h.entries("command") {
		seen = append(seen, fmt.Sprint(e["status"], e["actor"], e["ref"]))
	}
	if fmt.Sprint(seen) != "[sentaccesse-42 acceptedaccesse-42 doneaccesse-42]" {
		t.Fatalf("feed %v", seen)
	}
}

func TestRepliesOfOthersCountNothing(t *testing.T) {
	h := fresh(t)
	h.wire.set("door-1", true)
	c := h.command(devices.CommandRequest{})
	h.reply("lamp-1", c.ID, devices.Done, "")
	h.reply("door-1", "unknown", devices.Done, "")
	if got, _ := h.status(c.ID); got != "sent" {
		t.Fatalf("status %s", got)
	}
	h.reply("door-1", c.ID, devices.Failed, "bolt stuck")
	if got, text := h.status(c.ID); got != "failed" || text != "bolt stuck" {
		t.Fatalf("status %s %s", got, text)
	}
	h.wire.set("door-1", false)
	q := h.command(devices.CommandRequest{})
	h.reply("door-1", q.ID, devices.Done, "") // never sent
	if got, _ := h.status(q.ID); got != "queued" {
		t.Fatalf("status %s", got)
	}
}

func TestIdempotencyKey(t *testing.T) {
	h := fresh(t)
	h.wire.set("door-1", true)
	q := devices.CommandRequest{Device: "door-1", Type: "unlock", Args: map[string]any{"for_s": 5}, Key: "k1", Actor: "chen"}
	a, b := h.command(q), h.command(q)
	if a.ID != b.ID || len(h.wire.all()) != 1 {
		t.Fatalf("%s, %s, %d sent", a.ID, b.ID, len(h.wire.all()))
	}
	for _, other := range []devices.CommandRequest{
		{Device: "door-1", Type: "unlock", Args: map[string]any{"for_s": 50}, Key: "k1", Actor: "chen"},
		{Device: "door-1", Type: "lock", Key: "k1", Actor: "chen"},
	} {
		if _, err := h.Command(context.Background(), other); refused(err) != devices.CodeKeyReused {
			t.Errorf("%+v: got %v", other, err)
		}
	}
	q.Actor = "li"
	if c := h.command(q); c.ID == a.ID {
		t.Error("keys of two people meet")
	}
	if _, err := h.Command(context.Background(), devices.CommandRequest{Device: "door-9", Type: "lock"}); !errors.Is(err, devices.ErrNoDevice) {
		t.Errorf("got %v", err)
	}
}

func TestQueuedCommandWaitsForItsDevice(t *testing.T) {
	inRun(t, func(t *testing.T, h *hub) {
		c := h.command(devices.CommandRequest{TTL: 10 * time.Second})
		late := h.command(devices.CommandRequest{TTL: 2 * time.Second})
		second := h.command(devices.CommandRequest{Device: "door-1", Type: "sync", TTL: 10 * time.Second})
		time.Sleep(5 * time.Second)
		if n := len(h.wire.all()); n != 0 {
			t.Fatalf("%d sent to nobody", n)
		}
		h.wire.set("door-1", true)
		h.Connected("door-1")
		synctest.Wait()
		all := h.wire.all()
		if len(all) != 2 || all[0].Body.ID != c.ID || all[1].Body.ID != second.ID || all[0].Expiry > 5*time.Second {
			t.Fatalf("sent %+v", all)
		}
		if got, why := h.status(late.ID); got != "expired" || why == "" {
			t.Errorf("late: %s %q", got, why)
		}
		h.Connected("door-1")
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(h.wire.all()); n != 2 {
			t.Errorf("%d sent, want each once", n)
		}
		if got, _ := h.status(c.ID); got != "expired" {
			t.Errorf("no answer: %s", got)
		}
		h.reply("door-1", c.ID, devices.Done, "")
		if got, why := h.status(c.ID); got != "expired" || why == "" {
			t.Errorf("an answer after the deadline: %s %q", got, why)
		}
	})
}

func TestAcceptedCommandMayWorkOn(t *testing.T) {
	inRun(t, func(t *testing.T, h *hub) {
		h.wire.set("door-1", true)
		c, d := h.command(devices.CommandRequest{}), h.command(devices.CommandRequest{Device: "door-1", Type: "sync"})
		h.reply("door-1", c.ID, devices.Accepted, "")
		h.reply("door-1", d.ID, devices.Accepted, "")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		h.reply("door-1", c.ID, devices.Done, "")
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if got, _ := h.status(c.ID); got != "done" {
			t.Errorf("status %s, want done", got)
		}
		if got, _ := h.status(d.ID); got != "expired" {
			t.Errorf("status %s, want expired", got)
		}
	})
}

func TestBrokerRefusesACommand(t *testing.T) {
	inRun(t, func(t *testing.T, h *hub) {
		h.wire.set("door-1", true)
		h.wire.fail = errors.New("no session")
		c := h.command(devices.CommandRequest{})
		if c.Status != devices.Queued {
			t.Fatalf("status %s", c.Status)
		}
		h.wire.mu.Lock()
		h.wire.fail = nil
		h.wire.mu.Unlock()
		time.Sleep(time.Second)
		h.Connected("door-1")
		synctest.Wait()
		if got, _ := h.status(c.ID); got != "sent" || len(h.wire.all()) != 1 {
			t.Fatalf("status %s, %d sent", got, len(h.wire.all()))
		}
	})
}

// Whatever devices and time do, a command goes only forward, is published at
// most once and never after its deadline, and ends.
func TestCommandLife(t *testing.T) {
	order := map[string]int{"queued": 0, "sent": 1, "accepted": 2, "done": 3, "failed": 3, "expired": 3}
	rapid.Check(t, func(rt *rapid.T) {
		inRun(t, func(t *testing.T, h *hub) {
			ids := []string{}
			last := map[string]string{}
			check := func() {
				synctest.Wait()
				for _, id := range ids {
					got, _ := h.status(id)
					if was := last[id]; was != got && (order[got] <= order[was] || order[was] == 3) {
						rt.Fatalf("%s went from %s to %s", id, was, got)
					}
					last[id] = got
				}
			}
			for range rapid.IntRange(1, 25).Draw(rt, "steps") {
				switch rapid.IntRange(0, 5).Draw(rt, "what") {
				case 0:
					ttl := time.Duration(rapid.IntRange(1, 20).Draw(rt, "ttl")) * time.Second
					c := h.command(devices.CommandRequest{TTL: ttl})
					ids, last[c.ID] = append(ids, c.ID), "queued"
				case 1:
					h.wire.set("door-1", true)
					h.Connected("door-1")
				case 2:
					h.wire.set("door-1", false)
					h.Disconnected("door-1")
				case 3:
					time.Sleep(time.Duration(rapid.IntRange(1, 8000).Draw(rt, "ms")) * time.Millisecond)
				default:
					if len(ids) > 0 {
						id := rapid.SampledFrom(ids).Draw(rt, "id")
						by := rapid.SampledFrom([]string{"door-1", "lamp-1"}).Draw(rt, "by")
						h.reply(by, id, rapid.SampledFrom([]devices.Status{devices.Accepted, devices.Done, devices.Failed, devices.Expired}).Draw(rt, "status"), "")
					}
				}
				check()
			}
			time.Sleep(11 * time.Minute)
			check()
			published := map[string]int{}
			for _, s := range h.wire.all() {
				published[s.Body.ID]++
				if published[s.Body.ID] > 1 || !s.At.Before(s.Body.ExpiresAt) || s.Expiry > s.Body.ExpiresAt.Sub(s.At) {
					rt.Fatalf("published %+v", s)
				}
			}
			for id, status := range last {
				if order[status] != 3 {
					rt.Fatalf("%s is still %s", id, status)
				}
			}
		})
	})
}

// What was sent when the hub was killed may not have arrived: it goes out again
// under its id, unless the device has answered or its time is over.
func TestSentCommandsAfterACrash(t *testing.T) {
	path := t.TempDir() + "/hub.db"
	h := open(t, path)
	if err := h.Seed(context.Background(), devices.Site{Devices: []devices.SeedDevice{{Device: devices.Device{ID: "door-1", Kind: event.Door, Name: "门"}, Secret: "s"}}}); err != nil {
		t.Fatal(err)
	}
	h.wire.set("door-1", true)
	lost, answered, over := h.command(devices.CommandRequest{}), h.command(devices.CommandRequest{}), h.command(devices.CommandRequest{TTL: time.Millisecond})
	time.Sleep(2 * time.Millisecond)

	again := open(t, path)
	again.reply("door-1", answered.ID, devices.Done, "") // it was in the journal
	again.wire.set("door-1", true)
	again.Connected("door-1")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- again.Run(ctx) }()
	for range 200 {
		if len(again.wire.all()) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if all := again.wire.all(); len(all) != 1 || all[0].Body.ID != lost.ID {
		t.Errorf("sent again: %+v", all)
	}
	for id, want := range map[string]string{lost.ID: "sent", answered.ID: "done", over.ID: "expired"} {
		if got, _ := again.status(id); got != want && (id != over.ID || got != "sent") { // Run may not have swept yet
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}

func TestCommandJSON(t *testing.T) {
	h := fresh(t)
	b, err := json.Marshal(h.command(devices.CommandRequest{Actor: "chen"}))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"id", "device", "type", "args", "at", "expires_at", "status", "error", "actor", "ref", "data"} {
		if _, ok := m[k]; !ok {
			t.Errorf("no %s in %s", k, b)
		}
	}
}
