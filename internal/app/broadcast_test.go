package app

import (
	"net/http"
	"testing"
	"time"

	"dongyue/internal/config"
)

// A schedule and the night go by the clock of the community, whatever the machine's is.
func TestSchedulesKeepLocalTime(t *testing.T) {
	h := openHouse(t, t.TempDir(), func(c *config.Config) { c.Site.TimeZone = "Asia/Shanghai" })
	var s struct {
		NextAt time.Time `json:"next_at"`
	}
	h.call(http.MethodPost, "/broadcasts/schedules", map[string]any{
		"name": "熄灯", "enabled": true, "zones": []string{"east"}, "text": "该休息了", "priority": 5, "times": []string{"21:30"},
	}, &s)
	if at := s.NextAt.UTC().Format("15:04"); at != "13:30" { // 21:30 in UTC+8
		t.Errorf("the next time is %s in UTC", at)
	}
}
