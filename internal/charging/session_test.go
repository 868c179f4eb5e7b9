package charging_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"dongyue/internal/charging"
	"dongyue/internal/charging/till"
	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

// shed is a cabinet whose answers a test decides.
type shed struct {
	mu    sync.Mutex
	fates map[string]charging.Fate // by the order's key
	args  map[string]map[string]any
	kinds map[string]int
}

func (s *shed) Command(_ context.Context, _, typ string, args any, _ time.Duration, key, _, _ string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, again := s.args[key]; !again {
		s.args[key], _ = args.(map[string]any)
		if s.kinds == nil {
			s.kinds = map[string]int{}
		}
		s.kinds[typ]++
	}
	return key, nil
}

func (s *shed) Fate(_ context.Context, key string) charging.Fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.fates[key]; ok {
		return f
	}
	return charging.Open
}

func (s *shed) say(key string, f charging.Fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fates[key] = f
}

func (s *shed) ordered(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.args[key]
	return ok
}

func (s *shed) Ports(context.Context) []charging.Port {
	return []charging.Port{{Device: "shed", Part: "7", State: "idle", Online: true}, {Device: "shed", Part: "8", State: "idle", Online: true}}
}

func (s *shed) Append(_ event.Event, done func(uint64, bool, error)) { done(1, false, nil) }

// deaf loses every other answer of a provider after it has booked.
type deaf struct {
	till.Till
	mu sync.Mutex
	n  int
}

func (d *deaf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.Till.ServeHTTP(w, r)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n++; d.n%2 == 1 {
		panic(http.ErrAbortHandler)
	}
}

type desk struct {
	t    *testing.T
	db   *db.DB
	c    *charging.Charging
	shed *shed
	till *deaf
	n    int
}

var tariff = charging.Tariff{Electricity: 5224, Service: 3000}

func openDesk(t *testing.T, change ...func(*charging.Options)) *desk {
	t.Helper()
	d := &desk{t: t, shed: &shed{fates: map[string]charging.Fate{}, args: map[string]map[string]any{}}, till: &deaf{}}
	var err error
	if d.db, err = db.OpenUnsynced(t.Context(), filepath.Join(t.TempDir(), "hub.db")); err != nil {
		t.Fatal(err)
	}
	feed, err := web.NewFeed(t.Context(), d.db)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(d.till)
	pay, err := till.NewClient(srv.URL, "", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	o := charging.Options{
		DB: d.db, Feed: feed, Log: slog.New(slog.DiscardHandler), Cabinets: d.shed, Journal: d.shed, Payments: pay, Tariff: tariff, Deposit: 500,
		Suspect: func(string, string) (string, bool) { return "", false },
	}
	for _, f := range change {
		f(&o)
	}
	d.c, err = charging.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = d.c.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait(); srv.Close(); _ = d.db.Close() })
	return d
}

// happens lets the journal bring something, and a second time as after a crash.
func (d *desk) happens(typ string, at time.Time, data map[string]any) {
	d.t.Helper()
	d.n++
	b, _ := json.Marshal(data)
	ev := event.Event{ID: fmt.Sprint("e-", d.n), Device: "shed", Kind: event.Charger, Zone: "east/b01/s1", Channel: event.Happening, Type: typ, Part: "7", At: at, ReceivedAt: at, Data: b}
	if typ == "" {
		ev.Channel = event.Telemetry
	}
	for range 2 {
		if err := d.db.Tx(d.t.Context(), func(tx *sql.Tx) error { return d.c.Handle(d.t.Context(), tx, []event.Event{ev}) }); err != nil {
			d.t.Fatal(err)
		}
		d.c.Committed()
	}
}

func (d *desk) start(key string) *charging.Session {
	d.t.Helper()
	s, err := d.c.Start(d.t.Context(), charging.Ask{Person: "p-1", Device: "shed", Part: "7", Key: key})
	if err != nil {
		d.t.Fatal(err)
	}
	d.until("it is ordered", func() bool { return d.shed.ordered("charge/" + s.ID) })
	return s
}

