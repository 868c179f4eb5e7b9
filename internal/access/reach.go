package access

import (
	"context"
	"slices"

	"dongyue/internal/web"
)

// reachesDoor reports whether the one who asks acts at a door, so far as it is known.
func (x *Access) reachesDoor(ctx context.Context, id string) bool {
	d, ok := x.doors.Door(id)
	return !ok || web.Reaches(ctx, d.Zone)
}

// mayGive checks that the one who asks acts wherever a right opens. Who can't open a door
// must not let somebody else do it.
func (x *Access) mayGive(ctx context.Context, r *RightInfo) error {
	if r.Zone != "" && !web.Reaches(ctx, r.Zone) {
		return ErrNotYourZone
	}
	doors := []string{r.Door}
	if r.DoorGroup != "" {
		doors = x.doorsOfGroup(r.DoorGroup)
	}
	return x.mayChange(ctx, doors...)
}

// mayChange checks that the one who asks acts at each of the doors.
func (x *Access) mayChange(ctx context.Context, doors ...string) error {
	for _, id := range doors {
		if !x.reachesDoor(ctx, id) {
			return ErrNotYourZone
		}
	}
	return nil
}

func (x *Access) doorsOfGroup(name string) (doors []string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for id, p := range x.site.doors {
		for _, g := range p.Groups {
			if g == name {
				doors = append(doors, id)
			}
		}
	}
	return doors
}

// mayManage checks that the one who asks acts where a person lives. Who has no home here,
// as staff, is of those who act wherever that person may go.
func (x *Access) mayManage(ctx context.Context, p *PersonInfo) error {
	switch {
	case web.Reaches(ctx, p.Unit): // an account that acts everywhere reaches no home, too
		return nil
	case p.Unit != "":
		return ErrNotYourZone
	}
	if err := x.mayGiveAll(ctx, RightsFilter{Person: p.ID}); err != nil {
		return err
	}
	return x.mayJoin(ctx, p.Groups)
}

// mayManageID is mayManage of somebody who is in the tables.
func (x *Access) mayManageID(ctx context.Context, q querier, id string) error {
	p, err := readPerson(ctx, q, id)
	if err != nil {
		return err
	}
	return x.mayManage(ctx, &p)
}

// mayMake checks that the one who asks may make a person what it is to be. was is nil of
// one who is new. Whom one takes into a group, one gives its rights.
func (x *Access) mayMake(ctx context.Context, was, is *PersonInfo) error {
	if web.Reaches(ctx, "") {
		return nil
	}
	added := is.Groups
	if was != nil {
		if err := x.mayManage(ctx, was); err != nil {
			return err
		}
		added = slices.DeleteFunc(slices.Clone(is.Groups), func(g string) bool { return slices.Contains(was.Groups, g) })
	}
	if err := x.mayJoin(ctx, added); err != nil {
		return err
	}
	return x.mayManage(ctx, is)
}

// mayJoin checks that the one who asks may give all that groups of people may.
func (x *Access) mayJoin(ctx context.Context, groups []string) error {
	for _, g := range groups {
		if err := x.mayGiveAll(ctx, RightsFilter{Group: g}); err != nil {
			return err
		}
	}
	return nil
}

func (x *Access) mayGiveAll(ctx context.Context, f RightsFilter) error {
	rights, err := x.Rights(ctx, f, "", mostPerPerson)
	if err != nil {
		return err
	}
	for i := range rights {
		if err := x.mayGive(ctx, &rights[i]); err != nil {
			return err
		}
	}
	return nil
}

// mayEnd checks that the one who asks may take a right away: who acts at its doors, or
// where its holder lives.
func (x *Access) mayEnd(ctx context.Context, q querier, r *RightInfo) error {
	err := x.mayGive(ctx, r)
	if err == nil || r.Person == "" {
		return err
	}
	return x.mayManageID(ctx, q, r.Person)
}

// mayEndPass is the same of a guest's pass. A host's own is the host's, wherever it opens.
func (x *Access) mayEndPass(ctx context.Context, q querier, host, visitor string) error {
	if host != "" {
		return nil
	}
	if err := x.mayManageID(ctx, q, visitor); err == nil {
		return nil
	}
	return x.mayGiveAll(ctx, RightsFilter{Person: visitor})
}

// doorsOfArea are those by which one gets into a passback area, or out of it.
func (x *Access) doorsOfArea(id string) (doors []string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for door, p := range x.site.doors {
		if p.Inside != nil && p.Inside.ID == id || p.Outside != nil && p.Outside.ID == id {
			doors = append(doors, door)
		}
	}
	return doors
}
