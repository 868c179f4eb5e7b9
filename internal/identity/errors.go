package identity

import (
	"errors"
	"fmt"
	"time"
)

// Errors that callers tell apart.
var (
	ErrInvalid    = errors.New("invalid")
	ErrNotFound   = errors.New("not found")
	ErrLoginTaken = errors.New("login is taken")
	ErrLastAdmin  = errors.New("the last administrator can't be disabled or given another role")
	ErrRefused    = errors.New("login or password is wrong") // for unknown, disabled and wrong alike
)

// LimitedError says that there were too many wrong passwords.
type LimitedError struct {
	Wait time.Duration // until one more try is allowed
}

// Error implements error.
func (e *LimitedError) Error() string {
	return fmt.Sprintf("too many wrong passwords; wait %s", e.Wait.Round(time.Second))
}
