package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

func mailTo(who string) Contact { return Contact{SMTP, who + "@example.org"} }

func TestAKeyIsSentOnce(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"))
		h.run()
		n := note("a/1", "a", event.High, "u-chen", "u-chen")
		if !h.send(n) || h.send(n) {
			t.Error("fresh is told wrong")
		}
		pass(time.Minute)
		if got := h.post.subjects(); !slices.Equal(got, []string{"告警a/1"}) {
			t.Errorf("%q", got)
		}
		if got, want := h.states(), map[string]int{"desk sent": 1, "smtp sent": 1}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v", got)
		}
		if !slices.Equal(h.heard(), []string{"u-chen smtp sent"}) {
			t.Errorf("heard %q", h.heard())
		}
	})
}

func TestARolledBackNotificationIsNone(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"))
		h.run()
		n := note("a/1", "a", event.High, "u-chen")
		_ = h.db.Tx(t.Context(), func(tx *sql.Tx) error {
			if fresh, err := h.Send(t.Context(), tx, n); !fresh || err != nil {
				t.Error(fresh, err)
			}
			return errDown
		})
		pass(time.Minute)
		if len(h.post.letters()) > 0 || len(h.states()) > 0 || h.feed.Last() > 0 {
			t.Error("it was sent", h.states())
		}
		if !h.send(n) {
			t.Error("its key is taken")
		}
	})
}

func TestAClusterBecomesOneLetter(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"), Contact{WeCom, "13800000001"})
		h.reach("u-li", Contact{WeCom, "li"})
		h.run()
		for i := range 3 {
			n := note(fmt.Sprint("p/", i), fmt.Sprint("p", i), event.High, "u-chen", "u-li")
			n.Cluster = "power"
			h.send(n)
			pass(time.Second)
		}
		other := note("q/1", "q", event.High, "u-chen")
		h.send(other)
		pass(5 * time.Second)
		if len(h.post.letters()) > 0 {
			t.Error("a letter did not wait for its cluster")
		}
		pass(10 * time.Second)
		letters := h.post.letters()
		if len(letters) != 2 {
			t.Fatalf("%+v", letters)
		}
		one := letters[0]
		if one.Subject != "告警p/0（另有 2 条）" || one.Body != "告警p/0\n告警p/1\n告警p/2" || !slices.Equal(one.Alarms, []string{"p0", "p1", "p2"}) {
			t.Errorf("%+v", one)
		}
		chat := h.chat.letters()
		if len(chat) != 2 || len(chat[0].To) != 2 || chat[0].To[1] != (Addressee{"u-li", "李", "li"}) {
			t.Errorf("in the group: %+v", chat)
		}
		h.expect("smtp sent", 4)
	})
}

func TestALetterIsInTheReadersLanguage(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", Contact{WeCom, "chen"})
		if err := h.setContacts(t.Context(), "test", "u-li", Contacts{Language: English, Channels: []Contact{{WeCom, "li"}}}); err != nil {
			t.Fatal(err)
		}
		h.run()
		h.send(life(note("a/1", "a", event.Critical, "u-chen", "u-li")))
		pass(time.Second)
		if got := h.chat.subjects(); len(got) != 2 || !slices.Contains(got, "告警a/1") || !slices.Contains(got, "alarm a/1") {
			t.Errorf("%q", got)
		}
	})
}

// Life safety waits for nobody, is never put together, and is told each time.
func TestLifeSafetyIsNeverGroupedAway(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"))
		h.run()
		for i := range 3 {
			n := life(note(fmt.Sprint("f/", i), "f", event.Critical, "u-chen"))
			n.Cluster, n.Subject = "fire", event.Text{ZH: "烟雾", EN: "smoke"}
			h.send(n)
		}
		pass(time.Millisecond)
		if got := h.post.subjects(); len(got) != 3 {
			t.Errorf("%q", got)
		}
	})
}

func TestWhatWasToldAMomentAgoIsNotToldAgain(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"))
		h.run()
		same := func(key string) {
			n := note(key, "a", event.Medium, "u-chen")
			n.Subject = event.Text{ZH: "门", EN: "door"}
			h.send(n)
			pass(30 * time.Second)
		}
		same("1")
		same("2")
		pass(5 * time.Minute)
		same("3")
		h.expect("smtp sent", 2)
		h.expect("smtp duplicate", 1)
	})
}

