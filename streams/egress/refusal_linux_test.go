package egress

import (
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A cable that is pulled for a moment is a hole in the network, not the viewer's end.
func TestRefusals(t *testing.T) {
	for _, e := range []syscall.Errno{unix.EAGAIN, unix.ENOBUFS, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENETDOWN, unix.EPERM} {
		if !errors.Is(refusal(e), ErrFull) {
			t.Errorf("%v ends the viewer", e)
		}
	}
	if err := refusal(unix.EBADF); errors.Is(err, ErrFull) || !errors.Is(err, unix.EBADF) {
		t.Errorf("a closed socket is %v", err)
	}
}
