package access

import (
	"fmt"

	"dongyue/internal/doorlist"
)

// Always is the schedule without limits.
const Always = doorlist.Always

// Schedule says at which minutes of which days a right is good; doors read the
// same words.
type Schedule = doorlist.Schedule

// ParseSchedule reads a schedule as people write it.
func ParseSchedule(text string) (*Schedule, error) {
	s, err := doorlist.ParseSchedule(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return s, nil
}