func TestFailuresAreTriedAgain(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"))
		var ids []string
		h.post.answers(func(n int, l *Letter) error {
			ids = append(ids, l.ID)
			if n < 4 {
				return errDown
			}
			return nil
		})
		h.run()
		began := time.Now()
		h.send(life(note("a/1", "a", event.Critical, "u-chen")))
		pass(time.Minute)
		if len(h.post.letters()) != 1 || len(ids) != 4 || slices.ContainsFunc(ids, func(id string) bool { return id != ids[0] }) {
			t.Errorf("ids %q", ids)
		}
		// 1 s, 2 s and 4 s of pause, a fifth more or less, seen within a second each.
		if took := h.post.times()[0].Sub(began); took < 5600*time.Millisecond || took > 12*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestARefusalIsFinal(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"))
		h.post.answers(func(int, *Letter) error { return fmt.Errorf("%w: no such mailbox", ErrRefused) })
		h.run()
		h.send(life(note("a/1", "a", event.Critical, "u-chen")))
		pass(time.Hour)
		if h.post.attempts() != 1 {
			t.Errorf("%d attempts", h.post.attempts())
		}
		ds, err := h.deliveries(t.Context(), "d.channel = 'smtp'")
		if err != nil || ds[0].State != Failed || !strings.Contains(ds[0].Problem, "no such mailbox") || !slices.Equal(h.heard(), []string{"u-chen smtp failed"}) {
			t.Errorf("%+v %q %v", ds, h.heard(), err)
		}
	})
}

func TestTheDeadline(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"))
		h.post.answers(func(int, *Letter) error { return errDown })
		h.run()
		n := life(note("a/1", "a", event.Critical, "u-chen"))
		n.Deadline = time.Now().Add(90 * time.Second)
		h.send(n)
		pass(92 * time.Second)
		h.expect("smtp expired", 1)
		if !slices.Equal(h.heard(), []string{"u-chen smtp expired"}) {
			t.Errorf("heard %q", h.heard())
		}
		tries := h.post.attempts()
		pass(time.Hour)
		if h.post.attempts() != tries || tries < 8 {
			t.Errorf("%d attempts, then %d", tries, h.post.attempts())
		}
	})
}

// A robot takes 20 letters in a minute: 16 ordinary ones leave at once, the rest
// waits; what is about life safety finds its own places and goes ahead.
func TestThePace(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", Contact{WeCom, "chen"})
		h.run()
		for i := range 40 {
			n := note(fmt.Sprint("p/", i), fmt.Sprint("p", i), event.Low, "u-chen")
			n.Cluster = ""
			h.send(n)
		}
		pass(30 * time.Second)
		if got := len(h.chat.letters()); got != 16 {
			t.Errorf("%d letters in the first half minute", got)
		}
		h.send(life(note("f/1", "f", event.Critical, "u-chen")))
		pass(time.Second)
		if got := h.chat.subjects(); len(got) != 17 || got[16] != "告警f/1" {
			t.Errorf("%q", got)
		}
		pass(5 * time.Minute)
		if got := len(h.chat.letters()); got != 41 {
			t.Errorf("%d letters in the end", got)
		}
		for i, from := range h.chat.times() {
			in := 0
			for _, at := range h.chat.times()[i:] {
				if at.Sub(from) < time.Minute {
					in++
				}
			}
			if in > 20 {
				t.Fatalf("%d letters within a minute of %s", in, from)
			}
		}
	})
}

// Where a channel takes few letters one is left to life safety all the same.
func TestThePaceOfAChannelThatTakesFew(t *testing.T) {
	for _, c := range []struct{ perMinute, ordinary int }{{1, 1}, {2, 1}, {4, 3}} {
		inHouse(t, func(t *testing.T, h *house) {
			h.lanes[WeCom].PerMinute = c.perMinute
			h.reach("u-chen", Contact{WeCom, "chen"})
			h.run()
			for i := range 4 {
				n := note(fmt.Sprint("p/", i), fmt.Sprint("p", i), event.Low, "u-chen")
				n.Cluster = ""
				h.send(n)
			}
			pass(5 * time.Second)
			h.send(life(note("f/1", "f", event.Critical, "u-chen")))
			pass(5 * time.Second)
			if got := len(h.chat.letters()); got != min(c.ordinary+1, c.perMinute) {
				t.Errorf("%d a minute: %q", c.perMinute, h.chat.subjects())
			}
			pass(10 * time.Minute)
			if got := len(h.chat.letters()); got != 5 {
				t.Errorf("%d a minute: %d letters in the end", c.perMinute, got)
			}
		})
	}
}

func TestARestartGivesNoRightToMore(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", Contact{WeCom, "chen"})
		h.run()
		for i := range 20 {
			h.send(life(note(fmt.Sprint("f/", i), fmt.Sprint("f", i), event.Critical, "u-chen")))
		}
		pass(5 * time.Second)
		h.close()
		h.start()
		h.run()
		h.send(life(note("f/20", "f20", event.Critical, "u-chen")))
		pass(5 * time.Second)
		if got := len(h.chat.letters()); got != 20 {
			t.Errorf("%d letters within the minute", got)
		}
		pass(time.Minute)
		if got := len(h.chat.letters()); got != 21 {
			t.Errorf("%d letters", got)
		}
	})
}

