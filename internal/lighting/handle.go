package lighting

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"dongyue/internal/event"
)

// Handle makes a pole burn fully for those who come to its SOS: in the transaction
// of the event, so that a restart loses nothing, and once for an event that comes
// again. The rule's flash is there at once; this is what the lamp keeps.
func (l *Lighting) Handle(ctx context.Context, tx *sql.Tx, evs []event.Event) error {
	for i := range evs {
		e := &evs[i]
		if e.Kind != event.Lamp || e.Channel != event.Happening || e.Type != "sos" || e.Late || released(e.Data) {
			continue
		}
		at := l.now()
		_, err := tx.ExecContext(ctx, `INSERT INTO lighting_override(id, cause, target, pct, begins, ends, reason, author, ref)
			SELECT ?, ?, ?, 100, ?, ?, '', 'hub', ? WHERE NOT EXISTS (SELECT 1 FROM lighting_override WHERE target = ? AND cause = ? AND ref = ?)`,
			"o-"+strings.ToLower(rand.Text()[:13]), Alarm, "lamp:"+e.Device, at.UnixMilli(), at.Add(alarmFor).UnixMilli(), e.ID,
			"lamp:"+e.Device, Alarm, e.ID)
		if err != nil {
			return fmt.Errorf("lighting: sos of %s: %w", e.Device, err)
		}
		if _, err := l.o.Feed.Append(ctx, tx, "lighting", map[string]string{"change": "override", "target": "lamp:" + e.Device}); err != nil {
			return err
		}
		l.heard = true
	}
	return nil
}

// Committed is called behind the transaction of Handle, by the same goroutine.
func (l *Lighting) Committed(ctx context.Context) {
	if !l.heard {
		return
	}
	l.heard = false
	if err := l.load(ctx); err != nil && ctx.Err() == nil {
		l.o.Log.WarnContext(ctx, "overrides not read", "err", err)
	}
	l.wake()
}

// released reports whether the button was let go; what can't be read was pressed.
func released(data json.RawMessage) bool {
	var d struct {
		Pressed *bool `json:"pressed"`
	}
	return json.Unmarshal(data, &d) == nil && d.Pressed != nil && !*d.Pressed
}
