package notify

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"regexp"

	"dongyue/internal/web"
)

// Contacts are where a person is reached beside the desk.
type Contacts struct {
	Language Language  `json:"language,omitempty" enum:"zh,en," doc:"of what the person is told; left out: as it was, at first the hub's"`
	Channels []Contact `json:"channels" maxItems:"10"`
}

// Contact is one way to a person.
type Contact struct {
	Type    string `json:"type" enum:"desk,webhook,wecom,dingtalk,feishu,ntfy,smtp"`
	Address string `json:"address" maxLength:"300" doc:"smtp: mail address; ntfy: topic; wecom, dingtalk, feishu: user id or mobile number to mention, @all, or empty; webhook: anything"`
}

// querier is a transaction or the readers' side.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func contacts(ctx context.Context, q querier, account string) (Contacts, error) {
	c := Contacts{Channels: []Contact{}}
	err := q.QueryRowContext(ctx, "SELECT language FROM notify_person WHERE account = ?", account).Scan(&c.Language)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("read contacts: %w", err)
	}
	rows, err := q.QueryContext(ctx, "SELECT channel, address FROM notify_contact WHERE account = ? ORDER BY place", account)
	if err != nil {
		return c, fmt.Errorf("read contacts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var x Contact
		if err := rows.Scan(&x.Type, &x.Address); err != nil {
			return c, fmt.Errorf("read contacts: %w", err)
		}
		c.Channels = append(c.Channels, x)
	}
	return c, rows.Err()
}

// setContacts writes all contacts of an account.
func (n *Notify) setContacts(ctx context.Context, actor, account string, c Contacts) error {
	if err := c.check(); err != nil {
		return err
	}
	err := n.o.DB.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM notify_contact WHERE account = ?", account); err != nil {
			return err
		}
		if c.Language != "" {
			_, err := tx.ExecContext(ctx, "INSERT INTO notify_person(account, language) VALUES (?, ?) ON CONFLICT(account) DO UPDATE SET language = excluded.language", account, c.Language)
			if err != nil {
				return err
			}
		}
		var kinds []string
		for i, x := range c.Channels {
			kinds = append(kinds, x.Type)
			if _, err := tx.ExecContext(ctx, "INSERT INTO notify_contact(account, place, channel, address) VALUES (?, ?, ?, ?)", account, i, x.Type, x.Address); err != nil {
				return err
			}
		}
		if n.o.Audit == nil {
			return nil
		}
		return n.o.Audit.Audit(ctx, tx, actor, "notify.contacts", account, map[string]any{"channels": kinds}) // addresses are personal
	})
	if err != nil {
		return fmt.Errorf("notify: contacts of %s: %w", account, err)
	}
	return nil
}

func (c *Contacts) check() error {
	bad := func(i int, what string) error {
		return web.Fail(http.StatusUnprocessableEntity, "notify.bad_contact", fmt.Sprintf("channels[%d]: %s", i, what))
	}
	seen := map[Contact]bool{}
	for i, x := range c.Channels {
		if seen[x] {
			return bad(i, "stands there twice; remove one")
		}
		seen[x] = true
		if what := x.wrong(); what != "" {
			return bad(i, what)
		}
	}
	return nil
}

// wrong says what is wrong with a contact's address, "" for nothing.
func (x Contact) wrong() string {
	switch x.Type {
	case SMTP:
		if a, err := mail.ParseAddress(x.Address); err != nil || a.Address != x.Address {
			return "write a mail address, as name@example.org"
		}
	case Ntfy:
		if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`).MatchString(x.Address) {
			return "write an ntfy topic: 1 to 64 of A-Z a-z 0-9 _ -"
		}
	case WeCom, DingTalk, Feishu:
		if !regexp.MustCompile(`^(|@all|\+?[A-Za-z0-9_.@-]{1,64})$`).MatchString(x.Address) {
			return "write the user id or the mobile number to mention, @all, or nothing"
		}
	case Desk:
		if x.Address != "" {
			return "the desk needs no address: leave it empty"
		}
	}
	return ""
}
