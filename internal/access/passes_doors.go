package access

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// checkKind completes what a courier's pass is: one way in the hour, once, and over when
// the courier leaves.
func (n *NewPass) checkKind() error {
	switch n.Kind {
	case "":
		n.Kind = Visitor
	case Visitor:
	case Courier:
		if n.To.Sub(n.From) > courierFor {
			return fmt.Errorf("%w: %w: the pass lasts at most %d minutes", ErrInvalid, ErrCouriersWay, int(courierFor.Minutes()))
		}
		n.Uses, n.Leave = 1, true
	default:
		return fmt.Errorf("%w: kind %.20q of a pass is not one of visitor, courier", ErrInvalid, n.Kind)
	}
	return nil
}

// passDoors checks that every door is the host's own, or takes all of them. A door that
// is not and one that does not exist give the same error.
func (x *Access) passDoors(n *NewPass) ([]string, error) {
	mine := map[string]Door{}
	for _, d := range x.doorsOf(n.Host, gradeHours) {
		mine[d.ID] = d
	}
	doors := slices.Clone(n.Doors)
	if len(doors) == 0 {
		doors = x.usualDoors(n, mine)
	}
	if len(doors) == 0 || len(doors) > mostDoors {
		return nil, ErrNotYours
	}
	for _, id := range doors {
		d, ok := mine[id]
		switch {
		case !ok:
			return nil, ErrNotYours
		case d.Vehicles && n.Plate == "":
			return nil, fmt.Errorf("%w: %w: give the plate of the car, or leave out %s (%s)", ErrInvalid, ErrPlateNeeded, d.ID, d.Name)
		case n.Kind == Courier && !x.onCouriersWay(n.Host, &d):
			return nil, fmt.Errorf("%w: %w, which goes through the gates to the host's own stair: %s (%s) is elsewhere", ErrInvalid, ErrCouriersWay, d.ID, d.Name)
		}
	}
	slices.Sort(doors)
	return slices.Compact(doors), nil
}

// usualDoors are those of a pass that names none: without a plate no barriers, of a
// courier nothing off the way.
func (x *Access) usualDoors(n *NewPass, mine map[string]Door) (doors []string) {
	for id, d := range mine {
		if d.Vehicles && n.Plate == "" || n.Kind == Courier && !x.onCouriersWay(n.Host, &d) {
			continue
		}
		doors = append(doors, id)
	}
	return doors
}

// gateMissed reports whether a courier stands at the stair and has come through no gate of
// the pass. A gate that stands free or is not connected may have let anybody through: then
// nobody can say.
func (x *Access) gateMissed(ctx context.Context, tx *sql.Tx, a *Ask) (bool, error) {
	x.mu.RLock()
	p := a.Credential.Person
	courier, home, own := p.Kind == Courier && p.Host != nil, "", []string{}
	if courier {
		home, own = p.Host.Unit, slices.Collect(maps.Keys(p.Own.Doors))
	}
	x.mu.RUnlock()
	if !courier || a.Door.Zone != home {
		return false, nil
	}
	gates := []string{}
	for _, id := range own {
		d, ok := x.doors.Door(id)
		switch {
		case !ok || d.Zone == home:
		case !d.Online || x.rungOf(id).Free():
			return false, nil
		default:
			gates = append(gates, id)
		}
	}
	if len(gates) == 0 {
		return false, nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT DISTINCT door FROM access_badges WHERE person = ? AND side = 'in' AND decision = 'granted'", p.ID)
	if err != nil {
		return false, fmt.Errorf("find gate of courier: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var door string
		if err := rows.Scan(&door); err != nil {
			return false, fmt.Errorf("find gate of courier: %w", err)
		}
		if slices.Contains(gates, door) {
			return false, nil
		}
	}
	return true, rows.Err()
}

// onCouriersWay reports whether a door is the host's own stair, or a gate: a door behind
// which nobody lives.
func (x *Access) onCouriersWay(host string, d *Door) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	h := x.ix.people[host]
	if h == nil || d.Vehicles || d.Zone == h.Unit {
		return h != nil
	}
	for _, p := range x.ix.people {
		if p.Left == 0 && p.Host == nil && p.Unit != "" && (p.Unit == d.Zone || strings.HasPrefix(d.Zone, p.Unit+"/")) {
			return false
		}
	}
	return true
}
