package app

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"dongyue/devices"
)

// liftLabel of a door says that its controller calls a lift, and which floors that
// serves: 1-6, or -1,1,3-18.
const liftLabel = "lift"

// lifts are the registry's labels as access asks for them.
type lifts struct{ devices *devices.Registry }

// Floors implements access.Lifts.
func (l lifts) Floors(door string) []int {
	d, err := l.devices.Get(context.Background(), door)
	if err != nil {
		return nil
	}
	return parseFloors(d.Labels[liftLabel])
}

// mostFloors bounds what a label may name.
const mostFloors = 200

// parseFloors reads a label; a part that is no floor is none.
func parseFloors(text string) (floors []int) {
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		from, err := strconv.Atoi(part)
		to := from
		if at := strings.IndexByte(part[min(1, len(part)):], '-') + 1; err != nil && at > 0 { // the first may be below zero
			var err2 error
			from, err = strconv.Atoi(part[:at])
			if to, err2 = strconv.Atoi(part[at+1:]); err2 != nil {
				continue
			}
		}
		if err != nil || to < from || to-from > mostFloors {
			continue
		}
		for f := from; f <= to && len(floors) < mostFloors; f++ {
			if !slices.Contains(floors, f) {
				floors = append(floors, f)
			}
		}
	}
	return floors
}
