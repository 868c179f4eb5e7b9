package charging_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"dongyue/internal/charging"
	"dongyue/internal/event"
)

// purse is a provider that answers as a test wants.
type purse struct {
	mu      sync.Mutex
	pay     error
	refund  error
	refunds int
}

func (p *purse) Pay(context.Context, string, string, charging.Fen) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pay
}

func (p *purse) Refund(context.Context, string, string, charging.Fen) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refunds++
	return p.refund
}

func (p *purse) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refunds
}

func (p *purse) answers(refund error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refund = refund
}

func (d *desk) live(at, heard time.Time, state string, wh float64) {
	b, _ := json.Marshal(map[string]any{"state": state, "power_w": 300, "energy_wh": wh})
	d.c.Live(event.Event{Device: "shed", Kind: event.Charger, Channel: event.Telemetry, Part: "7", At: at, ReceivedAt: heard, Data: b})
}

// TestARefundThatTheProviderDoesNotKnow: what was paid by its own word is given back,
// whatever it says of it for a while.
func TestARefundThatTheProviderDoesNotKnow(t *testing.T) {
	p := &purse{refund: charging.ErrNoPayment}
	d := openDesk(t, func(o *charging.Options) { o.Payments = p })
	s := d.start("k")
	at := time.Now().UTC().Truncate(time.Millisecond)
	d.happens("session_started", at, map[string]any{"session": s.ID, "user": "p-1"})
	d.happens("session_ended", at.Add(time.Hour), map[string]any{"session": s.ID, "energy_wh": 100, "reason": "full"})
	d.until("it was asked twice", func() bool { return p.asked() >= 2 })
	if state, _, _, refund, _ := d.row(s.ID); state != "refunding" || refund == 0 {
		t.Fatalf("%s with %d fen to come: they were paid", state, refund)
	}
	p.answers(nil)
	d.reaches(s.ID, "settled")
}

