package rules

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// setsKept is how many sets stay that have been in force; at a few changes a week
// that is longer than the alarms they explain are of interest.
const setsKept = 200

// keepSet notes that files are in force from at on.
func (s *Store) keepSet(ctx context.Context, tx *sql.Tx, at time.Time, actor string, files Files) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := errors.Join(json.NewEncoder(z).Encode(files.rules()), z.Close()); err != nil {
		return fmt.Errorf("rules: pack set: %w", err)
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO rule_set(at, actor, version, files) VALUES (?, ?, ?, ?)", at.UnixMilli(), actor, files.Version(), b.Bytes())
	if err == nil {
		_, err = tx.ExecContext(ctx, "DELETE FROM rule_set WHERE id <= (SELECT max(id) FROM rule_set) - ?", setsKept)
	}
	if err != nil {
		return fmt.Errorf("rules: keep set: %w", err)
	}
	return nil
}

// lastSet is the version of the set that was in force last; "" for none.
func (s *Store) lastSet(ctx context.Context) (version string, err error) {
	err = s.db.Read().QueryRowContext(ctx, "SELECT version FROM rule_set ORDER BY id DESC LIMIT 1").Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("rules: read sets: %w", err)
	}
	return version, nil
}

// SetAt returns the files that were in force at a time; none when that is not
// known any more.
func (s *Store) SetAt(ctx context.Context, at time.Time) (Files, error) {
	var packed []byte
	err := s.db.Read().QueryRowContext(ctx, "SELECT files FROM rule_set WHERE at <= ? ORDER BY id DESC LIMIT 1", at.UnixMilli()).Scan(&packed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("rules: read set: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("rules: unpack set: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(z, maxFiles*maxFile))
	if err != nil {
		return nil, fmt.Errorf("rules: unpack set: %w", err)
	}
	var files Files
	if err := json.Unmarshal(text, &files); err != nil {
		return nil, fmt.Errorf("rules: unpack set: %w", err)
	}
	return files, nil
}
