package alarm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"dongyue/internal/db"
)

// known remembers which rules are causes of others and which devices have others
// hanging on them, so that a new alarm looks for its consequences only where it
// may have some. It only ever grows, and knowing too much does no harm: what a
// transaction taught that was undone may stay.
type known struct {
	mu        sync.Mutex
	rules     map[string]bool
	upstreams map[string]bool
}

func (k *known) learn(al *Alarm) {
	if len(al.Causes) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rules == nil {
		k.rules, k.upstreams = map[string]bool{}, map[string]bool{}
	}
	for _, c := range al.Causes {
		rule, _, _ := strings.Cut(c, "@")
		k.rules[rule] = true
	}
	if al.Via != "" {
		for d := range strings.SplitSeq(al.Via, "/") {
			k.upstreams[d] = true
		}
	}
}

func (k *known) cause(rule string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rules[rule]
}

func (k *known) upstream(device string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.upstreams[device]
}

// recall learns from the alarms that are open.
func (k *known) recall(ctx context.Context, d *db.DB) error {
	rows, err := d.Read().QueryContext(ctx, "SELECT DISTINCT causes, via FROM alarm WHERE closed_at IS NULL AND causes <> '[]'")
	if err != nil {
		return fmt.Errorf("alarm: read causes: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var al Alarm
		var causes string
		if err := rows.Scan(&causes, &al.Via); err != nil {
			return fmt.Errorf("alarm: read causes: %w", err)
		}
		if err := json.Unmarshal([]byte(causes), &al.Causes); err != nil {
			return fmt.Errorf("alarm: read causes: %w", err)
		}
		k.learn(&al)
	}
	return rows.Err()
}
