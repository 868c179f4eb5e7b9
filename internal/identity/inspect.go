package identity

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// sealed is the end of the chain as the last good check found it.
type sealed struct {
	mu   sync.Mutex
	n    int64
	head string
}

// InspectAudit checks the chain as CheckAudit does, and besides that it still begins
// with all that the last check found: a tail that was cut off, or a chain that was made
// anew, looks whole by itself. What is broken is told of (OnNotice).
func (i *Identity) InspectAudit(ctx context.Context) (n int64, head string, err error) {
	i.seen.mu.Lock()
	defer i.seen.mu.Unlock()
	n, head, err = i.CheckAudit(ctx)
	if err == nil {
		err = i.holds(ctx, n)
	}
	if broken, ok := errors.AsType[*AuditBrokenError](err); ok {
		i.log.ErrorContext(ctx, "the audit is not as it was written", "at", broken.Seq, "what", broken.What)
		i.notice(Notice{Kind: AuditBroken, Detail: fmt.Sprint(broken.Seq)})
		return n, head, err
	}
	if err == nil {
		i.seen.n, i.seen.head = n, head
		i.log.InfoContext(ctx, "audit checked", "entries", n, "head", head)
	}
	return n, head, err
}

// holds compares a chain that is good in itself with what was seen before.
func (i *Identity) holds(ctx context.Context, n int64) error {
	if i.seen.n == 0 {
		return nil
	}
	if n < i.seen.n {
		return &AuditBrokenError{n + 1, "the newest rows were cut off"}
	}
	var hash string
	if err := i.db.Read().QueryRowContext(ctx, "SELECT hash FROM audit WHERE seq = ?", i.seen.n).Scan(&hash); err != nil {
		return fmt.Errorf("check audit: %w", err)
	}
	if hash != i.seen.head {
		return &AuditBrokenError{i.seen.n, "the chain was made anew"}
	}
	return nil
}
