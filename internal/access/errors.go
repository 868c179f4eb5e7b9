package access

import "errors"

// Errors that callers tell apart.
var (
	ErrInvalid     = errors.New("invalid")
	ErrNotFound    = errors.New("not found")
	ErrTaken       = errors.New("this credential belongs to somebody already")
	ErrNotYourZone = errors.New("outside of where the account acts")
	ErrNotYours    = errors.New("no live right to this door")
	ErrDoorOffline = errors.New("the door is not connected")
	ErrNoLift      = errors.New("no lift to this home")
	ErrTooOften    = errors.New("too many openings in a short time")

	ErrTooManyPasses = errors.New("too many passes at a time")
	ErrCodeRevoked   = errors.New("the code was revoked")
	ErrPhone         = errors.New("the phone could not prove itself")
	ErrOwnRequest    = errors.New("somebody else has to judge it")
	ErrJudged        = errors.New("it was judged already")
	ErrNotAllowed    = errors.New("the copy was not allowed")
	ErrReasonNeeded  = errors.New("say why")
)

// RefusedError is that a rule of the door refuses, though the person has a right.
type RefusedError struct{ Reason Reason }

func (e *RefusedError) Error() string { return "refused: " + string(e.Reason) }
