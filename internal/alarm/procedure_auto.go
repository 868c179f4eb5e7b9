package alarm

import (
	"context"
	"errors"

	"dongyue/internal/web"
)

// autoTick ticks the steps of the incident's card that say of themselves that an
// action does them, once the hub has carried that action out.
func (b *batch) autoTick(ctx context.Context, al *Alarm, x Action, why string) error {
	root, card, err := b.card(ctx, al)
	if _, none := errors.AsType[*web.Problem](err); none {
		return nil // no card
	}
	if err != nil {
		return err
	}
	steps := card.auto(x)
	if len(steps) == 0 {
		return nil
	}
	p, err := b.a.replay(ctx, b.tx, root, card)
	if err != nil {
		return err
	}
	for _, id := range steps {
		if _, done := p.done(id); !done {
			b.remark(root, Stepped, tick{card: card.ID, step: id, text: why}.String())
		}
	}
	return nil
}

// auto are the plain steps that an action does: `command:cut` that command,
// `command` any.
func (c *Card) auto(x Action) (ids []string) {
	for i := range c.Steps {
		s := &c.Steps[i]
		if s.Auto != "" && len(s.Answers) == 0 && (s.Auto == x.Type || s.Auto == x.Type+":"+x.Command) {
			ids = append(ids, s.ID)
		}
	}
	return ids
}