func (d *desk) row(id string) (state, reason string, used, refund, due int64) {
	d.t.Helper()
	err := d.db.Read().QueryRowContext(d.t.Context(), "SELECT state, reason, used, refund, due FROM charging_sessions WHERE id = ?", id).Scan(&state, &reason, &used, &refund, &due)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		d.t.Fatal(err)
	}
	return
}

func (d *desk) until(what string, f func() bool) {
	d.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if f() {
			return
		}
	}
	d.t.Fatal("waited in vain until ", what)
}

func (d *desk) reaches(id, want string) {
	d.t.Helper()
	d.until(id+" is "+want, func() bool { state, _, _, _, _ := d.row(id); return state == want })
}

// balance is what stays at the provider.
func (d *desk) balance() charging.Fen {
	paid, back, _, _ := d.till.Books()
	return paid - back
}

func bill(mwh charging.Energy) charging.Fen {
	a, b := tariff.Bill(mwh)
	return a + b
}

func TestASessionIsSettledOnceToTheFen(t *testing.T) {
	d := openDesk(t)
	s := d.start("k")
	at := time.Now().UTC().Truncate(time.Millisecond)
	d.happens("session_started", at, map[string]any{"session": s.ID, "user": "p-1"})
	for i := 1; i <= 5; i++ {
		d.happens("", at.Add(time.Duration(i)*10*time.Minute), map[string]any{"state": "charging", "power_w": 300, "energy_wh": 49.123 * float64(i)})
	}
	d.happens("session_ended", at.Add(time.Hour), map[string]any{"session": s.ID, "energy_wh": 300.001, "reason": "full"})
	d.reaches(s.ID, "settled")
	_, reason, used, refund, _ := d.row(s.ID)
	want := bill(300_001)
	if reason != "full" || used != 300_001 || refund != int64(500-want) || d.balance() != want {
		t.Errorf("%s: %d mWh, %d back, %d stays; want %d", reason, used, refund, d.balance(), want)
	}
}

// TestDoneWithoutItsEvent loses the event of a start whose answer came: what flows is
// counted all the same.
func TestDoneWithoutItsEvent(t *testing.T) {
	d := openDesk(t)
	s := d.start("k")
	d.shed.say("charge/"+s.ID, charging.Carried)
	d.reaches(s.ID, "charging")
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Millisecond) // the cabinet's clock is an hour behind
	d.happens("", at, map[string]any{"state": "charging", "power_w": 300, "energy_wh": 5000})
	d.happens("", at.Add(time.Minute), map[string]any{"state": "charging", "power_w": 300, "energy_wh": 5010})
	d.happens("session_ended", at.Add(2*time.Minute), map[string]any{"session": s.ID, "energy_wh": 5015, "reason": "full"})
	d.reaches(s.ID, "settled")
	if _, _, used, _, _ := d.row(s.ID); used != 15_000 || d.balance() != bill(15_000) {
		t.Errorf("%d mWh, %d fen stay; the leap of the first reading is no energy", used, d.balance())
	}
}

// TestBeganAfterTheRefund lets an order be carried out by a cabinet that was cut off,
// after the hub had given it up.
func TestBeganAfterTheRefund(t *testing.T) {
	d := openDesk(t)
	s := d.start("k")
	d.shed.say("charge/"+s.ID, charging.Refused) // as far as the hub knows
	d.reaches(s.ID, "settled")
	if d.balance() != 0 {
		t.Fatalf("%d fen were kept of what did not begin", d.balance())
	}
	at := time.Now().UTC().Truncate(time.Millisecond)
	d.happens("session_started", at, map[string]any{"session": s.ID, "user": "p-1"})
	d.happens("", at.Add(time.Hour), map[string]any{"state": "charging", "power_w": 300, "energy_wh": 250})
	d.happens("session_ended", at.Add(2*time.Hour), map[string]any{"session": s.ID, "energy_wh": 500, "reason": "full"})
	d.reaches(s.ID+".late", "settled")
	if _, _, used, _, due := d.row(s.ID + ".late"); used != 500_000 || due != int64(bill(500_000)) || d.balance() != bill(500_000) {
		t.Errorf("%d mWh, %d due, %d fen stay", used, due, d.balance())
	}
	var told int
	if err := d.db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM charging_notices WHERE person = 'p-1'").Scan(&told); err != nil || told != 1 {
		t.Errorf("told %d times, %v", told, err)
	}
}

