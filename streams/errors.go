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
	// ErrCoding ends the readers of a camera that was set to another coding.
	ErrCoding = errors.New("streams: the camera's coding is another one now")
	// ErrBusy is an Output's: this machine had no room for some packets.
	ErrBusy = errors.New("streams: no room to send")
)

// What a Puller reports, so that the cause can be told in plain words. Wrap them.
var (
	// ErrUnreachable means that nobody answers at the camera's address.
	ErrUnreachable = errors.New("camera does not answer")
	// ErrAuth means that the camera refuses the user or the password.
	ErrAuth = errors.New("camera refuses the user or password")
	// ErrNotFound means that the camera does not know the path.
	ErrNotFound = errors.New("camera does not know this path")
	// ErrNoVideo means that the camera offers neither H.264 nor H.265.
	ErrNoVideo = errors.New("camera offers neither H.264 nor H.265")
	// ErrSilent means that the camera is connected and sends no pictures.
	ErrSilent = errors.New("camera sends no pictures")
	// ErrCertificate means that the camera's TLS certificate is not trusted.
	ErrCertificate = errors.New("camera's certificate is not trusted")
	// ErrNotNow means that the camera or recorder can't serve now (503).
	ErrNotNow = errors.New("camera or recorder is busy")
	// ErrFull means that it has no session left (453).
	ErrFull = errors.New("camera or recorder has no session left")
	// ErrRefused means that the camera answers with another error.
	ErrRefused = errors.New("camera refuses the stream")
)
