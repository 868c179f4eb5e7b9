package identity

import (
	"context"
	"database/sql"
	"fmt"
	"sort"
	"strings"
	"time"

	"dongyue/internal/web"
)

// Token lets a program in until it is revoked. Its secret is shown once.
type Token struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      web.Role  `json:"role"`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
}

// Principal is what the rooms see of the program; the token is its account.
func (t Token) Principal() web.Principal {
	return web.Principal{ID: t.ID, Name: t.Name, Login: t.ID, Role: t.Role}
}

// AddToken makes a token and returns its secret, which is not kept.
func (i *Identity) AddToken(ctx context.Context, actor, name string, role web.Role) (Token, string, error) {
	switch {
	case strings.TrimSpace(name) == "" || len(name) > 200:
		return Token{}, "", fmt.Errorf("%w: name must have 1 to 200 bytes", ErrInvalid)
	case i.grants[role] == nil || role == web.Resident:
		return Token{}, "", fmt.Errorf("%w: role %q can't be given to a program", ErrInvalid, role)
	}
	secret, key := newSecret("dyt_")
	t := Token{ID: newID("t-"), Name: name, Role: role, CreatedBy: actor, CreatedAt: now()}
	i.change.Lock()
	defer i.change.Unlock()
	err := i.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO tokens(id, hash, name, role, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?)",
			t.ID, key[:], t.Name, t.Role, t.CreatedBy, t.CreatedAt.UnixMilli()); err != nil {
			return fmt.Errorf("add token: %w", err)
		}
		return i.Audit(ctx, tx, actor, "token.created", t.ID, map[string]any{"name": name, "role": role})
	})
	if err != nil {
		return Token{}, "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tokens[key] = t
	return t, secret, nil
}

// RevokeToken ends a token at once.
func (i *Identity) RevokeToken(ctx context.Context, actor, id string) error {
	i.change.Lock()
	defer i.change.Unlock()
	key, ok := i.tokenKey(id)
	if !ok {
		return fmt.Errorf("%w: token %s", ErrNotFound, id)
	}
	err := i.db.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE tokens SET revoked_at = ? WHERE id = ?", now().UnixMilli(), id); err != nil {
			return fmt.Errorf("revoke token: %w", err)
		}
		return i.Audit(ctx, tx, actor, "token.revoked", id, nil)
	})
	if err != nil {
		return err
	}
	i.mu.Lock()
	delete(i.tokens, key)
	i.mu.Unlock()
	i.opt.OnRevoked(id)
	return nil
}

func (i *Identity) tokenKey(id string) (secretHash, bool) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	for k, t := range i.tokens {
		if t.ID == id {
			return k, true
		}
	}
	return secretHash{}, false
}

// Tokens lists the tokens that are good, oldest first.
func (i *Identity) Tokens() []Token {
	i.mu.RLock()
	defer i.mu.RUnlock()
	all := make([]Token, 0, len(i.tokens))
	for _, t := range i.tokens {
		all = append(all, t)
	}
	sort.Slice(all, func(a, b int) bool {
		if !all[a].CreatedAt.Equal(all[b].CreatedAt) {
			return all[a].CreatedAt.Before(all[b].CreatedAt)
		}
		return all[a].ID < all[b].ID
	})
	return all
}

// VerifyToken finds the program that holds a token; also for MQTT, where an
// integrator's token is its password.
func (i *Identity) VerifyToken(_ context.Context, token string) (web.Principal, bool) {
	key := hashSecret(token) // the look-up compares hashes, so its time tells nothing about the secret
	i.mu.RLock()
	defer i.mu.RUnlock()
	t, ok := i.tokens[key]
	if !ok {
		return web.Principal{}, false
	}
	return t.Principal(), true
}

func (i *Identity) loadTokens(ctx context.Context) (map[secretHash]Token, error) {
	rows, err := i.db.Read().QueryContext(ctx, "SELECT hash, id, name, role, created_by, created_at FROM tokens WHERE revoked_at IS NULL")
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := map[secretHash]Token{}
	for rows.Next() {
		var key []byte
		var created int64
		var t Token
		if err := rows.Scan(&key, &t.ID, &t.Name, &t.Role, &t.CreatedBy, &created); err != nil {
			return nil, fmt.Errorf("read tokens: %w", err)
		}
		t.CreatedAt = at(created)
		if len(key) == len(secretHash{}) {
			all[secretHash(key)] = t
		}
	}
	return all, rows.Err()
}
