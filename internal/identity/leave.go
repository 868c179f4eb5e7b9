package identity

import (
	"context"
	"database/sql"
	"fmt"

	"dongyue/internal/web"
)

// EndPerson switches off the accounts of a person who has moved out and ends
// their sessions; it says how many of each there were.
func (i *Identity) EndPerson(ctx context.Context, actor, person string) (accounts, sessions int, err error) {
	var ids []string
	n := now()
	i.mu.RLock()
	for id, u := range i.users {
		if person == "" || u.Person != person || u.Disabled {
			continue
		}
		ids = append(ids, id)
		for _, s := range i.sessions {
			if s.user == id && i.alive(s, n) {
				sessions++
			}
		}
	}
	i.mu.RUnlock()
	off := true
	for _, id := range ids {
		if _, _, err := i.ChangeUser(ctx, actor, id, Change{Disabled: &off}); err != nil {
			return accounts, sessions, err
		}
		accounts++
	}
	return accounts, sessions, nil
}

// ForgetPerson takes name and login out of the residents' accounts of a person who is
// erased. They are switched off before; what they did stays in the audit, under their ids.
// Accounts of those who work here are kept: the audit has to say who they were.
func (i *Identity) ForgetPerson(ctx context.Context, actor, person string) error {
	i.change.Lock()
	defer i.change.Unlock()
	var gone []User
	i.mu.RLock()
	for id, u := range i.users {
		if person != "" && u.Person == person && u.Disabled && u.Role == web.Resident && u.Login != loginOfGone(id) {
			gone = append(gone, u)
		}
	}
	i.mu.RUnlock()
	err := i.db.Tx(ctx, func(tx *sql.Tx) error {
		for _, u := range gone {
			if _, err := tx.ExecContext(ctx, "UPDATE users SET name = '-', login = ?, hash = '' WHERE id = ?", loginOfGone(u.ID), u.ID); err != nil {
				return fmt.Errorf("forget user %s: %w", u.ID, err)
			}
			if err := i.Audit(ctx, tx, actor, "user.forgotten", u.ID, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, u := range gone {
		i.mu.Lock()
		delete(i.logins, u.Login)
		i.mu.Unlock()
		u.Name, u.Login = "-", loginOfGone(u.ID)
		i.put(u)
	}
	return nil
}

// loginOfGone is a login of nobody.
func loginOfGone(id string) string { return "gone-" + id }
