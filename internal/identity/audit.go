package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"time"
)

// AuditEntry is one row of the audit chain.
type AuditEntry struct {
	Seq    int64           `json:"seq"`
	At     time.Time       `json:"at"`
	Actor  string          `json:"actor"`  // user or token id; "" for a stranger, "hub" for the hub itself
	Action string          `json:"action"` // session.started, doors.unlock …
	Target string          `json:"target"` // id of what it was done to
	Detail json.RawMessage `json:"detail"`

	prev, hash string
}

// Hub is the actor of what the hub does by itself.
const Hub = "hub"

// AuditBrokenError says where the chain breaks.
type AuditBrokenError struct {
	Seq  int64 // first row that is not as it was written
	What string
}

// Error implements error.
func (e *AuditBrokenError) Error() string {
	return fmt.Sprintf("audit chain breaks at %d: %s", e.Seq, e.What)
}

// Audit appends to the chain: in tx, so that what is done and its trace are
// committed together, or in its own transaction when tx is nil. detail is
// anything that encodes to JSON; nil is {}. It must hold no secret.
func (i *Identity) Audit(ctx context.Context, tx *sql.Tx, actor, action, target string, detail any) error {
	if tx == nil {
		return i.db.Tx(ctx, func(tx *sql.Tx) error { return i.Audit(ctx, tx, actor, action, target, detail) })
	}
	data := []byte("{}")
	if detail != nil {
		var err error
		if data, err = json.Marshal(detail); err != nil {
			return fmt.Errorf("audit %s: %w", action, err)
		}
	}
	e := AuditEntry{Seq: 1, At: now(), Actor: actor, Action: action, Target: target, Detail: data}
	var last int64
	err := tx.QueryRowContext(ctx, "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").Scan(&last, &e.prev)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("audit %s: %w", action, err)
	}
	e.Seq = last + 1
	e.hash = i.seal(e)
	_, err = tx.ExecContext(ctx, "INSERT INTO audit(seq, at, actor, action, target, detail, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		e.Seq, e.At.UnixMilli(), e.Actor, e.Action, e.Target, string(e.Detail), e.prev, e.hash)
	if err != nil {
		return fmt.Errorf("audit %s: %w", action, err)
	}
	return nil
}

// seal hashes a row with the hash of the one before. The fields go in as a JSON
// list, where no field can run into the next.
func (i *Identity) seal(e AuditEntry) string {
	row, err := json.Marshal([]any{e.Seq, e.At.UnixMilli(), e.Actor, e.Action, e.Target, string(e.Detail), e.prev})
	if err != nil { // numbers and strings always encode
		return ""
	}
	var h hash.Hash
	if len(i.opt.AuditKey) > 0 {
		h = hmac.New(sha256.New, i.opt.AuditKey)
	} else {
		h = sha256.New()
	}
	h.Write(row)
	return hex.EncodeToString(h.Sum(nil))
}

// CheckAudit reads the whole chain. It returns how many rows there are and the
// last hash, which belongs in the log or on paper: only with it can one tell
// that the newest rows were cut off. The error is an *AuditBrokenError when the
// chain is not as it was written.
func (i *Identity) CheckAudit(ctx context.Context) (n int64, head string, err error) {
	rows, err := i.db.Read().QueryContext(ctx, "SELECT seq, at, actor, action, target, detail, prev, hash FROM audit ORDER BY seq")
	if err != nil {
		return 0, "", fmt.Errorf("check audit: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		e, err := scanAudit(rows)
		if err != nil {
			return n, head, fmt.Errorf("check audit: %w", err)
		}
		switch {
		case e.Seq != n+1:
			return n, head, &AuditBrokenError{n + 1, "rows are missing"}
		case e.prev != head:
			return n, head, &AuditBrokenError{e.Seq, "it does not follow the row before"}
		case !hmac.Equal([]byte(e.hash), []byte(i.seal(e))):
			return n, head, &AuditBrokenError{e.Seq, "it was changed"}
		}
		n, head = e.Seq, e.hash
	}
	return n, head, rows.Err()
}

// AuditEntries lists the chain, newest first, from before the row `before` (0:
// from the end).
func (i *Identity) AuditEntries(ctx context.Context, before int64, limit int) ([]AuditEntry, error) {
	return i.auditRows(ctx, "WHERE (? = 0 OR seq < ?) ORDER BY seq DESC LIMIT ?", before, before, limit)
}

// AuditOf lists the rows of one action, newest first; target "" is all of them.
func (i *Identity) AuditOf(ctx context.Context, action, target string, limit int) ([]AuditEntry, error) {
	return i.auditRows(ctx, "WHERE action = ? AND (? = '' OR target = ?) ORDER BY seq DESC LIMIT ?", action, target, target, limit)
}

func (i *Identity) auditRows(ctx context.Context, which string, args ...any) ([]AuditEntry, error) {
	rows, err := i.db.Read().QueryContext(ctx, "SELECT seq, at, actor, action, target, detail, prev, hash FROM audit "+which, args...)
	if err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	defer func() { _ = rows.Close() }()
	es := []AuditEntry{}
	for rows.Next() {
		e, err := scanAudit(rows)
		if err != nil {
			return nil, fmt.Errorf("read audit: %w", err)
		}
		es = append(es, e)
	}
	return es, rows.Err()
}

func scanAudit(rows *sql.Rows) (e AuditEntry, err error) {
	var ms int64
	var detail string
	err = rows.Scan(&e.Seq, &ms, &e.Actor, &e.Action, &e.Target, &detail, &e.prev, &e.hash)
	e.At, e.Detail = at(ms), json.RawMessage(detail)
	return e, err
}
