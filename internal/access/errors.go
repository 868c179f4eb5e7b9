package access

import "errors"

// Errors that callers tell apart.
var (
	ErrInvalid     = errors.New("invalid")
	ErrNotFound    = errors.New("not found")
	ErrTaken       = errors.New("this credential belongs to somebody already")
	ErrNotYours    = errors.New("no live right to this door")
	ErrDoorOffline = errors.New("the door is not connected")
	ErrTooOften    = errors.New("too many openings in a short time")
)