func TestACutEndsTheBill(t *testing.T) {
	d := openDesk(t)
	s := d.start("k")
	at := time.Now().UTC().Truncate(time.Millisecond)
	d.happens("session_started", at, map[string]any{"session": s.ID, "user": "p-1"})
	d.happens("", at.Add(10*time.Minute), map[string]any{"state": "charging", "power_w": 300, "energy_wh": 50})
	for range 2 { // the ladder may say it again
		err := d.db.Tx(t.Context(), func(tx *sql.Tx) error { return d.c.Cut(t.Context(), tx, "shed", "", at.Add(11*time.Minute)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	d.happens("", at.Add(20*time.Minute), map[string]any{"state": "charging", "power_w": 300, "energy_wh": 100}) // the relay sticks
	d.happens("session_ended", at.Add(21*time.Minute), map[string]any{"session": s.ID, "energy_wh": 105, "reason": "cut"})
	d.reaches(s.ID, "settled")
	if _, reason, used, _, _ := d.row(s.ID); reason != "safety_cut" || used != 50_000 || d.balance() != bill(50_000) {
		t.Errorf("%s: %d mWh, %d fen stay", reason, used, d.balance())
	}
}

// TestReadingsPastTheJournal: what a meter tells with QoS 0 is seen while it charges, and
// is on the bill of a cut.
func TestReadingsPastTheJournal(t *testing.T) {
	d := openDesk(t)
	s := d.start("k")
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Millisecond)
	d.happens("session_started", at, map[string]any{"session": s.ID, "user": "p-1"})
	tell := func(after time.Duration, wh float64) {
		b, _ := json.Marshal(map[string]any{"state": "charging", "power_w": 300, "energy_wh": wh})
		d.c.Live(event.Event{Device: "shed", Kind: event.Charger, Channel: event.Telemetry, Part: "7", At: at.Add(after), ReceivedAt: at.Add(after), Data: b})
	}
	tell(10*time.Minute, 50)
	d.until("it is seen", func() bool { _, _, used, _, _ := d.row(s.ID); return used == 50_000 })
	tell(20*time.Minute, 100)
	if err := d.db.Tx(t.Context(), func(tx *sql.Tx) error {
		return d.c.Cut(t.Context(), tx, "shed", "7", at.Add(21*time.Minute))
	}); err != nil {
		t.Fatal(err)
	}
	tell(30*time.Minute, 150) // the relay sticks: nothing of this is billed
	d.reaches(s.ID, "settled")
	if _, reason, used, _, _ := d.row(s.ID); reason != "safety_cut" || used != 100_000 || d.balance() != bill(100_000) {
		t.Errorf("%s: %d mWh, %d fen stay, want those of 100 Wh", reason, used, d.balance())
	}
}

// TestStartAndStopAThousandTimes: it earns nothing, costs nothing, and is held up.
func TestStartAndStopAThousandTimes(t *testing.T) {
	d := openDesk(t)
	begun, held := 0, 0
	for i := range 1000 {
		s, err := d.c.Start(t.Context(), charging.Ask{Person: "p-1", Device: "shed", Part: "7", Key: fmt.Sprint("k", i)})
		var p *web.Problem
		if errors.As(err, &p) && p.Status == http.StatusTooManyRequests {
			held++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		begun++
		d.until("it is ordered", func() bool { return d.shed.ordered("charge/" + s.ID) })
		at := time.Now().UTC().Truncate(time.Millisecond)
		d.happens("session_started", at, map[string]any{"session": s.ID, "user": "p-1"})
		if _, err := d.c.Stop(t.Context(), "p-1", s.ID); err != nil {
			t.Fatal(err)
		}
		d.happens("session_ended", at, map[string]any{"session": s.ID, "energy_wh": 0, "reason": "stopped"})
		d.reaches(s.ID, "settled")
	}
	paid, back, _, refunds := d.till.Books()
	if begun != 12 || held != 988 || paid != back || refunds != begun {
		t.Errorf("%d begun, %d held up, %d paid and %d back in %d refunds", begun, held, paid, back, refunds)
	}
}
