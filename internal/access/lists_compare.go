package access

import (
	"context"
	"slices"
	"time"

	"dongyue/internal/doorlist"
)

// compare notes what is new, gone, or opens less than it did.
func (p *published) compare(was *doorlist.Tree, wasSets map[doorlist.SetID]*setUse, is *doorlist.Tree, isSets map[doorlist.SetID]*setUse, now int64) {
	for e := range is.All() {
		old, had := was.Get(e.Key)
		if had && old == e {
			continue
		}
		p.keys = append(p.keys, e.Key)
		if had && narrower(old, e, rightsOf(wasSets, old.Set), rightsOf(isSets, e.Set), now) {
			p.less = append(p.less, old)
		}
	}
	for old := range was.All() {
		if _, still := is.Get(old.Key); !still {
			p.keys, p.gone = append(p.keys, old.Key), append(p.gone, old)
		}
	}
}

func rightsOf(sets map[doorlist.SetID]*setUse, id doorlist.SetID) []doorlist.Right {
	if s := sets[id]; s != nil {
		return s.rights
	}
	return nil
}

// narrower reports whether an entry opens at some time when it no longer may. What is
// over by itself does not count: the door knows that, too. now is in Unix ms.
func narrower(was, is doorlist.Entry, wasRights, isRights []doorlist.Right, now int64) bool {
	return slices.ContainsFunc(wasRights, func(r doorlist.Right) bool {
		r = within(was, r)
		return !reached(int64(r.To)*1000, now) && !slices.ContainsFunc(isRights, func(n doorlist.Right) bool { return includes(within(is, n), r) })
	})
}

// within is a right with the validity of its entry.
func within(e doorlist.Entry, r doorlist.Right) doorlist.Right {
	r.From, r.To = max(r.From, e.From), earlier(r.To, e.To)
	return r
}

// includes reports whether a right holds whenever another one does. Of two schedules it
// only knows that they are the same, or that one is always; in doubt it is not.
func includes(wide, r doorlist.Right) bool {
	switch {
	case wide.When != r.When && wide.When != Always:
		return false
	case wide.From > r.From, wide.To != 0 && (r.To == 0 || r.To > wide.To):
		return false
	}
	return (wide.First || !r.First) && (wide.Lockdown || !r.Lockdown)
}

// compareWithBefore finds, for lists that are not those that were signed before the
// restart, what the doors still have of it: the lists are made once more as things
// stood when they were issued. Who was away when the hub stopped would else look as if
// nothing had been taken from it.
func (x *Access) compareWithBefore(ctx context.Context, fresh []*published) error {
	issued := map[time.Time][]*published{}
	for _, p := range fresh {
		if p.lost && p.have > 0 {
			issued[p.issued] = append(issued[p.issued], p)
		}
	}
	for at, ps := range issued {
		if err := x.compareWithListsOf(ctx, at, ps); err != nil {
			return err
		}
	}
	return nil
}

func (x *Access) compareWithListsOf(ctx context.Context, issued time.Time, ps []*published) error {
	b, err := x.newBuilder(ctx, issued)
	if err != nil {
		return err
	}
	b.asOf = b.now
	doors := make(map[string]*doorRights, len(ps))
	for _, p := range ps {
		doors[p.door.ID] = p.doorRights
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	may := b.reach(doors)
	for _, p := range ps {
		was, sets := b.build(&p.door, p.salt, may, may.doors[p.door.ID])
		p.compare(was, sets, p.tree, p.sets, now().UnixMilli())
		p.keys = nil // a difference can't be made of it: the door gets all
		if root := was.Root(); hexHash(root) != p.root {
			x.log.InfoContext(ctx, "list of before the restart is not what it would have been; what it had more is an estimate", "device_id", p.door.ID)
		}
	}
	return nil
}
