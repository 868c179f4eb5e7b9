package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"dongyue/internal/db"
	"dongyue/internal/event"
	"dongyue/internal/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a room with a channel of which the test says what it answers.
type house struct {
	*Notify
	t     *testing.T
	path  string
	db    *db.DB
	feed  *web.Feed
	post  *postman
	chat  *postman // a shared one
	mu    sync.Mutex
	ended []string // what Settled heard
	deaf  int      // how often Settled still fails
	stop  func()
}

// postman is a channel that keeps what it is given.
type postman struct {
	traits Traits
	mu     sync.Mutex
	sent   []Letter
	at     []time.Time
	answer func(n int, l *Letter) error // to the n-th attempt, from 1; nil: taken
	tries  int
}

func (p *postman) Traits() Traits { return p.traits }

func (p *postman) Send(ctx context.Context, l *Letter) error {
	p.mu.Lock()
	p.tries++
	n, answer := p.tries, p.answer
	p.mu.Unlock()
	if answer != nil {
		if err := answer(n, l); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent, p.at = append(p.sent, *l), append(p.at, time.Now())
	return ctx.Err()
}

func (p *postman) letters() []Letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

// attempts is how often it was tried.
func (p *postman) attempts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tries
}

// times are when the letters were taken.
func (p *postman) times() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.at)
}

// answers sets what is said to the attempts from now on.
func (p *postman) answers(f func(n int, l *Letter) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

func (p *postman) subjects() (out []string) {
	for _, l := range p.letters() {
		out = append(out, l.Subject)
	}
	return out
}

// heard is what Settled was told.
func (h *house) heard() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ended)
}

type staff map[string]string

func (s staff) Name(id string) (string, bool) { n, ok := s[id]; return n, ok }

func people() staff { return staff{"u-chen": "陈", "u-li": "李", "u-wang": "王"} }

// inHouse runs a test in a bubble whose clock moves only when everybody waits.
func inHouse(t *testing.T, f func(t *testing.T, h *house)) {
	path := filepath.Join(t.TempDir(), "hub.db")
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, path)
		defer h.close()
		f(t, h)
	})
}

func newHouse(t *testing.T, path string) *house {
	h := &house{
		t: t, path: path,
		post: &postman{traits: Traits{Type: SMTP, PerMinute: 600}}, chat: &postman{traits: Traits{Type: WeCom, Shared: true, PerMinute: 20}},
	}
	h.start()
	return h
}

func (h *house) start() {
	h.t.Helper()
	ctx := context.Background()
	var err error
	if h.db, err = db.Open(ctx, h.path); err != nil {
		h.t.Fatal(err)
	}
	if h.feed, err = web.NewFeed(ctx, h.db); err != nil {
		h.t.Fatal(err)
	}
	h.Notify, err = New(ctx, Options{
		DB: h.db, Feed: h.feed, People: people(), Channels: []Channel{h.post, h.chat}, Wait: 10 * time.Second,
		Settled: func(_ context.Context, _ *sql.Tx, d Delivery) error {
			h.mu.Lock()
			defer h.mu.Unlock()
			if h.deaf > 0 {
				h.deaf--
				return errDown
			}
			h.ended = append(h.ended, fmt.Sprintf("%s %s %s", d.Account, d.Channel, d.State))
			return nil
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// run starts the runner; what it does shows when the bubble's clock moves.
func (h *house) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.stop = func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
		h.stop = nil
	}
}

func (h *house) close() {
	if h.stop != nil {
		h.stop()
	}
	if err := h.db.Close(); err != nil {
		h.t.Error(err)
	}
}

// reach gives an account its contacts.
func (h *house) reach(account string, cs ...Contact) {
	h.t.Helper()
	if err := h.setContacts(context.Background(), "test", account, Contacts{Language: Chinese, Channels: cs}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) send(m Notification) (fresh bool) {
	h.t.Helper()
	err := h.db.Tx(context.Background(), func(tx *sql.Tx) (err error) {
		fresh, err = h.Send(context.Background(), tx, m)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.Committed()
	return fresh
}

// note is a notification about an alarm.
func note(key, alarm string, p event.Priority, to ...string) Notification {
	n := Notification{
		Key: key, Alarm: alarm, Cluster: "i-" + alarm, Priority: p, Subject: event.Text{ZH: "告警" + key, EN: "alarm " + key},
		Body: event.Text{ZH: "详情", EN: "details"},
	}
	for _, id := range to {
		n.To = append(n.To, Recipient{id, people()[id]})
	}
	return n
}

func life(n Notification) Notification {
	n.LifeSafety = true
	return n
}

// states counts the deliveries by channel and state.
func (h *house) states() map[string]int {
	h.t.Helper()
	ds, err := h.deliveries(context.Background(), "1 = 1")
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[string]int{}
	for _, d := range ds {
		out[d.Channel+" "+string(d.State)]++
	}
	return out
}

func (h *house) expect(what string, count int) {
	h.t.Helper()
	if got := h.states(); got[what] != count {
		h.t.Errorf("%s: %v, want %d", what, got, count)
	}
}

// pass lets time go by, and everybody finish.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

var errDown = errors.New("no route")
