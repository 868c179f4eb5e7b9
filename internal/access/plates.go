package access

import (
	"slices"

	"dongyue/internal/doorlist"
)

// A number plate is no secret: everybody reads it, and a copy is quickly painted. It is
// kept as it is, so that a person can tell one car from another, and it opens for guests
// only while their car is not inside already.

func (ix *index) putPlate(c *Credential) {
	ix.plates[c.Plate] = append(ix.plates[c.Plate], c)
	ix.platesOf[c.Person.ID] = append(ix.platesOf[c.Person.ID], c.Plate)
}

func (ix *index) dropPlates(p *Person) {
	for _, plate := range ix.platesOf[p.ID] {
		left := slices.DeleteFunc(slices.Clone(ix.plates[plate]), func(c *Credential) bool { return c.Person == p })
		if len(left) == 0 {
			delete(ix.plates, plate)
			continue
		}
		ix.plates[plate] = left
	}
	delete(ix.platesOf, p.ID)
}

// readPlate finds whose the plate is that a camera has read. x.mu is held.
func (x *Access) readPlate(a *Ask, value string) {
	plate, err := doorlist.ParsePlate(value)
	if err != nil {
		a.Fault = PlateUnreadable
		return
	}
	a.Credential = x.ix.bestPlate(*a, plate)
}

// bestPlate is, of several that have a plate, the one that comes nearest to a grant; of
// equals the one that was registered last. a is a copy to try with.
func (ix *index) bestPlate(a Ask, plate string) (best *Credential) {
	near := -1
	for _, c := range ix.plates[plate] {
		if n := nearness(a, c); n >= near {
			best, near = c, n
		}
	}
	return best
}

func nearness(a Ask, c *Credential) int {
	if a.Credential = c; a.Door == nil {
		return 0
	}
	switch r := a.credential(); r {
	case None:
	case Inactive, LostStolen:
		return 0
	default:
		return 1
	}
	if r, _ := a.person(); r != None {
		return 2
	}
	return 3
}
