package app

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"dongyue/internal/event"
)

// TestTableOfAnIncident: what comes from devices and people stays text in a spreadsheet.
func TestTableOfAnIncident(t *testing.T) {
	at := time.Date(2026, 11, 28, 19, 0, 0, 120e6, time.UTC)
	ev := event.Event{Seq: 7, Device: "charger-w02", Part: "7", Channel: event.Happening, Type: "smoke", Late: true, At: at, Data: []byte(`{"active":true}`)}
	b, err := table([]row{
		{at, []string{"hub", "B棚", "", "comment", "陈静", `=HYPERLINK("http://x")`, "a-1", "冒烟", "Smoke"}},
		utterance(&ev),
		utterance(&event.Event{Device: "door-e01-1", Kind: event.Door, Channel: event.Happening, Type: "badge", At: at, Data: []byte(`{"credential":{"type":"pin","value":"135790"}}`)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(string(b), "\uFEFF")
	if !ok {
		t.Error("a spreadsheet is not told that it is UTF-8")
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v %v", rows, err)
	}
	if strings.Contains(text, "135790") {
		t.Error("a PIN is handed over")
	}
	if rows[1][6] != `'=HYPERLINK("http://x")` || rows[1][0] != "2026-11-28T19:00:00.120Z" {
		t.Errorf("%q", rows[1])
	}
	if want := []string{"2026-11-28T19:00:00.120Z", "device", "charger-w02", "7", "smoke", "late", `{"active":true}`, "7", "", ""}; strings.Join(rows[2], "|") != strings.Join(want, "|") {
		t.Errorf("%q", rows[2])
	}
}
