package identity

import "context"

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
