package rules

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"dongyue/internal/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store keeps the state of an engine's subjects in the hub's database.
type Store struct {
	db *db.DB
}

// NewStore opens the table.
func NewStore(ctx context.Context, d *db.DB) (*Store, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("rules: migrations: %w", err)
	}
	if err := d.Migrate(ctx, "rules", dir); err != nil {
		return nil, err
	}
	return &Store{db: d}, nil
}

// Save writes what Engine.Dirty has returned.
func (s *Store) Save(ctx context.Context, tx *sql.Tx, rows []Saved) error {
	for _, r := range rows {
		var err error
		if r.Data == nil {
			_, err = tx.ExecContext(ctx, "DELETE FROM rule_state WHERE rule = ? AND device = ? AND part = ?", r.Rule, r.Device, r.Part)
		} else {
			_, err = tx.ExecContext(ctx, `INSERT INTO rule_state(rule, device, part, data) VALUES (?, ?, ?, ?)
				ON CONFLICT(rule, device, part) DO UPDATE SET data = excluded.data`, r.Rule, r.Device, r.Part, string(r.Data))
		}
		if err != nil {
			return fmt.Errorf("rules: save state of %s for %s: %w", r.Rule, r.Device, err)
		}
	}
	return nil
}

// Load reads what Engine.Restore wants.
func (s *Store) Load(ctx context.Context) ([]Saved, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT rule, device, part, data FROM rule_state ORDER BY rule, device, part")
	if err != nil {
		return nil, fmt.Errorf("rules: read state: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []Saved
	for rows.Next() {
		var r Saved
		var data string
		if err := rows.Scan(&r.Rule, &r.Device, &r.Part, &data); err != nil {
			return nil, fmt.Errorf("rules: read state: %w", err)
		}
		r.Data = []byte(data)
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("rules: read state: %w", err)
	}
	return out, nil
}
