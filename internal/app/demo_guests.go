package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"dongyue/internal/access"
	"dongyue/internal/simulator/incident"
)

// hosts are the residents of the demonstration: they give passes as a person does on the
// phone, and the visitor's phone has the link.
type hosts struct{ app *App }

// Invite implements incident.Hosts for the resident who has an account.
func (h hosts) Invite(ctx context.Context) (g incident.Guest, err error) {
	a := h.app
	p := a.demo.town.People[0]
	n := access.NewPass{
		Host: p.ID, Doors: []string{p.Gate, p.Door}, Name: "李先生", Uses: 1, To: time.Now().Add(2 * time.Hour),
		Plate: fmt.Sprintf("川AD%05d", rand.IntN(100_000)), //nolint:gosec // a number plate, no secret
	}
	pass, token, err := a.access.AddPass(ctx, hubActor, n)
	if err != nil {
		return g, err
	}
	return incident.Guest{
		Plate: pass.Plate, Gate: p.Gate, Door: p.Door,
		Code: func(ctx context.Context) (string, error) {
			c, err := a.access.VisitorCode(ctx, token)
			return c.QR, err
		},
		Over: func() {
			if err := a.access.EndPass(context.WithoutCancel(ctx), hubActor, "", pass.ID); err != nil {
				a.log.Warn("demonstration: pass not ended", "pass", pass.ID, "err", err)
			}
		},
	}, nil
}
