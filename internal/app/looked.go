package app

import (
	"context"
	"encoding/json"

	"dongyue/internal/access"
	"dongyue/internal/identity"
)

// looked reads out of the audit who looked where somebody went.
type looked struct{ identity *identity.Identity }

// Lookups implements access.Looked.
func (l looked) Lookups(ctx context.Context, person string, limit int) ([]access.Lookup, error) {
	es, err := l.identity.AuditOf(ctx, access.LookedAtBadges, person, limit)
	all := make([]access.Lookup, 0, len(es))
	for _, e := range es {
		var d struct{ Door, Reason string }
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			return nil, err
		}
		u, _ := l.identity.User(e.Actor)
		all = append(all, access.Lookup{At: e.At, Actor: e.Actor, Name: u.Name, Person: e.Target, Door: d.Door, Reason: d.Reason})
	}
	return all, err
}