// A channel that is down is asked by one letter at a time, and by each about life
// safety.
func TestTheCircuit(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"))
		h.post.answers(func(int, *Letter) error { return errDown })
		h.run()
		for i := range 30 {
			n := note(fmt.Sprint("p/", i), fmt.Sprint("p", i), event.Low, "u-chen")
			n.Cluster = ""
			h.send(n)
		}
		pass(10 * time.Second)
		tries := h.post.attempts()
		if tries > 10 {
			t.Errorf("%d attempts at a dead channel", tries)
		}
		h.send(life(note("f/1", "f", event.Critical, "u-chen")))
		pass(time.Millisecond)
		if h.post.attempts() != tries+1 {
			t.Error("life safety was held back")
		}
		pass(3 * time.Minute)
		if h.post.attempts() > tries+40 {
			t.Errorf("%d attempts at a dead channel in three minutes", h.post.attempts())
		}
		h.post.answers(nil)
		pass(2 * time.Minute)
		if got := len(h.post.letters()); got != 31 {
			t.Errorf("%d letters after it came back: %v", got, h.states())
		}
	})
}

func TestAReceiverThatWantsFewer(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"))
		h.post.answers(func(n int, _ *Letter) error {
			if n == 1 {
				return &SlowDown{For: 40 * time.Second, What: "too fast"}
			}
			return nil
		})
		h.run()
		h.send(life(note("f/1", "f", event.Critical, "u-chen")))
		pass(time.Second)
		h.send(life(note("f/2", "f", event.Critical, "u-chen")))
		pass(30 * time.Second)
		if h.post.attempts() != 1 {
			t.Errorf("%d attempts before the rest was over", h.post.attempts())
		}
		pass(15 * time.Second)
		if got := len(h.post.letters()); got != 2 {
			t.Errorf("%d letters", got)
		}
	})
}

// What was on its way when the hub died goes out again under the same id.
func TestAfterACrash(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"))
		hang := make(chan struct{})
		var ids []string
		h.post.answers(func(n int, l *Letter) error {
			ids = append(ids, l.ID)
			if n == 1 {
				<-hang
				return context.Canceled
			}
			return nil
		})
		h.run()
		n := note("a/1", "a", event.High, "u-chen")
		n.Cluster = ""
		h.send(n)
		pass(time.Second)
		h.expect("smtp sending", 1)
		close(hang)
		h.close() // nothing is written of that attempt
		h.start()
		h.run()
		pass(2 * time.Second)
		h.expect("smtp sent", 1)
		if len(ids) != 2 || ids[0] != ids[1] {
			t.Errorf("ids %q", ids)
		}
	})
}

func TestAChannelThatIsNotSetUp(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", Contact{Feishu, "ou_1"})
		h.run()
		h.send(note("a/1", "a", event.High, "u-chen"))
		h.expect("feishu failed", 1)
		if !slices.Equal(h.heard(), []string{"u-chen feishu failed"}) {
			t.Errorf("heard %q", h.heard())
		}
	})
}

func TestAnExerciseStaysInside(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.reach("u-chen", mailTo("chen"), Contact{WeCom, "chen"})
		h.run()
		n := life(note("a/1", "a", event.Critical, "u-chen"))
		n.Inside = true
		h.send(n)
		pass(time.Hour)
		if got := h.states(); len(got) != 1 || got["desk sent"] != 1 {
			t.Errorf("%v", got)
		}
	})
}

func TestWhatANotificationNeeds(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		for name, n := range map[string]Notification{
			"no key": note("", "a", event.High, "u-chen"), "a long key": note(strings.Repeat("k", 301), "a", event.High),
			"one language": {Key: "k", Subject: event.Text{ZH: "中"}}, "a crowd": note("k", "a", event.High, make([]string, 201)...),
		} {
			err := h.db.Tx(t.Context(), func(tx *sql.Tx) error {
				_, err := h.Send(t.Context(), tx, n)
				return err
			})
			if err == nil {
				t.Errorf("%s was taken", name)
			}
		}
	})
}

func TestSetUpTwice(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		_, err := New(t.Context(), Options{DB: h.db, Feed: h.feed, People: people(), Channels: []Channel{h.post, h.post}})
		if err == nil {
			t.Error("two channels of one type")
		}
		if _, err := New(t.Context(), Options{}); err == nil {
			t.Error("without a database")
		}
	})
}

func TestPausesGrow(t *testing.T) {
	for _, c := range []struct {
		attempt   int
		life      bool
		low, high time.Duration
	}{
		{1, false, 800 * time.Millisecond, 1200 * time.Millisecond}, {4, false, 6400 * time.Millisecond, 9600 * time.Millisecond},
		{100, false, 48 * time.Second, 72 * time.Second}, {100, true, 8 * time.Second, 12 * time.Second},
	} {
		if d := pauseAfter(c.attempt, c.life, errDown); d < c.low || d > c.high {
			t.Errorf("attempt %d: %s", c.attempt, d)
		}
	}
	if d := pauseAfter(1, false, &SlowDown{For: time.Minute}); d != time.Minute {
		t.Error(d)
	}
	if errors.Is(&SlowDown{}, ErrRefused) {
		t.Error("a wish is no refusal")
	}
}
