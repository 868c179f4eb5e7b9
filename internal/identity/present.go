package identity

import (
	"slices"
	"time"

	"dongyue/internal/web"
)

// Present counts the people of some roles who have a screen open: whose session
// was used within the time. An open screen asks every few seconds.
func (i *Identity) Present(within time.Duration, roles ...web.Role) int {
	n := now()
	people := map[string]bool{}
	i.mu.RLock()
	defer i.mu.RUnlock()
	for _, s := range i.sessions {
		u, ok := i.users[s.user]
		if ok && !u.Disabled && slices.Contains(roles, u.Role) && i.alive(s, n) && n.Sub(at(s.seen.Load())) < within {
			people[s.user] = true
		}
	}
	return len(people)
}

// AccountsOf lists the accounts with which a person may sign in.
func (i *Identity) AccountsOf(person string) (accounts []string) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	for id, u := range i.users {
		if person != "" && u.Person == person && !u.Disabled {
			accounts = append(accounts, id)
		}
	}
	slices.Sort(accounts)
	return accounts
}
