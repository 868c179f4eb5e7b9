package notify

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

// What a receiver repeats of a key or an address stands in no table and no answer,
// and is still what it was: refused, or another time.
func TestAnswersThatRepeatKeysAndAddresses(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.lanes[SMTP].Secrets = []string{"topsecret"}
		h.reach("u-chen", mailTo("chen"), Contact{WeCom, "@all"})
		h.post.answers(func(int, *Letter) error {
			return fmt.Errorf("%w: 550 <chen@example.org>: no such user, key topsecret", ErrRefused)
		})
		h.chat.answers(func(int, *Letter) error { return errors.New("not @all here") })
		h.run()
		h.send(life(note("a", "A1", event.Critical, "u-chen")))
		pass(time.Second)
		h.expect("smtp failed", 1)
		for _, l := range h.lanes {
			if strings.Contains(l.problem, "topsecret") || strings.Contains(l.problem, "chen@") {
				t.Errorf("the channel says %q", l.problem)
			}
		}
		ds, err := h.deliveries(t.Context(), "d.channel <> 'desk' ORDER BY d.channel")
		if err != nil || len(ds) != 2 {
			t.Fatal(ds, err)
		}
		if ds[0].Problem != "refused: 550 <***>: no such user, key ***" || ds[1].Problem != "not @all here" {
			t.Errorf("%q, %q", ds[0].Problem, ds[1].Problem)
		}
	})
}

func TestChannelsNameTheirSecrets(t *testing.T) {
	const hook = "topsecret-0123456789"
	for _, c := range []struct {
		ch     Channel
		secret string
	}{
		{&WeComChannel{URL: "https://h/send?key=topsecret"}, "topsecret"},
		{&DingTalkChannel{URL: "https://h/send?access_token=topsecret"}, "topsecret"},
		{&DingTalkChannel{URL: "https://h/send", Secret: "topsecret"}, "topsecret"},
		{&FeishuChannel{URL: "https://h/open-apis/bot/v2/hook/" + hook}, hook},
		{&FeishuChannel{URL: "https://h", Secret: "topsecret"}, "topsecret"},
		{&WebhookChannel{URL: "https://user:topsecret@h/x"}, "topsecret"},
		{&WebhookChannel{URL: "https://h/x?t=a+b%2Fc"}, "a+b%2Fc"},
		{&WebhookChannel{URL: "https://h/x", Secret: "topsecret"}, "topsecret"},
		{&NtfyChannel{URL: "https://h", Token: "topsecret"}, "topsecret"},
		{&SMTPChannel{Addr: "h:25", Password: "topsecret"}, "topsecret"},
	} {
		e := &envelope{lane: newLane(c.ch), rows: []Delivery{{}}}
		if got := e.mask(fmt.Errorf("no %s", c.secret)).Error(); got != "no ***" { //nolint:err113 // as a receiver says it
			t.Errorf("%s: %q", c.ch.Traits().Type, got)
		}
	}
}

// Where a colleague is reached is told to supervisors only.
func TestDeliveriesDoNotTellWhereOthersAreReached(t *testing.T) {
	d := newDesk(t)
	d.reach("u-chen", mailTo("chen"))
	d.reach("u-li", mailTo("li"))
	d.send(life(note("a", "A1", event.High, "u-chen", "u-li")))
	for who, want := range map[string]string{"u-chen": "chen@example.org", "u-li": "chen@example.org li@example.org"} {
		var page struct{ Items []Delivery }
		if status, code := d.ask(who, "GET", "/notify/deliveries?channel=smtp", "", &page); status != 200 || len(page.Items) != 2 {
			t.Fatal(status, code, page)
		}
		got := strings.TrimSpace(page.Items[1].Address + " " + page.Items[0].Address)
		if got != want {
			t.Errorf("%s is told %q", who, got)
		}
	}
}
