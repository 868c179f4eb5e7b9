package streams

import "errors"

// What Open, Delete and the readers report.
var (
	// ErrUnknown means that no camera has this id.
	ErrUnknown = errors.New("streams: no such camera")
	// ErrNotRunning means that Run has not begun or has ended.
	ErrNotRunning = errors.New("streams: not running")
	// ErrExists means that a camera with this id is there already.
	ErrExists = errors.New("streams: camera exists")
	// ErrGone ends the readers of a camera that was deleted or got another address.
	ErrGone = errors.New("streams: camera is gone")
)

// What a Puller reports, so that the cause can be told in plain words. Wrap them.
var (
	// ErrUnreachable means that nobody answers at the camera's address.
	ErrUnreachable = errors.New("camera does not answer")
	// ErrAuth means that the camera refuses the user or the password.
	ErrAuth = errors.New("camera refuses the user or password")
	// ErrNotFound means that the camera does not know the path.
	ErrNotFound = errors.New("camera does not know this path")
	// ErrNoH264 means that the camera offers no H.264 picture.
	ErrNoH264 = errors.New("camera offers no H.264")
	// ErrSilent means that the camera is connected and sends no pictures.
	ErrSilent = errors.New("camera sends no pictures")
	// ErrRefused means that the camera answers with another error.
	ErrRefused = errors.New("camera refuses the stream")
)
