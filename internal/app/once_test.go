package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"dongyue/internal/alarm"
	"dongyue/internal/config"
	"dongyue/internal/db"
)

// onceEnv holds what the hub that is to be killed needs to know.
const onceEnv = "DONGYUE_APP_TEST_ONCE"

func TestMain(m *testing.M) {
	if arg := os.Getenv(onceEnv); arg != "" {
		_, _ = fmt.Println(mortal(arg))
		return
	}
	os.Exit(m.Run()) //nolint:forbidigo // a main of its own
}

// trial is how the mortal hub is set up.
type trial struct{ Dir, HTTP, MQTT, Webhook string }

// mortal is a hub that kills itself once before and once after each action of an
// alarm is carried out: between the claim and the deed, and between the deed and
// its record.
func mortal(arg string) error {
	var x trial
	if err := json.Unmarshal([]byte(arg), &x); err != nil {
		return err
	}
	cfg := config.Default()
	cfg.Data.Dir, cfg.Rules.Dir = filepath.Join(x.Dir, "data"), "testdata/once"
	cfg.HTTP.Addr, cfg.MQTT.Addr, cfg.MQTT.TLSAddr, cfg.WebRTC.Addr = config.Addr(x.HTTP), config.Addr(x.MQTT), config.Off, config.Off
	cfg.Identity.AdminPassword = testPassword
	cfg.Notify.AllowPrivate, cfg.Notify.GroupWait, cfg.Notify.Webhook.URL = true, 0, config.Secret(x.Webhook)
	ctx := context.Background()
	a, err := New(ctx, Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler), Out: io.Discard, Progress: io.Discard})
	if err != nil {
		return err
	}
	var one sync.Mutex // one at a time, so that each point has a death of its own
	a.carries = func(ctx context.Context, t alarm.Task) (string, error) {
		one.Lock()
		defer one.Unlock()
		for range 600 { // both devices come back after each death
			if a.mqtt.Connected("charger-1") && a.mqtt.Connected("speaker-1") {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		die(x.Dir, fmt.Sprintf("%d-%s-claimed", t.ID, t.Action.Type))
		r, err := a.carry(ctx, t)
		die(x.Dir, fmt.Sprintf("%d-%s-carried", t.ID, t.Action.Type))
		return r, err
	}
	return a.Run(ctx)
}

// die kills the process, the first time that it is asked for this reason.
func die(dir, why string) {
	f, err := os.OpenFile(filepath.Join(dir, why+".died"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return // it has
	}
	_ = f.Sync()
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// onceHouse is what stands around the mortal hub and outlives it: two devices and
// a program that is told.
type onceHouse struct {
	t     *testing.T
	trial trial
	cmd   *exec.Cmd
	gone  chan struct{} // closed when the hub has died
	http  *http.Client

	mu       sync.Mutex
	commands map[string][]string // by device and type: ids, in the order of coming
	letters  []string            // ids
	lives    []int               // in which life of the hub each letter came
	life     int
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

func (h *onceHouse) start() {
	h.t.Helper()
	h.mu.Lock()
	h.life++
	h.mu.Unlock()
	arg, _ := json.Marshal(h.trial)
	h.cmd = exec.Command(os.Args[0])
	h.cmd.Env = append(os.Environ(), onceEnv+"="+string(arg))
	h.cmd.Stdout, h.cmd.Stderr = os.Stderr, os.Stderr
	if err := h.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.gone = make(chan struct{})
	go func(cmd *exec.Cmd, gone chan struct{}) {
		_ = cmd.Wait()
		close(gone)
	}(h.cmd, h.gone)
}

// call asks the hub; it is false while there is none.
func (h *onceHouse) call(method, path string, in, out any) bool {
	var body io.Reader
	if in != nil {
		b, _ := json.Marshal(in)
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+h.trial.HTTP+"/api/v1"+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := h.http.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		h.t.Logf("%s %s: %d %s", method, path, resp.StatusCode, b)
		return false
	}
	return out == nil || json.Unmarshal(b, out) == nil
}

// device connects again and again, and answers each command.
func (h *onceHouse) device(kind, id, secret string) mqtt.Client {
	base := "dy/v1/" + kind + "/" + id + "/"
	o := mqtt.NewClientOptions().AddBroker("tcp://" + h.trial.MQTT).SetClientID(id).SetUsername(id).SetPassword(secret).
		SetConnectRetry(true).SetConnectRetryInterval(50 * time.Millisecond).SetMaxReconnectInterval(100 * time.Millisecond)
	o.SetOnConnectHandler(func(c mqtt.Client) {
		c.Subscribe(base+"command", 1, func(c mqtt.Client, m mqtt.Message) {
			var x struct {
				ID, Type string
				Args     struct{ Message string }
			}
			if json.Unmarshal(m.Payload(), &x) != nil {
				return
			}
			h.mu.Lock()
			h.commands[id+" "+x.Type] = append(h.commands[id+" "+x.Type], x.ID)
			h.mu.Unlock()
			c.Publish(base+"reply", 1, false, fmt.Sprintf(`{"id":%q,"status":"done","at":%q}`, x.ID, now()))
			if x.Type == "play" { // it is heard, so that nobody is told of a silent loudspeaker
				c.Publish(base+"event", 1, false, fmt.Sprintf(`{"id":%q,"boot":"b1","seq":1,"at":%q,"type":"playing","data":{"message":%q}}`, "play-"+x.ID, now(), x.Args.Message))
			}
		})
	})
	c := mqtt.NewClient(o)
	c.Connect()
	h.t.Cleanup(func() { c.Disconnect(0) })
	return c
}

// Killed between every claim and deed, and between every deed and its record, the
// hub does each of an alarm's actions once.
func TestActionsOnceAcrossKills(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts the hub a dozen times")
	}
	jar, _ := cookiejar.New(nil)
	h := &onceHouse{t: t, commands: map[string][]string{}, http: &http.Client{Jar: jar, Timeout: 5 * time.Second}}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.lives = append(h.lives, h.life)
		if h.letters = append(h.letters, r.Header.Get("Idempotency-Key")); len(h.letters) == 1 {
			_ = h.cmd.Process.Kill() // it has the letter, and the hub will not know
		}
	}))
	defer hook.Close()
	h.trial = trial{Dir: t.TempDir(), HTTP: freePort(t), MQTT: freePort(t), Webhook: hook.URL}
	h.start()
	until := func(what string, done func() bool) {
		t.Helper()
		for range 3600 {
			if done() {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("%s: not in three minutes; heard %v", what, h.commands)
	}
	signIn := func() bool {
		return h.call(http.MethodPost, "/session", map[string]string{"username": "admin", "password": testPassword}, nil)
	}
	until("sign in", signIn)
	var charger, speaker struct{ Secret string }
	h.call(http.MethodPost, "/devices", map[string]string{"id": "charger-1", "kind": "charger", "name": "一号", "zone": "east"}, &charger)
	h.call(http.MethodPost, "/devices", map[string]string{"id": "speaker-1", "kind": "speaker", "name": "喇叭", "zone": "east"}, &speaker)
	h.call(http.MethodPut, "/notify/contacts/me", map[string]any{"channels": []map[string]string{{"type": "webhook", "address": ""}}}, nil)
	c := h.device("charger", "charger-1", charger.Secret)
	h.device("speaker", "speaker-1", speaker.Secret)
	until("the devices", c.IsConnectionOpen)
	c.Publish("dy/v1/charger/charger-1/telemetry", 1, false, fmt.Sprintf(`{"at":%q,"part":"7","values":{"temp_c":82}}`, now()))

	deaths := 0
	var journal []string
	until("the end", func() bool {
		select {
		case <-h.gone:
			deaths++
			h.start()
			return false
		default:
		}
		var open struct{ Items []struct{ ID string } }
		var al struct{ Journal []struct{ What, Text string } }
		if !h.call(http.MethodGet, "/alarms?rule=once.hot", nil, &open) || len(open.Items) != 1 || !h.call(http.MethodGet, "/alarms/"+open.Items[0].ID, nil, &al) {
			return false
		}
		journal = nil
		for _, j := range al.Journal {
			if j.What == alarm.ActionDone || j.What == alarm.NotifySent {
				journal = append(journal, j.What+" "+j.Text)
			}
		}
		return len(journal) >= 6
	})
	time.Sleep(time.Second) // for whatever would come twice
	_ = h.cmd.Process.Kill()
	<-h.gone

	h.mu.Lock()
	defer h.mu.Unlock()
	for what, ids := range map[string][]string{"cut": h.commands["charger-1 cut"], "play": h.commands["speaker-1 play"], "letters": h.letters} {
		if n := len(slices.Compact(slices.Sorted(slices.Values(ids)))); n != 1 {
			t.Errorf("%s: %d different, want 1: %q", what, n, ids)
		}
	}
	// A hub that dies before the letter's record sends it again, under the same id;
	// one that lives does not.
	if n := len(h.letters); n < 2 || len(slices.Compact(slices.Clone(h.lives))) != n {
		t.Errorf("the letter that was taken and not recorded went out in the lives %v, want two or more, once in each", h.lives)
	}
	slices.Sort(journal)
	want := []string{"action_done broadcast [east]", "action_done command charger-1 cut", "action_done notify", "action_done work_order", "action_done work_order", "notify_sent webhook: "}
	if len(journal) != len(want) {
		t.Fatalf("%q", journal)
	}
	for i, w := range want {
		if !strings.HasPrefix(journal[i], w) {
			t.Errorf("%q, want %q …", journal[i], w)
		}
	}
	h.rows(filepath.Join(h.trial.Dir, "data", "hub.db"))
	t.Logf("%d deaths", deaths)
	if deaths < 10 {
		t.Errorf("%d deaths: the hub was not killed at every point", deaths)
	}
}

// rows counts what the rooms have stored.
func (h *onceHouse) rows(path string) {
	h.t.Helper()
	d, err := db.Open(context.Background(), path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for query, want := range map[string]int{
		"SELECT count(*) FROM device_commands WHERE type = 'cut'": 1, "SELECT count(*) FROM device_commands WHERE type = 'play'": 1,
		"SELECT count(*) FROM broadcasts": 1, "SELECT count(*) FROM work_orders": 2, "SELECT count(*) FROM notify_message": 1,
		"SELECT count(*) FROM notify_delivery WHERE state = 'sent'": 2, "SELECT count(*) FROM alarm_outbox WHERE state = 'done'": 5, "SELECT count(*) FROM alarm_outbox": 5,
	} {
		var n int
		if err := d.Read().QueryRow(query).Scan(&n); err != nil || n != want {
			h.t.Errorf("%s: %d, want %d (%v)", query, n, want, err)
		}
	}
}
