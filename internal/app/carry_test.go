package app

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"dongyue/internal/alarm"
	"dongyue/internal/event"
	"dongyue/rules"
)

// What the hub itself can't do now, as on a disk that is full, it does later: the action
// is not lost. What it would never do is said once.
func TestWhatFailsInTheHubIsCarriedOutLater(t *testing.T) {
	h := openHouse(t, t.TempDir())
	_, publish, _ := h.register("lamp", "lamp-1")
	publish("event", fmt.Sprintf(`{"id":"e1","boot":"b","seq":1,"at":%q,"type":"tilt","data":{"deg":20}}`, now()))
	var open struct{ Items []struct{ ID string } }
	h.within("an alarm", func() bool {
		h.call(http.MethodGet, "/alarms?device=lamp-1", nil, &open)
		return len(open.Items) > 0
	})
	_, _, _ = h.register("speaker", "speaker-1")
	task := alarm.Task{Key: "k", Alarm: open.Items[0].ID, Action: alarm.Action{Type: rules.WorkOrderAction}}
	table := func(from, to string) {
		err := h.app.db.Tx(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	table("work_order_keys", "away")
	if _, err := h.app.carry(t.Context(), task); !errors.Is(err, alarm.ErrRetry) {
		t.Errorf("a table that is not there: %v", err)
	}
	table("away", "work_order_keys")
	if id, err := h.app.carry(t.Context(), task); err != nil || id == "" {
		t.Errorf("afterwards: %q, %v", id, err)
	}
	said := alarm.Task{Key: "v", Alarm: task.Alarm, Action: alarm.Action{Type: rules.BroadcastAction, Zones: []string{""}, Text: event.Text{ZH: "请注意"}, Level: 3}}
	table("broadcast_nodes", "away")
	if _, err := h.app.carry(t.Context(), said); !errors.Is(err, alarm.ErrRetry) {
		t.Errorf("an announcement: %v", err)
	}
	said.Attempts = voiceAttempts
	if _, err := h.app.carry(t.Context(), said); err == nil || errors.Is(err, alarm.ErrRetry) {
		t.Errorf("an announcement of a fire that is out: %v", err)
	}
	table("away", "broadcast_nodes")
	if what, err := h.app.carry(t.Context(), said); err != nil || what == "" {
		t.Errorf("an announcement afterwards: %q, %v", what, err)
	}
	task.Alarm = "01NOBODY"
	if _, err := h.app.carry(t.Context(), task); err == nil || errors.Is(err, alarm.ErrRetry) {
		t.Errorf("of an alarm that there is not: %v", err)
	}
}
