package access

import (
	"context"

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