// TestAPaymentThatMayStillCome: a provider that never answered may book later, so what it
// does not know yet is no refund.
func TestAPaymentThatMayStillCome(t *testing.T) {
	p := &purse{pay: errors.New("no answer"), refund: charging.ErrNoPayment}
	d := openDesk(t, func(o *charging.Options) { o.Payments = p })
	s, err := d.c.Start(t.Context(), charging.Ask{Person: "p-1", Device: "shed", Part: "7", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	d.ago(s.ID, 3*time.Minute)
	d.until("it was asked twice", func() bool { return p.asked() >= 2 })
	if state, reason, _, _, _ := d.row(s.ID); state != "refunding" || reason != "payment_timeout" {
		t.Fatalf("%s, %s after %d questions", state, reason, p.asked())
	}
	d.ago(s.ID, time.Hour)
	d.reaches(s.ID, "settled")
}

// ago lets a session be asked for some time ago.
func (d *desk) ago(id string, by time.Duration) {
	d.t.Helper()
	err := d.db.Tx(d.t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(d.t.Context(), "UPDATE charging_sessions SET asked_at = ?, next_at = 0 WHERE id = ?", time.Now().Add(-by).UnixMilli(), id)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestAHubThatTakesNoPaymentsAnyMore keeps what it owes and does not fall.
func TestAHubThatTakesNoPaymentsAnyMore(t *testing.T) {
	d := openDesk(t, func(o *charging.Options) { o.Payments = nil })
	for i, state := range []string{"paying", "refunding", "owing"} {
		err := d.db.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO charging_sessions(id, device, part, person, state, deposit, rate_power, rate_service, asked_at, refund, due)
				VALUES (?, 'shed', ?, 'p-1', ?, 500, 5224, 3000, ?, 100, 0)`, "c-"+state, i, state, time.Now().UnixMilli())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	d.until("each was put off", func() bool {
		var n int
		err := d.db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM charging_sessions WHERE tries > 0 AND state = substr(id, 3)").Scan(&n)
		return err == nil && n == 3
	})
}

// TestTwoSessionsOfOneSocket: the end of the first was lost with the power of the cabinet.
// What flows is the second's alone, and the first is paid up to what was read.
func TestTwoSessionsOfOneSocket(t *testing.T) {
	d := openDesk(t)
	s := d.start("k")
	at := time.Now().UTC().Add(-3 * time.Hour).Truncate(time.Millisecond)
	d.happens("session_started", at, map[string]any{"session": s.ID, "user": "p-1"})
	d.happens("", at.Add(time.Hour), map[string]any{"state": "charging", "power_w": 300, "energy_wh": 200})
	d.happens("session_started", at.Add(2*time.Hour), map[string]any{"user": "p-2"})
	d.reaches(s.ID, "settled")
	second := "shed.7.e-" + strconv.Itoa(d.n)
	d.live(at.Add(150*time.Minute), at.Add(150*time.Minute), "charging", 100)
	d.until("the second's is seen", func() bool { _, _, used, _, _ := d.row(second); return used == 100_000 })
	if _, reason, used, _, _ := d.row(s.ID); reason != "lost" || used != 200_000 {
		t.Errorf("the first: %s with %d mWh", reason, used)
	}
	d.happens("session_ended", at.Add(170*time.Minute), map[string]any{"energy_wh": 110, "reason": "full"})
	d.reaches(second, "settled")
	if want := bill(200_000) + bill(110_000); d.balance() != want {
		t.Errorf("%d fen stay, want %d", d.balance(), want)
	}
}

// TestASocketThatIsIdleAgain ends the session whose end nobody told.
func TestASocketThatIsIdleAgain(t *testing.T) {
	d := openDesk(t)
	s := d.start("k")
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Millisecond)
	d.live(at.Add(-time.Minute), at.Add(-time.Minute), "idle", 0)
	d.happens("session_started", at, map[string]any{"session": s.ID, "user": "p-1"})
	d.happens("", at.Add(30*time.Minute), map[string]any{"state": "charging", "power_w": 300, "energy_wh": 100})
	d.live(at.Add(40*time.Minute), at.Add(40*time.Minute), "idle", 0)
	d.reaches(s.ID, "settled")
	if _, reason, used, _, _ := d.row(s.ID); reason != "lost" || used != 100_000 || d.balance() != bill(100_000) {
		t.Errorf("%s: %d mWh, %d fen stay", reason, used, d.balance())
	}
}

// TestTheEndComesFirst: a counter that was never this session's is not billed, one that may
// be is, and the beginning that comes afterwards begins nothing.
func TestTheEndComesFirst(t *testing.T) {
	for wh, want := range map[float64]charging.Energy{15: 15_000, 40_000: 0} {
		d := openDesk(t)
		s := d.start("k")
		at := time.Now().UTC().Truncate(time.Millisecond)
		d.happens("session_ended", at.Add(time.Minute), map[string]any{"session": s.ID, "energy_wh": wh, "reason": "full"})
		d.happens("session_started", at, map[string]any{"session": s.ID, "user": "p-1"})
		d.reaches(s.ID, "settled")
		if _, _, used, _, _ := d.row(s.ID); used != int64(want) || d.balance() != bill(want) {
			t.Errorf("%v Wh: %d mWh billed, %d fen stay", wh, used, d.balance())
		}
	}
}

// TestAClockThatIsSetInASession: the cabinet's clock ran three hours ahead and is set back.
// Nothing that flowed is forgotten, and its last word counts.
func TestAClockThatIsSetInASession(t *testing.T) {
	d := openDesk(t)
	s := d.start("k")
	now := time.Now().UTC().Add(-time.Hour).Truncate(time.Millisecond)
	ahead := now.Add(3 * time.Hour)
	say := func(typ string, at, heard time.Time, wh float64) {
		d.n++
		b, _ := json.Marshal(map[string]any{"session": s.ID, "user": "p-1", "state": "charging", "power_w": 300, "energy_wh": wh, "reason": "full"})
		ev := event.Event{ID: "e-" + strconv.Itoa(d.n), Device: "shed", Kind: event.Charger, Channel: event.Happening, Type: typ, Part: "7", At: at, ReceivedAt: heard, Data: b}
		if typ == "" {
			ev.Channel = event.Telemetry
		}
		if err := d.db.Tx(t.Context(), func(tx *sql.Tx) error { return d.c.Handle(t.Context(), tx, []event.Event{ev}) }); err != nil {
			t.Fatal(err)
		}
		d.c.Committed()
	}
	say("session_started", ahead, now, 0)
	say("", ahead.Add(10*time.Minute), now.Add(10*time.Minute), 50)
	say("", now.Add(20*time.Minute), now.Add(20*time.Minute), 100) // the clock is right now
	say("", now.Add(40*time.Minute), now.Add(40*time.Minute), 200)
	say("session_ended", now.Add(50*time.Minute), now.Add(50*time.Minute), 250)
	d.reaches(s.ID, "settled")
	if _, _, used, _, _ := d.row(s.ID); used != 250_000 || d.balance() != bill(250_000) {
		t.Errorf("%d mWh, %d fen stay", used, d.balance())
	}
}

// TestStopIsOrderedAgain: an order to stop that expired at a cabinet without network is not
// the last one, two within a moment are one.
func TestStopIsOrderedAgain(t *testing.T) {
	d := openDesk(t)
	s := d.start("k")
	d.happens("session_started", time.Now().UTC(), map[string]any{"session": s.ID, "user": "p-1"})
	moment := func() int64 { return time.Now().UnixMilli() / 30_000 } // how long an order is good
	first := moment()
	for range 2 {
		if _, err := d.c.Stop(t.Context(), "p-1", s.ID); err != nil {
			t.Fatal(err)
		}
	}
	most := int(moment()-first) + 1 // 1, but where the edge of two of them lay in between
	d.shed.mu.Lock()
	n, keys := d.shed.kinds["stop"], d.shed.args
	_, old := keys["stop/"+s.ID]
	d.shed.mu.Unlock()
	if n < 1 || n > most || old {
		t.Errorf("%d orders to stop, at most %d; with a key for good: %v", n, most, old)
	}
}

// TestLimitsThatACabinetTakes: a tariff of nothing has no limit, a deposit for a month has
// the largest.
func TestLimitsThatACabinetTakes(t *testing.T) {
	for name, c := range map[string]struct {
		tariff  charging.Tariff
		deposit charging.Fen
		want    any
	}{"free": {charging.Tariff{}, 500, nil}, "a month": {tariff, 100_000, int64(50_000)}, "as ever": {tariff, 500, tariff.Worth(500)}} {
		d := openDesk(t, func(o *charging.Options) { o.Tariff, o.Deposit = c.tariff, c.deposit })
		s := d.start("k")
		d.shed.mu.Lock()
		got := d.shed.args["charge/"+s.ID]["limit_wh"]
		d.shed.mu.Unlock()
		if got != c.want {
			t.Errorf("%s: limit_wh %v, want %v", name, got, c.want)
		}
	}
}

// TestAskedTwiceAtOnce: it is one session, and nobody else's.
func TestAskedTwiceAtOnce(t *testing.T) {
	d := openDesk(t)
	var all sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		all.Go(func() {
			s, err := d.c.Start(d.t.Context(), charging.Ask{Person: "p-1", Device: "shed", Part: "7", Key: "k"})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = s.ID
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Errorf("sessions %v", ids)
		}
	}
}

// TestAClockThatIsSetBackWhileARefundWaits: it does not wait until the clock is there again.
func TestAClockThatIsSetBackWhileARefundWaits(t *testing.T) {
	p := &purse{refund: errors.New("no answer")}
	d := openDesk(t, func(o *charging.Options) { o.Payments = p })
	s := d.start("k")
	at := time.Now().UTC().Truncate(time.Millisecond)
	d.happens("session_started", at, map[string]any{"session": s.ID, "user": "p-1"})
	d.happens("session_ended", at.Add(time.Hour), map[string]any{"session": s.ID, "energy_wh": 100, "reason": "full"})
	d.until("it was asked", func() bool { return p.asked() >= 1 })
	p.answers(nil)
	err := d.db.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), "UPDATE charging_sessions SET next_at = ? WHERE id = ?", time.Now().Add(time.Hour).UnixMilli(), s.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d.reaches(s.ID, "settled")
}
